#!/usr/bin/env bash
# OpenAI's own clients and OpenAI's OpenAPI document against the simulated API and our programs.
#
#   scripts/clients/run.sh [openapi.json]
#
# 1. openai-python and openai-node drive fakeopenai: chat, structured output, embeddings, files, batches in every end
#    state, errors, rate limits and their own retries.
# 2. With openapi.json, the file of github.com/openai/openai-openapi (`git show HEAD:openapi.json`), Prism stands between
#    the clients and fakeopenai, and between our programs and fakeopenai, and checks every request and every answer.
#    Then ner-run asks Prism itself, which plays the service as the document's examples say.
#
# The packages are installed into a temporary folder that is removed at the end; CLIENTS_DIR=FOLDER keeps it, and a second
# run is faster. Needs Go, python3 with venv, node 18 or later with npm, curl, and the registries of both. Takes about
# two minutes.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
document=${1:+$(realpath "$1")}

openai_python=3.57.0
openai_node=6.49.0
prism=5.14.2

if [ -n "${CLIENTS_DIR:-}" ]; then
	mkdir -p "$CLIENTS_DIR"
	dir=$(realpath "$CLIENTS_DIR")
	remove=
else
	dir=$(mktemp -d)
	remove=$dir
fi
pids=()
cleanup() {
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	[ -z "$remove" ] || rm -rf "$remove"
}
trap cleanup EXIT

step() { printf '\n== %s\n' "$*"; }
die() {
	echo "run.sh: $*" >&2
	exit 1
}

step "install openai-python $openai_python, openai-node $openai_node${document:+, prism $prism}"
(cd ../.. && GOBIN=$dir/bin go install ./cmd/... ./scripts/fakeopenai)
[ -x "$dir/venv/bin/python" ] || python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check "openai==$openai_python"
mkdir -p "$dir/node"
(cd "$dir/node" && npm install --silent --no-audit --no-fund --no-save "openai@$openai_node" ${document:+"@stoplight/prism-cli@$prism"})
export PATH=$dir/bin:$PATH NODE_MODULES=$dir/node/node_modules

clients() {
	failed=0
	"$dir/venv/bin/python" "$here/client.py" "$dir/bin/fakeopenai" || failed=1
	node "$here/client.mjs" "$dir/bin/fakeopenai" || failed=1
	[ $failed = 0 ] || die "a client failed"
}

