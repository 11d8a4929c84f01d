"""Measures clients of a chat service side by side; run.sh installs them and calls this.

python measure.py BIN INSTALLED WORK [quick]
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

BIN, INSTALLED, WORK = map(os.path.abspath, sys.argv[1:4])
QUICK = "quick" in sys.argv[4:]
HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 1 if QUICK else int(os.environ.get("PEERS_ROUNDS", "3"))
LATENCIES = [0, 100] if QUICK else [0, 20, 100]
IN_FLIGHT = [10, 64] if QUICK else [int(n) for n in os.environ.get("PEERS_IN_FLIGHT", "10 64 256").split()]
MOST = 200 if QUICK else int(os.environ.get("PEERS_ROWS", "1000"))  # rows of a run
PATIENCE = 300  # seconds after which a client is given up
ANSWER = b"@@Qorvash Imlem##"


def python(client, *args):
    """Return a command that runs clients/CLIENT.py with its own installation, None if it is missing."""
    program = os.path.join(INSTALLED, client, "bin", "python")
    # with -P, flexllm.py can import flexllm
    return [program, "-P", os.path.join(HERE, "clients", client + ".py"), *args] if os.path.exists(program) else None


def clients():
    """Return name -> function from (requests, folder, workers) to a command; bounded: whether it obeys workers."""
    node = os.path.join(INSTALLED, "node", "node.mjs")
    reference, cookbook = (os.path.join(INSTALLED, name) for name in ("GPT-NER", "api_request_parallel_processor.py"))
    return {
        "bare loop": lambda r, d, n: [f"{BIN}/bench", "barehttp", "--prompts", r, "--url", os.environ["OPENAI_BASE_URL"], "--workers", str(n)],
        "ner-run": lambda r, d, n: [f"{BIN}/ner-run", "--progress", "none", "--workers", str(n), "-o", f"{d}/out.jsonl", "--resume", f"{d}/out.jsonl", r],
        "Node client with p-limit": lambda r, d, n: ["node", node, r, f"{d}/out.jsonl", str(n)] if os.path.exists(node) else None,
        "flexllm": lambda r, d, n: python("flexllm", r, f"{d}/out.jsonl", str(n)),
        "curator": lambda r, d, n: python("curator", r, d, str(n)),
        "cookbook script": lambda r, d, n: python("cookbook", cookbook, r, f"{d}/out.jsonl") if os.path.exists(cookbook) else None,
        "reference script": lambda r, d, n: python("reference", reference, r, f"{d}/results.txt") if os.path.isdir(reference) else None,
    }


# Measured in one column only: the first two have no such setting (the cookbook's script has as many calls in flight as
# there are, the reference script one call of four prompts), and curator takes many seconds to start.
ONLY_64 = {"cookbook script", "reference script", "curator"}
FAST = {"bare loop", "ner-run"}  # with the rows of the others, they would be done before they can be measured


def call(path, method="GET"):
    base = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
    with urllib.request.urlopen(urllib.request.Request(base + path, method=method)) as answer:
        return json.load(answer) if method == "GET" else answer.read()


def requests(count):
    """Write so many requests, each with a prompt of its own, and return the file."""
    path = f"{WORK}/requests.{count}.jsonl"
    if os.path.exists(path):
        return path
    with open(f"{WORK}/prompts.jsonl") as f:
        prompts = [json.loads(line)["prompt"] for line in f]
    with open(path, "w") as to:
        for i in range(count):
            body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"{i}. {prompts[i % len(prompts)]}"}], "temperature": 0, "max_tokens": 512}
            to.write(json.dumps({"custom_id": f"request-{i}", "method": "POST", "url": "/v1/chat/completions", "body": body}, ensure_ascii=False) + "\n")
    return path


def fresh(name="client"):
    folder = f"{WORK}/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def start(command, folder):
    log = open(f"{folder}.log", "w")
    env = {**os.environ, "HOME": folder, "TMPDIR": folder, "CURATOR_CACHE_DIR": f"{folder}/curator", "CURATOR_DISABLE_CACHE": "0", "TELEMETRY_ENABLED": "0"}
    return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env, start_new_session=True)


def wait(process, until=lambda: False):
    """Wait for a process, or until something is so; return (exit status or None, rusage)."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage
        if until():
            return None, None
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    os.wait4(process.pid, 0)
    return None, None


def on_disk(folder):
    """Count the answers in a folder: the lines with one, in the file that has the most."""
    found = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb") as f:
                found = max(found, sum(ANSWER in line for line in f))
    return found


