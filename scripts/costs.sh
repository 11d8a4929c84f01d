#!/bin/sh
# Shows what a data set costs per 1,000 sentences, asked sentence by sentence or label by
# label, in both styles. Sends nothing.
#
#	scripts/costs.sh examples/news --data-name CONLL
#	NER_MODEL=gpt-4o-mini scripts/costs.sh data --labels labels.json --example-num 8
#
# The folder holds mrc-ner.test, mrc-ner.train and test.knn.jsonl. The flags are those of
# ner-prompt. Needs jq.
set -eu
if [ $# -lt 2 ]; then
	echo "costs.sh: usage: scripts/costs.sh DIR FLAG ..., such as scripts/costs.sh examples/news --data-name CONLL" >&2
	exit 2
fi
dir=$1
shift
root=$(dirname -- "$(readlink -f -- "$0")")/..
PATH=$PATH:$root/bin
command -v ner-prompt > /dev/null || {
	echo "costs.sh: ner-prompt is neither on PATH nor in $(cd "$root" && pwd)/bin" >&2
	exit 1
}
ner-prompt --source-dir "$dir" "$@" --limit 1 --quiet > /dev/null
work=$(mktemp -d)
finish() {
	[ $? = 0 ] || cat "$work/messages" >&2
	rm -rf "$work"
}
trap finish EXIT

# The answers that are counted are the right ones: prompts that consist of a
# demonstration's answer alone, in which each row is its own demonstration.
jq -c 'range(length) | [.]' "$dir/mrc-ner.test" > "$work/self.knn.jsonl"
answer() {
	printf '{{define "instruction"}}{{end}}{{define "example"}}%s{{end}}{{define "query"}}{{end}}' "$2" > "$work/$1.tmpl"
}
answer markup '{{.Marked}}'
answer json '{"entities":{{.JSON}}}'

echo '| Asked per | Style | Calls | Tokens in | Tokens out | At once | As a batch | Shared beginning |'
echo '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |'
for ask in sentence label; do
	for style in markup json; do
		ner-prompt --source-dir "$dir" "$@" --ask $ask --style $style 2>> "$work/messages" |
			ner-run --dry-run > "$work/$ask.$style" 2>> "$work/messages"
		ner-prompt --source-dir "$dir" "$@" --ask $ask --style $style --template "$work/$style.tmpl" \
			--train-name test --example-dir "$work" --example-name self --example-num 1 2>> "$work/messages" |
			ner-run --dry-run --endpoint completions > "$work/answers" 2>> "$work/messages"
		jq -r --arg ask $ask --arg style $style --slurpfile sentences "$work/sentence.$style" --slurpfile answers "$work/answers" '
			def whole: round | tostring | until(test("^[0-9]{4}") | not; sub("(?<a>[0-9])(?<b>[0-9]{3})(?<c>,|$)"; "\(.a),\(.b)\(.c)"));
			def dollars: (1000 * . | round) as $n | "$\($n / 1000 | floor).\("00\($n % 1000)"[-3:])";
			. as $all | $answers[0].input_tokens as $out | (1000 / $sentences[0].rows) as $k
			| def cost: if . then (.input + (.max - .input) * $out / $all.output_tokens_max) * $k | dollars else "unknown" end;
			[$ask, $style, (.rows * $k | whole), (.input_tokens * $k | whole), ($out * $k | whole), (.run | cost), (.batch | cost), .models[0].shared_tokens]
			| "| \(map(tostring) | join(" | ")) |"' "$work/$ask.$style"
	done
done
