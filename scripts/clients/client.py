"""OpenAI's Python client against the simulated API.

Usage: client.py FAKEOPENAI [CHECK...]

Each check starts FAKEOPENAI with the flags that it needs. With FRONT=URL and ADDR=HOST:PORT in the environment, the service
listens on ADDR and the client calls URL: a proxy in front of it.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

import openai
import pydantic

FAKEOPENAI = sys.argv[1]
PROMPT = "Mark the entities.\nInput: Rome is old\nOutput: @@Rome## is old\nInput: I saw Rome\nOutput:"
MODEL = "gpt-4o-mini"
checks = []


def check(f):
    checks.append(f)
    return f


@contextlib.contextmanager
def service(*flags, faults=None, **options):
    """Start the service, and yield a client and the address of the service's control calls."""
    with tempfile.TemporaryDirectory() as work:
        url_file = os.path.join(work, "url")
        args = [FAKEOPENAI, "--quiet", "--with-parent", "--addr-file", url_file, *flags]
        if os.environ.get("ADDR"):
            args += ["--addr", os.environ["ADDR"]]
        if faults:
            args += ["--faults", os.path.join(work, "faults")]
            with open(args[-1], "w", encoding="utf-8") as f:
                json.dump(faults, f)
        server = subprocess.Popen(args)
        try:
            while not os.path.exists(url_file):
                if server.poll() is not None:
                    raise RuntimeError("fakeopenai ended")
                time.sleep(0.01)
            with open(url_file, encoding="utf-8") as f:
                url = f.read().strip()
            options = {"api_key": "sk-any", "max_retries": 0, "timeout": 20} | options
            with openai.OpenAI(base_url=os.environ.get("FRONT") or url, **options) as client:
                yield client, url.removesuffix("/v1")
        finally:
            server.terminate()
            server.wait()


def control(url, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
        return json.load(answer)


def ask(client, **more):
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": PROMPT}], **more)


def same(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def fails(kind, call):
    try:
        call()
    except kind as e:
        assert type(e) is kind, f"got {type(e).__name__}, want {kind.__name__}"
        return e
    raise AssertionError(f"no {kind.__name__}")


def nothing_extra(model, *allowed):
    """Every field that was sent is one that the client declares."""
    extra = set(model.model_extra or {}) - set(allowed)
    assert not extra, f"{type(model).__name__} has no {extra}"
    for value in (getattr(model, name) for name in type(model).model_fields):
        for v in value if isinstance(value, list) else [value]:
            if isinstance(v, pydantic.BaseModel):
                nothing_extra(v)


def strictly(model):
    """The answer is what the client's types say, which the client itself doesn't check."""
    type(model).model_validate(json.loads(model.model_dump_json()), strict=True)
    nothing_extra(model)
    return model


def a_page(page):
    """The client's type for a page leaves out what it doesn't need of the list."""
    same(set(page.model_extra), {"object", "first_id", "last_id"})
    same((page.object, page.first_id, page.last_id), ("list", page.data[0].id, page.data[-1].id))
    for item in page.data:
        strictly(item)
    return page


@check
def chat():
    with service() as (client, _):
        answer = strictly(ask(client, temperature=0, max_completion_tokens=100, seed=1, stop=["\n"]))
        same(answer.choices[0].message.content, "I saw @@Rome##")
        same(answer.choices[0].finish_reason, "stop")
        same(answer.choices[0].message.refusal, None)
        same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        same(answer.usage.prompt_tokens_details.cached_tokens, 0)
        same(answer.usage.completion_tokens_details.reasoning_tokens, 0)
        same(answer.object, "chat.completion")
        assert answer._request_id.startswith("req_"), answer._request_id
        strictly(ask(client, max_tokens=2))
        same(ask(client, max_tokens=2).choices[0].finish_reason, "length")
    with service("--real-models") as (client, _):
        answer = client.chat.completions.create(
            model="gpt-6-luna", messages=[{"role": "user", "content": PROMPT}], max_completion_tokens=2000
        )
        assert strictly(answer).usage.completion_tokens_details.reasoning_tokens > 0


@check
def odd_answers():
    for kind, content, finish in [
        ("null_content", None, "stop"),
        ("empty_content", "", "stop"),
        ("refusal", None, "stop"),
        ("length", "I saw @", "length"),
        ("content_filter", "I saw @", "content_filter"),
    ]:
        with service(faults=[{"kind": kind}]) as (client, _):
            choice = strictly(ask(client)).choices[0]
            same((choice.message.content, choice.finish_reason), (content, finish))
            same(bool(choice.message.refusal), kind == "refusal")
    with service(faults=[{"kind": "reasoning"}]) as (client, _):
        same(ask(client).choices[0].message.model_extra["reasoning_content"], "I saw @@Rome##")
    with service(faults=[{"kind": "empty_choices"}]) as (client, _):
        same(strictly(ask(client)).choices, [])


@check
def structured_output():
    class Entities(pydantic.BaseModel):
        entities: list[str]

    with service() as (client, _):
        messages = [
            {"role": "user", "content": 'Input: Rome is old\nOutput: {"entities": ["Rome"]}\nInput: I saw Rome\nOutput:'}
        ]
        answer = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Entities)
        same(answer.choices[0].message.parsed, Entities(entities=["Rome"]))
        with_object = client.chat.completions.create(model=MODEL, messages=messages, response_format={"type": "json_object"})
        strictly(with_object)
        json.loads(with_object.choices[0].message.content)
    with service(faults=[{"kind": "length"}]) as (client, _):
        fails(
            openai.LengthFinishReasonError,
            lambda: client.chat.completions.parse(model=MODEL, messages=messages, response_format=Entities),
        )
    with service(faults=[{"kind": "content_filter"}]) as (client, _):
        fails(
            openai.ContentFilterFinishReasonError,
            lambda: client.chat.completions.parse(model=MODEL, messages=messages, response_format=Entities),
        )
    with service(faults=[{"kind": "refusal"}]) as (client, _):
        answer = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Entities)
        same(answer.choices[0].message.parsed, None)
        assert answer.choices[0].message.refusal


