"""The script of GPT-NER's authors, unmodified, from a checkout: python reference.py CHECKOUT PROMPTS OUT

Its module for the service asks four prompts in a call, one call after the other, and its
results are written when all have come. Its own command line makes its own prompts; here it
gets those that all clients get.
"""

import json
import os
import runpy
import sys

checkout, path, out = sys.argv[1:]
os.chdir(os.path.join(checkout, "openai_access"))
sys.path.insert(0, ".")
import openai  # noqa: E402

openai.api_base = os.environ["OPENAI_BASE_URL"]
script = runpy.run_path("get_results_mrc_knn.py")
with open(path) as f:
    prompts = [json.loads(line)["body"]["messages"][0]["content"] for line in f]
access = script["AccessBase"](
    engine="text-davinci-003", temperature=0.0, max_tokens=512, top_p=1, frequency_penalty=0, presence_penalty=0, best_of=1)
results = script["ner_access"](openai_access=access, ner_pairs=prompts, batch=4)
script["write_file"](results, os.path.dirname(out), os.path.basename(out))
