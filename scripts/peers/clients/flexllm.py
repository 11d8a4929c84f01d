"""flexllm: python flexllm.py REQUESTS OUT IN_FLIGHT; it continues an output file by itself."""

import asyncio
import json
import os
import sys

from flexllm import LLMClient

requests, out, in_flight = sys.argv[1:]
with open(requests) as f:
    bodies = [json.loads(line)["body"] for line in f]
client = LLMClient(base_url=os.environ["OPENAI_BASE_URL"], model=bodies[0]["model"], api_key="sk-peers", concurrency_limit=int(in_flight))
asyncio.run(client.chat_batch([body["messages"] for body in bodies], output_jsonl=out, show_progress=False, temperature=0, max_tokens=512))