@check
def streaming():
    """It is not simulated, and says so."""
    with service() as (client, _):
        e = fails(openai.BadRequestError, lambda: ask(client, stream=True))
        same((e.code, e.param), ("unsupported_value", "stream"))
        same(strictly(ask(client, stream=False)).choices[0].message.content, "I saw @@Rome##")


@check
def legacy_completions():
    with service() as (client, _):
        answer = strictly(client.completions.create(model="gpt-3.5-turbo-instruct", prompt=PROMPT, max_tokens=50))
        same(answer.choices[0].text, "I saw @@Rome##")
        same(strictly(client.completions.create(model="gpt-3.5-turbo-instruct", prompt=[PROMPT])).choices[0].finish_reason, "stop")


@check
def embeddings():
    with service() as (client, _):
        asked = {"model": "text-embedding-3-small", "input": ["I saw Rome", "Rome is old"]}
        coded = strictly(client.embeddings.create(**asked))  # as base64
        plain = strictly(client.embeddings.create(**asked, encoding_format="float"))
        same([len(e.embedding) for e in coded.data], [1536, 1536])
        same([e.index for e in coded.data], [0, 1])
        assert max(abs(a - b) for a, b in zip(coded.data[0].embedding, plain.data[0].embedding)) < 1e-6
        assert abs(sum(x * x for x in coded.data[0].embedding) - 1) < 1e-5
        one = client.embeddings.create(model="text-embedding-3-large", input="I saw Rome", dimensions=8)
        same(len(one.data[0].embedding), 8)
        same(one.usage.prompt_tokens, 3)


@check
def models():
    with service("--models", "gpt-4o-mini,gpt-6-luna") as (client, _):
        same([m.id for m in client.models.list()], ["gpt-4o-mini", "gpt-6-luna"])
        found = client.models.retrieve("gpt-4o-mini")
        type(found).model_validate(found.model_dump(), strict=True)
        same((found.object, found.owned_by), ("model", "simulated"))
        e = fails(openai.NotFoundError, lambda: client.models.retrieve("gpt-none"))
        same((e.code, e.type, e.param), ("model_not_found", "invalid_request_error", None))


def request_lines(n, **body):
    return "".join(
        json.dumps(
            {
                "custom_id": f"row-{i}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]} | body,
            }
        )
        + "\n"
        for i in range(n)
    ).encode()


def upload(client, data, name="input.jsonl", **more):
    return client.files.create(file=(name, io.BytesIO(data)), purpose="batch", **more)


