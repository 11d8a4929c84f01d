#!/usr/bin/env bash
# Measures the four programs, where there is something to compare with side by side with
# the best that could be had on this machine in the same minutes, and prints tables.
# Nothing passes or fails.
#
#   scripts/bench.sh               all of it, at the size of OntoNotes 5: about 10 minutes
#   scripts/bench.sh quick         all of it, small: under a minute
#   scripts/bench.sh prompt        only ner-prompt's prompts: reading its input, piping its output
#   scripts/bench.sh run           only ner-run: a bare net/http loop
#   scripts/bench.sh pace          only ner-run's pace: services that limit their callers in several ways
#   scripts/bench.sh batch         only ner-batch: a file of 50,000 requests there and back
#   scripts/bench.sh collect       only ner-collect: aligning, writing and scoring 100,000 answers
#   scripts/bench.sh knn           only ner-prompt knn: at the size of OntoNotes and a tenth of it
#   scripts/bench.sh quick run
#
# BENCH_DIR=DIR      make the data under DIR, about 2 GB in full (default: TMPDIR or /tmp)
# BENCH_ROUNDS=N     take the median of N runs (default: 7 for prompt, 5 for run, else 3)
set -euo pipefail
cd "$(dirname -- "$(readlink -f -- "$0")")/.."

flags=()
parts=()
for arg in "$@"; do
  case $arg in
    quick) flags+=(--quick) ;;
    prompt | run | pace | batch | collect | knn) parts+=("$arg") ;;
    *)
      echo "usage: scripts/bench.sh [quick] [prompt] [run] [pace] [batch] [collect] [knn]" >&2
      exit 2
      ;;
  esac
done
if [ ${#parts[@]} -eq 0 ]; then
  parts=(prompt run pace batch collect knn)
fi
if [ -n "${BENCH_ROUNDS:-}" ]; then
  flags+=(--rounds "$BENCH_ROUNDS")
fi

child=
work=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/nertools-bench.XXXXXX")
cleanup() {
  if [ -n "$child" ]; then
    kill "$child" 2>/dev/null || true
    wait "$child" || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A signal is handled at once while bash waits for a job, but not while a
# program runs in the foreground.
await() {
  "$@" &
  child=$!
  wait "$child"
  child=
}

# As people install them, without the race detector and with nothing stripped.
await go build -o "$work/bin/" ./scripts/bench ./scripts/fakeopenai ./cmd/...
for part in "${parts[@]}"; do
  mkdir "$work/data"
  await "$work/bin/bench" "$part" --bin "$work/bin" --dir "$work/data" ${flags[@]+"${flags[@]}"}
  rm -r "$work/data"
  echo
done
echo "The packages have benchmarks of their own: go test -run '^$' -bench . ./pkg/..."