step "the clients and fakeopenai"
clients
[ -n "$document" ] || { step "no openapi.json given: Prism is left out"; exit 0; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_prism LOG ARGS... starts Prism on $front, which it sets.
start_prism() {
	local log=$1 port
	shift
	port=$(free_port)
	"$NODE_MODULES/.bin/prism" "$1" --port "$port" "${@:2}" >"$log" 2>&1 &
	pids+=($!)
	for _ in $(seq 300); do
		grep -qa 'is listening' "$log" && break
		sleep 0.2
	done
	grep -qa 'is listening' "$log" || die "Prism doesn't start: $(tail -n 5 "$log")"
	front=http://127.0.0.1:$port
}

# violations LOG prints what Prism objected to, each objection once with its count.
violations() { grep -a 'Violation:' "$1" | sed 's/.*Violation: //' | sort | uniq -c || true; }

# must_object LOG TEXT CURL-ARGS... makes a call that Prism has to object to. If it can't compile a schema it accepts
# everything, without a message.
must_object() {
	local log=$1 text=$2
	shift 2
	: >"$log"
	curl -sS -o /dev/null -H 'Authorization: Bearer sk-any' -H 'Content-Type: application/json' "$@"
	violations "$log" | grep -q "$text" || die "Prism does not check $*"
	: >"$log"
}

python3 "$here/document.py" "$document" "$dir/part.json"
ADDR=127.0.0.1:$(free_port)
export ADDR

step "Prism between the clients and fakeopenai: requests and answers"
start_prism "$dir/proxy.log" proxy "$dir/part.json" "http://$ADDR/v1"
log=$dir/proxy.log
echo '[{"kind": "finish", "text": "odd"}, {"kind": "status", "status": 400, "body": "{\"error\": \"text\"}", "path": "/v1/f"}]' >"$dir/odd.json"
fakeopenai --quiet --addr "$ADDR" --faults "$dir/odd.json" &
odd=$!
pids+=("$odd")
until curl -s -o /dev/null "http://$ADDR/_sim/now"; do sleep 0.05; done
message='"messages": [{"role": "user", "content": "a"}]'
must_object "$log" request.body.temperature -d "{\"model\": \"m\", $message, \"temperature\": 3}" "$front/chat/completions"
must_object "$log" request.body.messages -d '{"model": "m", "messages": [{"role": "user"}]}' "$front/chat/completions"
must_object "$log" request.body -d '{"model": "m"}' "$front/completions"
must_object "$log" request.body -d '{"model": "m", "input": "a", "more": 1}' "$front/embeddings"
must_object "$log" request.body.endpoint -d '{"input_file_id": "f", "endpoint": "/v1/x", "completion_window": "24h"}' "$front/batches"
must_object "$log" response.body.choices -d "{\"model\": \"m\", $message}" "$front/chat/completions"
must_object "$log" response.body.choices -d '{"model": "m", "prompt": "a"}' "$front/completions"
must_object "$log" response.body.error "$front/files"
kill "$odd"
wait "$odd" || true
FRONT=$front clients

step "Prism between our programs and fakeopenai"
mkdir -p "$dir/work"
cd "$dir/work"
rm -rf -- *
fakeopenai --quiet --addr "$ADDR" --in-progress 1h &
pids+=($!)
until curl -s -o /dev/null "http://$ADDR/_sim/now"; do sleep 0.05; done
export OPENAI_API_KEY=sk-any OPENAI_BASE_URL=$front
news=$here/../../examples/news
for style in markup json; do
	ner-prompt --source-dir "$news" --data-name CONLL --limit 5 --style $style >$style.jsonl
	for model in gpt-6-luna gpt-5.6-luna gpt-5-mini o3 gpt-4o-mini gpt-3.5-turbo-instruct text-davinci-003 Qwen/Qwen3-8B claude-sonnet-4-5; do
		ner-run -q --model $model -o "$style.${model##*/}.jsonl" $style.jsonl 2>messages || { cat messages; die "ner-run failed with $model"; }
	done
done
ner-prompt verify -q --results markup.gpt-6-luna.jsonl --source-dir "$news" --data-name CONLL >verify.jsonl
ner-run -q -o verified.jsonl verify.jsonl
ner-run -q --model gpt-4o-mini --max-tokens 0 --temperature 0.5 --top-p 0.9 --frequency-penalty 0.1 --presence-penalty 0.1 --seed 3 \
	--stop '###' --stop '---' --service-tier flex --extra-body '{"metadata": {"a": "b"}, "user": "u"}' -o settings.jsonl markup.jsonl 2>messages
ner-prompt knn -q --method embedding --source-dir "$news" --cache "$dir/work/cache" >knn.jsonl
ner-batch submit -q --batch-file one.jsonl markup.jsonl >one.jobs.jsonl
ner-batch status -q one.jobs.jsonl >/dev/null
ner-batch list -q --limit 5 >/dev/null
ner-batch cancel -q one.jobs.jsonl >/dev/null
ner-batch submit -q --batch-file two.jsonl json.jsonl >two.jobs.jsonl
curl -sS -o /dev/null -X POST "http://$ADDR/_sim/advance?d=2h"
ner-batch wait -q two.jobs.jsonl >/dev/null
ner-batch download -q two.jobs.jsonl >two.results.jsonl
ner-batch run -q --batch-file two.jsonl -o again.jsonl json.jsonl
ner-collect -q two.results.jsonl >two.txt
grep -a 'Request received' "$log" | sed -E 's/.*SERVER\] ([a-z]+) ([^ ]+).*/\1 \2/; s/_?-?sim[a-z0-9]+/…/' | sort | uniq -c

step "what Prism objected to"
violations "$log"
[ -z "$(violations "$log")" ] || die "a request or an answer is not as the document says"
echo nothing

step "Prism as the service"
start_prism "$dir/mock.log" mock "$dir/part.json"
for model in gpt-6-luna gpt-4o-mini gpt-3.5-turbo-instruct; do
	OPENAI_BASE_URL=$front ner-run -q --model $model json.jsonl >mock.jsonl 2>messages || [ $? = 3 ] || { cat messages; die "ner-run failed"; }
	wc -l <mock.jsonl | grep -q '^ *5$' || die "ner-run has not asked all rows"
done
for command in 'submit --no-trial --batch-file mock.batch.jsonl markup.jsonl' 'status --batch-id batch_1' list 'cancel --batch-id batch_1' 'download --batch-id batch_1'; do
	# The example of a batch never ends.
	# shellcheck disable=SC2086 # words of a command
	OPENAI_BASE_URL=$front ner-batch $command >/dev/null 2>messages || [ $? = 8 ] || { cat messages; die "ner-batch $command failed"; }
done
violations "$dir/mock.log"
[ -z "$(violations "$dir/mock.log")" ] || die "a request is not as the document says"
echo "$(grep -ac 'passed the validation rules' "$dir/mock.log") requests, all of them valid"