@check
def files():
    with service() as (client, _):
        data = request_lines(3)
        made = strictly(upload(client, data))
        same((made.bytes, made.purpose, made.status, made.filename), (len(data), "batch", "processed", "input.jsonl"))
        same(made.expires_at - made.created_at, 30 * 86400)
        same(client.files.retrieve(made.id), made)
        same(client.files.content(made.id).read(), data)
        with client.files.with_streaming_response.content(made.id) as answer:
            same(b"".join(answer.iter_bytes()), data)
        short = upload(client, data, expires_after={"anchor": "created_at", "seconds": 3600})
        same(short.expires_at - short.created_at, 3600)
        same(client.files.wait_for_processing(short.id).id, short.id)
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as f:
            f.write(data)
            f.flush()
            with open(f.name, "rb") as again:
                same(client.files.create(file=again, purpose="batch").bytes, len(data))
        more = [upload(client, data, f"{i}.jsonl") for i in range(5)]
        everything = [f.id for f in client.files.list(limit=3)]
        same(len(everything), 8)
        same(everything[:5], [f.id for f in reversed(more)])
        page = a_page(client.files.list(limit=3, order="asc", purpose="batch"))
        same((page.data[0].id, page.has_more, len(page.data)), (made.id, True, 3))
        same([f.id for f in client.files.list(limit=3, order="asc")], everything[::-1])
        same(client.files.list(purpose="batch_output").data, [])
        same(client.files.list(purpose="batch_output").has_more, False)
        gone = strictly(client.files.delete(made.id))
        same((gone.id, gone.deleted, gone.object), (made.id, True, "file"))
        e = fails(openai.NotFoundError, lambda: client.files.retrieve(made.id))
        same((e.type, e.param, e.status_code), ("invalid_request_error", "id", 404))
        fails(openai.NotFoundError, lambda: client.files.content(made.id))
        fails(openai.NotFoundError, lambda: client.files.delete(made.id))
        fails(openai.BadRequestError, lambda: upload(client, b"no JSON\n"))
        fails(openai.BadRequestError, lambda: upload(client, data, "input.txt"))


def start(client, data, **more):
    batch = client.batches.create(
        input_file_id=upload(client, data).id, endpoint="/v1/chat/completions", completion_window="24h", **more
    )
    return strictly(batch)


def lines(client, file_id):
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


@check
def batch_completed():
    with service("--validating", "1h", "--in-progress", "1h", "--finalizing", "1h") as (client, root):
        batch = start(client, request_lines(3), metadata={"part": "1"})
        same((batch.status, batch.metadata, batch.errors, batch.output_file_id), ("validating", {"part": "1"}, None, None))
        same(batch.expires_at - batch.created_at, 86400)
        for wait, status in [("61m", "in_progress"), ("61m", "finalizing"), ("61m", "completed")]:
            control(f"{root}/_sim/advance?d={wait}", "POST")
            batch = strictly(client.batches.retrieve(batch.id))
            same(batch.status, status)
        same(batch.request_counts.model_dump(), {"total": 3, "completed": 3, "failed": 0})
        same(batch.model, MODEL)
        same(batch.error_file_id, None)
        assert batch.created_at < batch.in_progress_at < batch.finalizing_at < batch.completed_at
        found = lines(client, batch.output_file_id)
        same(sorted(line["custom_id"] for line in found), ["row-0", "row-1", "row-2"])
        for line in found:
            same(line["error"], None)
            same(line["response"]["status_code"], 200)
            body = openai.types.chat.ChatCompletion.model_validate(line["response"]["body"], strict=True)
            same(body.choices[0].message.content, "I saw @@Rome##")
        same(batch.usage.total_tokens, sum(line["response"]["body"]["usage"]["total_tokens"] for line in found))
        same(client.files.retrieve(batch.output_file_id).purpose, "batch_output")
        e = fails(openai.ConflictError, lambda: client.batches.cancel(batch.id))
        same((e.type, e.code), ("invalid_request_error", None))


@check
def batch_completed_with_failed_rows():
    with service(faults=[{"kind": "batch_all_failed"}]) as (client, _):
        batch = strictly(client.batches.retrieve(start(client, request_lines(2)).id))
        same((batch.status, batch.output_file_id, batch.request_counts.failed), ("completed", None, 2))
        for line in lines(client, batch.error_file_id):
            same((line["error"], line["response"]["status_code"]), (None, 400))
            same(set(line["response"]["body"]["error"]), {"message", "type", "param", "code"})


