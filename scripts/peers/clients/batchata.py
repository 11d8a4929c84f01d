"""batchata: python batchata.py REQUESTS FOLDER; a second start continues with its state file."""

import json
import os
import sys

from batchata import Batch

requests, folder = sys.argv[1:]
with open(requests) as f:
    bodies = [json.loads(line)["body"] for line in f]
batch = (
    Batch(results_dir=os.path.join(folder, "results"), items_per_batch=len(bodies))
    .set_state(file=os.path.join(folder, "state.json"), reuse_state=True)
    .set_default_params(model="gpt-4o-mini-2024-07-18", temperature=0.0))
for body in bodies:
    batch.add_job(messages=body["messages"])
results = batch.run().results()
with open(os.path.join(folder, "out.jsonl"), "w") as out:
    for result in results["completed"]:
        out.write(json.dumps({"id": result.job_id, "answer": result.raw_response}) + "\n")
