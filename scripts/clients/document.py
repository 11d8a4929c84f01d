"""Cut OpenAI's OpenAPI document down to the part that the simulated API serves.

Usage: document.py openapi.json part.json

Prism loads the part in two seconds and the whole document in half a minute. More important: the document still says
"nullable", a word of OpenAPI 3.0 that version 3.1 no longer has. Prism can't compile such a schema, and without a message
accepts every body. So "nullable" is replaced by the type null.

Some schemas of the document contradict its own examples, or what the service is known to send. They are corrected here, so
that every other difference is one of ours.
"""

import json
import sys

PATHS = [
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/files",
    "/files/{file_id}",
    "/files/{file_id}/content",
    "/batches",
    "/batches/{batch_id}",
    "/batches/{batch_id}/cancel",
    "/models",
    "/models/{model}",
]


def references(node, found):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            found.add(node["$ref"])
        for value in node.values():
            references(value, found)
    elif isinstance(node, list):
        for value in node:
            references(value, found)
    return found


def without_nullable(node):
    if isinstance(node, list):
        return [without_nullable(value) for value in node]
    if not isinstance(node, dict):
        return node
    node = {key: without_nullable(value) for key, value in node.items() if key != "x-oaiMeta"}
    if node.get("nullable") is True:
        del node["nullable"]
        node = or_null(node)
    return node


def or_null(schema):
    return {"anyOf": [schema, {"type": "null"}]}


def correct(schemas, paths):
    # The example of a batch has null for these.
    batch = schemas["Batch"]["properties"]
    for name in batch:
        if name == "errors" or name.endswith("_file_id") and name != "input_file_id" or name.endswith("_at") and name != "created_at":
            batch[name] = or_null(batch[name])
    # A file has either no details or null: openai-python and openai-node declare them optional.
    file = schemas["OpenAIFile"]["properties"]
    file["status_details"] = or_null(file["status_details"])
    # An empty list has no first and last object.
    for listed in ("ListFilesResponse", "ListBatchesResponse"):
        for name in ("first_id", "last_id"):
            schemas[listed]["properties"][name] = or_null(schemas[listed]["properties"][name])
    # The clients ask for base64 unless told otherwise. The document knows the parameter but not the answer.
    embedding = schemas["Embedding"]["properties"]
    embedding["embedding"] = {"anyOf": [embedding["embedding"], {"type": "string"}]}
    # A file's content is not JSON.
    answer = paths["/files/{file_id}/content"]["get"]["responses"]["200"]
    answer["content"] = {"application/octet-stream": {"schema": {"type": "string"}}}
    # The document has no answers to calls that fail, except for two with the status 429.
    for path in paths.values():
        for call in path.values():
            if isinstance(call, dict) and "responses" in call:
                call["responses"]["default"] = {
                    "description": "an error",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
                }


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        document = json.load(f)
    whole = {kind: dict(parts) for kind, parts in document["components"].items()}
    document["paths"] = {path: document["paths"][path] for path in PATHS}
    document["paths"]["/chat/completions"].pop("get", None)  # stored completions are not simulated
    document.pop("webhooks", None)
    correct(whole["schemas"], document["paths"])
    seen, todo = set(), references(document["paths"], set())
    while todo:
        reference = todo.pop()
        seen.add(reference)
        _, _, kind, name = reference.split("/")
        todo |= references(whole[kind][name], set()) - seen
    document["components"] = {
        kind: {
            name: part
            for name, part in parts.items()
            if kind == "securitySchemes" or f"#/components/{kind}/{name}" in seen
        }
        for kind, parts in whole.items()
    }
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        json.dump(without_nullable(document), f, indent=1)


main()
