"""OpenAI's cookbook script, from a file: python cookbook.py SCRIPT REQUESTS OUT

Two things are replaced, because they need the internet: it accepts only https addresses, and
its tokenizer downloads a vocabulary. Tokens are estimated, which costs less than counting.
"""

import asyncio
import json
import os
import runpy
import sys
import types

path, requests, out = sys.argv[1:]
bodies = out + ".requests"
with open(requests) as f, open(bodies, "w") as to:
    for line in f:
        to.write(json.dumps(json.loads(line)["body"]) + "\n")
estimate = types.SimpleNamespace(encode=lambda text: range(len(text) // 4))
sys.modules["tiktoken"] = types.SimpleNamespace(get_encoding=lambda name: estimate)
script = runpy.run_path(path)
run = script["process_api_requests_from_file"]
run.__globals__["api_endpoint_from_url"] = lambda url: "chat/completions"
asyncio.run(run(
    requests_filepath=bodies, save_filepath=out, request_url=os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    api_key="sk-peers", max_requests_per_minute=1e9, max_tokens_per_minute=1e12, token_encoding_name="cl100k_base",
    max_attempts=5, logging_level=30))