@check
def batch_failed():
    with service() as (client, _):
        bad = request_lines(2) + b'{"custom_id": "row-0", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'
        batch = strictly(client.batches.retrieve(start(client, bad).id))
        same(batch.status, "failed")
        assert batch.failed_at
        assert batch.errors.data[0].line == 3 and batch.errors.data[0].code and batch.errors.data[0].message
        same((batch.output_file_id, batch.error_file_id, batch.request_counts.total), (None, None, 0))


@check
def batch_expired():
    with service("--in-progress", "100h") as (client, root):
        batch = start(client, request_lines(4))
        control(f"{root}/_sim/advance?d=25h", "POST")
        batch = strictly(client.batches.retrieve(batch.id))
        same((batch.status, batch.request_counts.total, batch.request_counts.failed), ("expired", 4, 0))
        assert batch.expired_at
        undone = [line for line in lines(client, batch.error_file_id) if line["error"]]
        same({line["error"]["code"] for line in undone}, {"batch_expired"})
        same([line["response"] for line in undone], [None] * len(undone))
        same(len(undone) + batch.request_counts.completed, 4)


@check
def batch_cancelled():
    with service("--in-progress", "2h", "--cancelling", "10m") as (client, root):
        batch = start(client, request_lines(4))
        control(f"{root}/_sim/advance?d=61m", "POST")
        same(strictly(client.batches.retrieve(batch.id)).request_counts.completed, 2)
        same(strictly(client.batches.cancel(batch.id)).status, "cancelling")
        control(f"{root}/_sim/advance?d=11m", "POST")
        batch = strictly(client.batches.retrieve(batch.id))
        same(batch.status, "cancelled")
        assert batch.cancelled_at >= batch.cancelling_at
        same((len(lines(client, batch.output_file_id)), len(lines(client, batch.error_file_id))), (2, 2))


@check
def batch_lists():
    with service() as (client, _):
        same(client.batches.list().data, [])
        ids = [start(client, request_lines(1)).id for _ in range(5)]
        same([b.id for b in client.batches.list(limit=2)], ids[::-1])
        page = a_page(client.batches.list(limit=2))
        same((page.has_more, len(page.data)), (True, 2))
        same([b.id for b in client.batches.list(after=ids[1])], ids[:1])
        fails(openai.NotFoundError, lambda: client.batches.retrieve("batch_none"))
        fails(openai.NotFoundError, lambda: client.batches.cancel("batch_none"))
        data = request_lines(1)
        wrong = dict(input_file_id="file-none", endpoint="/v1/chat/completions", completion_window="24h")
        same(fails(openai.BadRequestError, lambda: client.batches.create(**wrong)).param, "input_file_id")
        if not os.environ.get("FRONT"):  # a proxy that checks the calls refuses these itself
            wrong["input_file_id"] = upload(client, data).id
            same(fails(openai.BadRequestError, lambda: client.batches.create(**wrong | {"endpoint": "/v1/none"})).param, "endpoint")
            e = fails(openai.BadRequestError, lambda: client.batches.create(**wrong | {"completion_window": "1h"}))
            same(e.param, "completion_window")
            e = fails(openai.BadRequestError, lambda: client.batches.create(**wrong, metadata={"k": "v" * 513}))
            same((e.param, e.code), ("metadata.k", "string_above_max_length"))


