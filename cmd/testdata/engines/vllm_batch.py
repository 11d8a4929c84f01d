"""vLLM's own reader and writer of batch files, without a model.

Usage: vllm_batch.py INPUT OUTPUT

It needs the package vllm, of which it uses what `vllm run-batch` runs before and after the engine: the check of all request
lines, the handling of each, and the writer. An answer is the first word of the prompt. The second request is refused with an
error response, the third makes the engine raise, and the fourth is answered with reasoning.

Packages that only the engine needs may be missing: an empty stand-in takes their place. So `pip install --no-deps vllm` and
the small packages are enough.
"""

import asyncio
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import sys
import types
from unittest.mock import MagicMock

ENGINE = ["torch", "uvloop", "xgrammar", "llguidance", "watchfiles", "orjson"]


class AnyType(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()

    def __getitem__(cls, key):
        return cls

    def __or__(cls, other):
        return object

    __ror__ = __or__


def any_schema(cls, *_):
    from pydantic_core import core_schema

    return core_schema.any_schema()


class StandIn(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name == "__version__":
            return "99"
        if name.startswith("__"):
            raise AttributeError(name)
        if name[:1].isupper():
            methods = {
                "__module__": self.__name__,
                "__init__": lambda *_, **__: None,
                "__call__": lambda self, f=None, *_, **__: f,
                "__getattr__": lambda *_: MagicMock(),
                "__get_pydantic_core_schema__": classmethod(any_schema),
            }
            value = AnyType(name, (), methods)
        else:
            value = MagicMock(name=f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):  # asked last, for what is not installed
        if name.split(".")[0] in ENGINE:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


if importlib.util.find_spec("vllm") is None:
    print("vllm is not installed")
    sys.exit(77)
sys.meta_path.append(Finder())

from vllm.entrypoints.launchers import run_batch  # noqa: E402
from vllm.entrypoints.openai.chat_completion.protocol import (  # noqa: E402
    ChatCompletionResponse,
    ChatCompletionResponseChoice,
    ChatMessage,
)
from vllm.entrypoints.serve.engine.protocol import ErrorInfo, ErrorResponse, UsageInfo  # noqa: E402
from vllm.version import __version__  # noqa: E402


numbers = itertools.count(1)


async def answer(request):
    number = next(numbers)
    text = request.messages[-1]["content"]
    text = text if isinstance(text, str) else "".join(part["text"] for part in text)
    if number == 2:
        return ErrorResponse(error=ErrorInfo(message="The prompt is too long", type="BadRequestError", code=400))
    if number == 3:
        raise RuntimeError("the engine is out of memory")
    message = ChatMessage(role="assistant", content=text.split()[0])
    if number == 4:
        message.reasoning = "Let me see."
    return ChatCompletionResponse(
        model=request.model,
        choices=[ChatCompletionResponseChoice(index=0, message=message, finish_reason="stop")],
        usage=UsageInfo(prompt_tokens=len(text) // 4, completion_tokens=1, total_tokens=len(text) // 4 + 1),
    )


async def main():
    registry = {"completions": {"url": "/v1/chat/completions", "handler_getter": lambda: answer, "wrapper_fn": None}}
    async with run_batch.open_batch_input(sys.argv[1], None) as source:
        n = run_batch.validate_batch(source)
        source.seek(0)
        async with run_batch.batch_output_writer(sys.argv[2], None) as output:
            await run_batch.dispatch_batch(source, output, registry, run_batch.BatchProgressTracker(), max_inflight=4)
    print(f"vllm {__version__}: {n} requests")


asyncio.run(main())
