#!/usr/bin/env bash
# Other clients that ask a model about many rows, next to ours: the same requests, the same service on this machine, each
# as its own documents say. Prints tables in Markdown; nothing passes or fails.
#
#   scripts/peers/run.sh          about half an hour on an idle machine with two processors
#   scripts/peers/run.sh quick    shows that it works, not how fast anything is
#
# PEERS_DIR=FOLDER keeps what is installed (about 2 GB); a second run is faster
# PEERS_PARTS="align expired killed speed" runs only these parts
# PEERS_ROWS=N, PEERS_ROUNDS=N: rows of a run (default 1000); the median of so many (default 3)
# PEERS_IN_FLIGHT="10 64 256", PEERS_CLIENTS="bare loop,ner-run,flexllm": only these
# GPT_NER=FOLDER: a checkout of the reference script, github.com/ShuheWang1998/GPT-NER, instead of a clone
# COOKBOOK=FILE: examples/api_request_parallel_processor.py of github.com/openai/openai-cookbook, instead of a clone
#
# Needs Go, Python 3.11 or 3.12 as python3, Python 3.12 as python3.12 (batchor, batchata), node 20 or later with npm, git,
# and the registries of Python and Node. A client that cannot be installed is left out, with a message. None of their
# code is part of this project.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "${PEERS_DIR:-$work/installed}"
dir=$(realpath "${PEERS_DIR:-$work/installed}")

say() { echo "run.sh: $*" >&2; }

# install NAME PYTHON PACKAGE... makes an environment that clients/NAME.py runs in.
install() {
	local name=$1 program=$2
	shift 2
	[ ! -e "$dir/$name.done" ] || return 0
	say "install $*"
	if command -v "$program" >/dev/null && "$program" -m venv "$dir/$name" && "$dir/$name/bin/pip" install -q --disable-pip-version-check "$@"; then
		touch "$dir/$name.done"
	else
		say "left out: $*"
		rm -rf "${dir:?}/$name"
	fi
}

# With the versions that its needs are known to work with; without them pip looks for minutes.
install curator python3 bespokelabs-curator==0.1.31 litellm==1.83.7 openai==2.30.0 tiktoken==0.12.0 aiohttp==3.13.5
install flexllm python3 flexllm==0.17.10
install align python3 langextract==1.7.1
install batchor python3.12 batchor==0.0.7 openai==3.57.0
install batchata python3.12 batchata==0.4.7 openai==3.57.0
install reference python3 openai==0.28.1 tqdm==4.70.1 python-json-logger==4.2.0
install cookbook python3 aiohttp==3.14.5
if [ ! -e "$dir/node.done" ]; then
	mkdir -p "$dir/node"
	if (cd "$dir/node" && npm install --silent --no-audit --no-fund openai@6.49.0 p-limit@7.3.3); then
		touch "$dir/node.done"
	else
		say "left out: the Node client"
	fi
fi
[ ! -e "$dir/node.done" ] || cp clients/node.mjs "$dir/node/"

if [ -n "${GPT_NER:-}" ]; then
	rm -rf "$dir/GPT-NER"
	cp -r "$GPT_NER" "$dir/GPT-NER"
elif [ ! -e "$dir/GPT-NER" ]; then
	git clone -q https://github.com/ShuheWang1998/GPT-NER "$dir/GPT-NER" || say "left out: the reference script; GPT_NER names a checkout"
fi
[ ! -d "$dir/GPT-NER" ] || mkdir -p "$dir/GPT-NER/openai_access/logs" # its logger wants this folder
script=$dir/api_request_parallel_processor.py
if [ -n "${COOKBOOK:-}" ]; then
	cp "$COOKBOOK" "$script"
elif [ ! -e "$script" ]; then
	if git clone -q --depth 1 --filter blob:none --sparse https://github.com/openai/openai-cookbook "$work/cookbook"; then
		git -C "$work/cookbook" show HEAD:examples/api_request_parallel_processor.py >"$script"
	else
		say "left out: the cookbook's script; COOKBOOK names the file"
	fi
fi

go -C "$here/../.." build -o "$work/bin/" ./cmd/... ./scripts/bench ./scripts/fakeopenai ./scripts/peers
mkdir "$work/data"
"$work/bin/ner-prompt" --source-dir "$here/../../examples/news" --data-name CONLL >"$work/data/prompts.jsonl"

echo "$(date -u +%F), $(uname -sm), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), $(go version | cut -d' ' -f3), $(python3 --version), node $(node --version)"
python3 measure.py "$work/bin" "$dir" "$work/data" "$@"
