#!/bin/sh
# Shows the whole way from a data set to a results file without a key or a
# network: it builds the programs, starts the simulated API on loopback, runs the
# real pipeline over the sample data, and leaves nothing behind.
set -eu
cd "$(dirname -- "$(readlink -f -- "$0")")/.."

work=$(mktemp -d)
api=
cleanup() {
	if [ -n "$api" ]; then
		kill "$api" 2>/dev/null || true
		wait "$api" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

echo "building (the first time takes a minute or two) ..."
go build -o "$work/" ./cmd/... ./scripts/fakeopenai
PATH=$work:$PATH

fakeopenai --addr-file "$work/address" --latency 20ms --max-life 5m --with-parent &
api=$!
tries=0
until [ -s "$work/address" ]; do
	tries=$((tries + 1))
	if [ $tries -gt 60 ]; then
		echo "the simulated API did not come up" >&2
		exit 1
	fi
	sleep 1
done
OPENAI_BASE_URL=$(cat "$work/address")
export OPENAI_BASE_URL OPENAI_API_KEY=sk-simulated

echo '$ ner-prompt --source-dir examples/news --data-name CONLL --example-num 8 | ner-run -o results.jsonl'
ner-prompt --source-dir examples/news --data-name CONLL --example-num 8 | ner-run -o "$work/results.jsonl"

echo '$ ner-collect results.jsonl --write-dir . --write-name results.txt'
ner-collect "$work/results.jsonl" --write-dir "$work" --write-name results.txt

echo '$ head -n 8 results.txt'
head -n 8 "$work/results.txt"
