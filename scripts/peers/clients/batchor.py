"""batchor: python batchor.py REQUESTS FOLDER; a second start continues the run in the folder."""

import json
import os
import sys

from batchor import BatchItem, BatchJob, BatchRunner, OpenAIEndpoint, OpenAIProviderConfig, PromptParts, SQLiteStorage

requests, folder = sys.argv[1:]
with open(requests) as f:
    lines = [json.loads(line) for line in f]
runner = BatchRunner(storage=SQLiteStorage(path=os.path.join(folder, "batchor.sqlite")))
job = BatchJob(
    items=[BatchItem(item_id=line["custom_id"], payload=line["body"]["messages"][0]["content"]) for line in lines],
    build_prompt=lambda item: PromptParts(prompt=item.payload),
    provider_config=OpenAIProviderConfig(model=lines[0]["body"]["model"], api_key="sk-peers", endpoint=OpenAIEndpoint.CHAT_COMPLETIONS))
run = runner.start(job, run_id="peers")
run.wait()
with open(os.path.join(folder, "out.jsonl"), "w") as out:
    for result in run.results():
        out.write(json.dumps({"id": result.item_id, "answer": result.output_text}) + "\n")