def answers(folder):
    """Count the rows with an answer in the results of a batch."""
    try:
        with open(f"{folder}/out.jsonl", "rb") as f:
            return sum(ANSWER in line for line in f)
    except FileNotFoundError:
        return 0


def run(make, count, workers, latency):
    """Run a client once; return (seconds, CPU seconds, MB, rows per second), or None if rows are missing.

    The rate is the service's, from the first call to the last answer: how long a program takes to start does not matter.
    """
    folder = fresh()
    command = make(requests(count), folder, workers)
    call(f"/reset?latency={latency}ms", "POST")
    begin = time.monotonic()
    status, usage = wait(start(command, folder))
    seconds = time.monotonic() - begin
    counted = call("/count")
    rows = counted["prompts"]
    if status != 0 or rows < count:
        with open(f"{folder}.log") as f:
            say(f"  failed: exit status {status}, {rows} of {count} rows: {f.read()[-600:]}")
        return None
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, counted["rows"] / max(counted["seconds"], 1e-6)


def say(text):
    print(text, file=sys.stderr, flush=True)


def middle(runs, field):
    values = [r[field] for r in runs if r]
    return statistics.median(values) if values else None


def speed(present):
    """Print rows per second, CPU and memory. The clients take turns, and so do the cells."""
    begin = {name: [] for name in present}
    cells = {}
    for number in range(ROUNDS):
        for name, make in present.items():
            if number == 0 or name != "curator":
                begin[name].append(run(make, 1, 1, 0))
        for latency in LATENCIES:
            for workers in IN_FLIGHT:
                say(f"round {number + 1} of {ROUNDS}: {latency} ms, {workers} in flight, load {os.getloadavg()[0]:.1f}")
                for name, make in present.items():
                    count = 10 * MOST if name in FAST else MOST
                    if latency > 0:
                        count = min(count, max(2, 3000 // latency) * workers)
                    if name in ONLY_64 and workers != 64:
                        continue
                    if name == "reference script" and latency == 100:
                        continue  # MOST / 4 calls, one after the other
                    cells.setdefault((latency, workers, name), []).append((count, run(make, count, workers, latency)))
        text = table(present, begin, cells)  # complete after each round
        with open(f"{WORK}/speed.md", "w") as f:
            f.write(text)
    print(text)


def table(present, begin, cells):
    lines = ["", "Rows per second, from the first call to the last answer; in brackets, of what the bare loop reaches.", ""]
    lines.append("| Latency, in flight | " + " | ".join(present) + " |")
    lines.append("| --- |" + " ---: |" * len(present))
    for latency in LATENCIES:
        for workers in IN_FLIGHT:
            line, bare = [f"{latency} ms, {workers}"], None
            for name in present:
                runs = cells.get((latency, workers, name), [])
                rate = middle([r for _, r in runs], 3)
                if rate is None:
                    line.append("")
                    continue
                bare = bare or rate
                line.append(f"{rate:.0f}" + ("" if name == "bare loop" else f" ({rate / bare:.0%})"))
            lines.append("| " + " | ".join(line) + " |")
    lines += ["", "| Client | Start, s | CPU of the start, s | CPU per row, ms (0 ms, 64) | Memory, MB (0 ms, 64) |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for name in present:
        runs = [r for _, r in cells.get((0, 64, name), [])]
        first, cpu = middle(begin[name], 1), middle(runs, 1)
        if first is not None and cpu is not None:
            row = max(cpu - first, 0) / (cells[0, 64, name][0][0] - 1) * 1e3
            lines.append(f"| {name} | {middle(begin[name], 0):.2f} | {first:.2f} | {row:.2f} | {middle(runs, 2):.0f} |")
    return "\n".join(lines)


def killed(present):
    """Print what a kill -9 halfway leaves, and what the same command asks again."""
    count, workers, latency = (200, 16, 50) if QUICK else (1000, 64, 100)
    print(f"\n{count} rows, {workers} in flight, {latency} ms; killed with -9 when half of the rows had been asked, then started again.\n")
    print("| Client | Asked before the kill | Answers on disk | Asked by the second start | Asked twice |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, make in present.items():
        if name == "bare loop":
            continue
        folder, at = fresh(), latency if name != "reference script" else 5
        call(f"/reset?latency={at}ms", "POST")
        command = make(requests(count), folder, workers)
        process = start(command, folder)
        wait(process, lambda: call("/count")["rows"] >= count // 2)
        if process.returncode is not None:
            with open(f"{folder}.log") as f:
                say(f"  {name} ended before half of the rows, with {process.returncode}: {f.read()[-600:]}")
            continue
        os.killpg(process.pid, signal.SIGKILL)
        os.wait4(process.pid, 0)
        time.sleep(0.3)  # calls in flight end
        before, left = call("/count")["rows"], on_disk(folder)
        if before >= count:
            say(f"  {name} was too fast to be killed halfway")
        status, _ = wait(start(command, folder))
        again = call("/count")
        extra = again["rows"] - before
        note = "" if status == 0 and again["prompts"] == count else f" (ended with {status}, {again['prompts']} of {count} rows asked)"
        print(f"| {name} | {before} | {left} | {extra}{note} | {again['rows'] - count} |", flush=True)


def expired():
    """Print what it takes to finish a batch of which half expired."""
    count = 100
    path = requests(count)
    print(f"\nA batch of {count} rows, half of which expire; the next batch completes.\n")
    print("| Client | Answers after the first start | Rows billed | Answers after a second start | Rows billed in all |")
    print("| --- | ---: | ---: | ---: | ---: |")
    ways = {
        "ner-batch run": lambda d: [f"{BIN}/ner-batch", "run", "--progress", "none", "--poll-interval", "1s", "--no-trial", "--batch-file", f"{d}/batch.jsonl", "-o", f"{d}/out.jsonl", path],
        "curator": lambda d: python("curator", path, d, "batch"),
        "batchor": lambda d: python("batchor", path, d),
        "batchata": lambda d: python("batchata", path, d),
    }
    for name, make in ways.items():
        folder = fresh()
        command = make(folder)
        if command is None:
            continue
        faults, addr = f"{folder}.faults", f"{folder}.addr"
        with open(faults, "w") as f:
            json.dump([{"kind": "batch_expire", "rows": count // 2, "times": 1}], f)
        if os.path.exists(addr):
            os.remove(addr)
        service = subprocess.Popen([
            f"{BIN}/fakeopenai", "--quiet", "--with-parent", "--addr-file", addr, "--faults", faults, "--window", "8s", "--answer", ANSWER.decode()])
        try:
            while not os.path.exists(addr):
                time.sleep(0.01)
            with open(addr) as f:
                os.environ["OPENAI_BASE_URL"] = f.read().strip()
            cells = []
            for _ in range(2):
                status, _ = wait(start(command, folder))
                cells += [f"{answers(folder)}" + ("" if status == 0 else f" (exit status {status})"), str(call("/_sim/billed")["total"])]
            with open(f"{folder}.log") as f:
                say(f"  {name}: {f.read()[-400:]}")
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        finally:
            service.kill()
            service.wait()


def align():
    print("\nTime to find the entities of a long text, in ms, the shortest of several (langextract: CPU time); a fifth of them does not occur.\n")
    print("| Tokens, entities | ours, a list | ours, the text repeated | langextract | langextract, exact strings only |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for tokens in 1000, 5000:
        words = [f"w{i * 7919 % 2003}" for i in range(tokens)]
        entities = [" ".join(words[i:i + 2]) for i in range(0, tokens, 10)]
        for i in range(0, len(entities), 5):
            entities[i] = entities[i].split()[0] + " changed"
        path = f"{WORK}/align.json"
        with open(path, "w") as f:
            json.dump({"text": " ".join(words), "entities": entities}, f)
        lines = subprocess.run([f"{BIN}/peers", "--align", path], check=True, capture_output=True, text=True).stdout.splitlines()
        command = python("align", path)
        if command:
            lines += subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-2:]
        found = [json.loads(line) for line in lines]
        print(f"| {tokens}, {len(entities)} |", " | ".join(f"{f['ms']:.1f} ({f['found']} found)" for f in found), "|", flush=True)


def main():
    os.environ.update(OPENAI_API_KEY="sk-peers")
    addr = f"{fresh('service')}/addr"
    service = subprocess.Popen([f"{BIN}/peers", "--addr-file", addr])
    try:
        while not os.path.exists(addr) or not os.path.getsize(addr):
            time.sleep(0.01)
        with open(addr) as f:
            os.environ["OPENAI_BASE_URL"] = os.environ["OPENAI_API_BASE"] = f.read()
        present = {name: make for name, make in clients().items() if make("r", "d", 1)}
        if "PEERS_CLIENTS" in os.environ:
            present = {name: present[name] for name in os.environ["PEERS_CLIENTS"].split(",")}
        say("clients: " + ", ".join(present))
        parts = os.environ.get("PEERS_PARTS", "align expired killed speed").split()
        if "align" in parts:
            align()
        if "killed" in parts:
            killed(present)
        if "speed" in parts:
            speed(present)
    finally:
        service.kill()
        service.wait()
    if "expired" in parts:
        expired()


main()