@check
def errors():
    kinds = {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        403: openai.PermissionDeniedError,
        404: openai.NotFoundError,
        409: openai.ConflictError,
        422: openai.UnprocessableEntityError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
        503: openai.InternalServerError,
    }
    for status, kind in kinds.items():
        fault = {"kind": "status", "status": status, "type": "a_type", "code": "a_code", "message": "a message", "param": "a.param"}
        with service(faults=[fault]) as (client, _):
            for call in (
                lambda: ask(client),
                lambda: client.embeddings.create(model="text-embedding-3-small", input="a"),
                lambda: client.files.list(),
                lambda: client.batches.retrieve("batch_1"),
                lambda: client.models.list(),
            ):
                e = fails(kind, call)
                same((e.status_code, e.type, e.code, e.param), (status, "a_type", "a_code", "a.param"))
                same(e.body, {"message": "a message", "type": "a_type", "param": "a.param", "code": "a_code"})
                same(e.message, f"Error code: {status} - a message")
                assert e.request_id.startswith("req_"), e.request_id
    with service("--key", "sk-right") as (client, _):
        e = fails(openai.AuthenticationError, lambda: ask(client))
        same((e.code, e.type, e.param), ("invalid_api_key", "invalid_request_error", None))
        e = fails(openai.AuthenticationError, lambda: client.files.list())
        same(e.code, "invalid_api_key")
    with service(faults=[{"kind": "insufficient_quota"}]) as (client, _):
        e = fails(openai.RateLimitError, lambda: ask(client))
        same((e.code, e.type), ("insufficient_quota", "insufficient_quota"))
    with service(faults=[{"kind": "context_length"}]) as (client, _):
        e = fails(openai.BadRequestError, lambda: ask(client))
        same((e.code, e.param), ("context_length_exceeded", "messages"))
    with service("--real-models", "--models", "gpt-6-luna,gpt-4o-mini") as (client, _):
        message = [{"role": "user", "content": "a"}]
        e = fails(
            openai.BadRequestError,
            lambda: client.chat.completions.create(model="gpt-6-luna", messages=message, max_tokens=5),
        )
        same((e.code, e.param), ("unsupported_parameter", "max_tokens"))
        e = fails(openai.NotFoundError, lambda: client.chat.completions.create(model="gpt-none", messages=message))
        same(e.code, "model_not_found")
        if not os.environ.get("FRONT"):
            e = fails(openai.BadRequestError, lambda: ask(client, extra_body={"nonsense": 1}))
            same(e.code, None)
            e = fails(openai.BadRequestError, lambda: ask(client, temperature=3))
            same((e.code, e.param), ("decimal_above_max_value", "temperature"))
    with service(faults=[{"kind": "reset"}]) as (client, _):
        if not os.environ.get("FRONT"):
            fails(openai.APIConnectionError, lambda: ask(client))
    with service(faults=[{"kind": "hang"}], timeout=0.3) as (client, _):
        fails(openai.APITimeoutError, lambda: ask(client))


@check
def rate_limits():
    with service("--rpm", "2", "--tpm", "100000") as (client, _):
        raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=[{"role": "user", "content": PROMPT}])
        same(raw.headers["x-ratelimit-limit-requests"], "2")
        same(raw.headers["x-ratelimit-remaining-requests"], "1")
        same(raw.headers["x-ratelimit-limit-tokens"], "100000")
        for name in ("requests", "tokens"):
            assert raw.headers[f"x-ratelimit-reset-{name}"].endswith("s")
        assert raw.headers["x-request-id"]
        same(raw.parse().choices[0].message.content, "I saw @@Rome##")
        ask(client)
        e = fails(openai.RateLimitError, lambda: ask(client))
        same((e.code, e.type, e.param), ("rate_limit_exceeded", "requests", None))
        assert 0 < int(e.response.headers["retry-after"]) <= 30
        assert 0 < int(e.response.headers["retry-after-ms"]) <= 30000
    # The client's own retries wait as they are told, and get through.
    with service("--rpm", "2", "--period", "600ms", max_retries=2) as (client, _):
        begin = time.monotonic()
        for _ in range(4):
            ask(client)
        took = time.monotonic() - begin
        assert 0.3 < took < 10, took
    with service(faults=[{"kind": "status", "status": 503, "retry_after_ms": "10", "times": 2}], max_retries=2) as (client, _):
        raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=[{"role": "user", "content": PROMPT}])
        same(raw.retries_taken, 2)
    with service(faults=[{"kind": "status", "status": 503, "retry_after_ms": "10", "times": 3}], max_retries=2) as (client, _):
        fails(openai.InternalServerError, lambda: ask(client))
    with service(faults=[{"kind": "reset", "times": 1}], max_retries=1) as (client, _):
        same(ask(client).choices[0].message.content, "I saw @@Rome##")
    with service(faults=[{"kind": "status", "status": 400, "times": 1}], max_retries=2) as (client, _):
        fails(openai.BadRequestError, lambda: ask(client))  # not asked again


def main():
    wanted, failed = sys.argv[2:], 0
    for f in checks:
        if wanted and f.__name__ not in wanted:
            continue
        try:
            f()
            print(f"ok      python {f.__name__}")
        except Exception:
            failed += 1
            print(f"FAILED  python {f.__name__}\n{traceback.format_exc()}")
    print(f"openai-python {openai.__version__}: {len(wanted or checks) - failed} ok, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
