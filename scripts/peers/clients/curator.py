"""curator: python curator.py REQUESTS FOLDER IN_FLIGHT, or batch instead of a number; it continues by its cache."""

import importlib.util
import json
import os
import sys

# Its tokenizer downloads a vocabulary; one of the packages that it needs carries the same.
(litellm,) = importlib.util.find_spec("litellm").submodule_search_locations
os.environ.setdefault("TIKTOKEN_CACHE_DIR", os.path.join(litellm, "litellm_core_utils", "tokenizers"))

import openai  # noqa: E402
from bespokelabs import curator  # noqa: E402

requests, folder, how = sys.argv[1:]
with open(requests) as f:
    bodies = [json.loads(line)["body"] for line in f]


class Answers(curator.LLM):
    def prompt(self, row):
        return row["prompt"]

    def parse(self, row, answer):
        return {"answer": answer}


if how == "batch":
    # It uploads bytes, which are sent as a file called "upload". The simulated service wants a name in .jsonl; OpenAI's
    # refuses names such as notes.txt, but whether also this one is not known.
    create = openai.resources.files.AsyncFiles.create
    openai.resources.files.AsyncFiles.create = lambda self, *, file, **more: create(self, file=("requests.jsonl", file), **more)
params = {"base_url": os.environ["OPENAI_BASE_URL"], "api_key": "sk-peers"}
if how == "batch":
    params.update(batch_size=50_000, batch_check_interval=1)
else:  # as high as possible, so that only the calls in flight are limited
    params.update(max_concurrent_requests=int(how), max_requests_per_minute=10**9, max_tokens_per_minute=10**12)
llm = Answers(
    model_name=bodies[0]["model"], backend="openai", batch=how == "batch", backend_params=params,
    generation_params={"temperature": 0, "max_tokens": 512})
answers = llm([{"prompt": body["messages"][0]["content"]} for body in bodies], working_dir=os.path.join(folder, "curator"))
dataset = getattr(answers, "dataset", answers)
dataset.to_json(os.path.join(folder, "out.jsonl"))
