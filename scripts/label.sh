#!/bin/sh
# Finds entities of your own labels in text, and says where in the documents they are.
#
#   scripts/label.sh NOTES --new DRUG,DOSE --examples FILE [--out FOLDER] [--batch] [-- FLAGS]
#
# NOTES is a folder of .txt files, or anything else that ner-prompt convert reads, and FILE
# has a few texts with their entities marked. The results are in FOLDER (labelled):
# entities.csv, entities.jsonl and report.html. FLAGS go to ner-run or, with --batch, to
# ner-batch. The same command continues after an interruption; when there are more notes, it
# asks only about new sentences. Describe the labels in FOLDER/labels.json for better results.
set -eu

usage() {
	echo "label.sh: $1" >&2
	echo "label.sh: usage: scripts/label.sh NOTES --new DRUG,DOSE --examples FILE [--out FOLDER] [--batch] [-- FLAGS]" >&2
	exit 2
}
notes='' new='' examples='' out=labelled batch=''
while [ $# -gt 0 ]; do
	case $1 in
	--new | --examples | --out)
		[ $# -gt 1 ] || usage "$1 needs a value"
		case $1 in
		--new) new=$2 ;;
		--examples) examples=$2 ;;
		--out) out=$2 ;;
		esac
		shift
		;;
	--batch) batch=yes ;;
	--)
		shift
		break
		;;
	-*) usage "unknown flag $1" ;;
	*)
		[ -z "$notes" ] || usage "name one folder or file, not $notes and $1"
		notes=$1
		;;
	esac
	shift
done
[ -n "$notes" ] || usage "name the folder of notes"
[ -n "$examples" ] || usage "name the file of examples with --examples"
[ -n "$new" ] || [ -e "$out/labels.json" ] || usage "name the labels with --new"
root=$(dirname -- "$(readlink -f -- "$0")")/..
PATH=$PATH:$root/bin
command -v ner-prompt >/dev/null || {
	echo "label.sh: ner-prompt is neither on PATH nor in $(cd "$root" && pwd)/bin" >&2
	exit 1
}
mkdir -p "$out"
running() { [ -e "$out/batch.running" ] && [ -e "$out/batch.jsonl.ledger" ]; }
if [ -z "$batch" ] && running; then
	echo "label.sh: a batch may be running: continue with --batch, or remove $out/batch.running if it failed" >&2
	exit 8
fi

# ask_batch has the prompts answered by a batch, and sets code.
ask_batch() {
	touch "$out/batch.running"
	code=0
	ner-batch run "$@" --batch-file "$out/batch.jsonl" -o "$out/batch.results.jsonl" --reuse "$out/earlier.jsonl" --reuse "$out/results.jsonl" "$out/prompts.jsonl" || code=$?
	[ $code = 0 ] || [ $code = 3 ] || exit $code
	rm -f "$out/batch.running"
}

# The pipeline. First the questions: the catalogue, the examples to show, the sentences, and
# for each of them the most similar examples.
[ -e "$out/labels.json" ] || ner-prompt labels --new "$new" >"$out/labels.json"
ner-prompt convert "$examples" --labels "$out/labels.json" --write-dir "$out" --write-name train
ner-prompt convert "$notes" --labels "$out/labels.json" --write-dir "$out" --write-name test
ner-prompt knn --source-dir "$out" --write-dir "$out" --write-name test
ner-prompt --source-dir "$out" --labels "$out/labels.json" >"$out/prompts.new"

# Answers to earlier prompts are used again where the same is asked. A batch that was started
# is paid for, so it is fetched before its prompts are replaced.
touch "$out/earlier.jsonl" "$out/results.jsonl"
code=0
if ! cmp -s "$out/prompts.new" "$out/prompts.jsonl"; then
	! running || ask_batch "$@"
	for file in results.jsonl batch.results.jsonl batch.reused.jsonl; do
		[ ! -e "$out/$file" ] || { cat "$out/$file" >>"$out/earlier.jsonl" && rm "$out/$file"; }
	done
	mv "$out/prompts.new" "$out/prompts.jsonl"
fi
rm -f "$out/prompts.new"

# Then the answers. Code 3 means that some rows have none; what there is is shown.
touch "$out/results.jsonl" "$out/batch.results.jsonl"
if [ -n "$batch" ]; then
	ask_batch "$@"
	set -- "$out/batch.results.jsonl"
	[ ! -e "$out/batch.reused.jsonl" ] || set -- "$@" "$out/batch.reused.jsonl"
else
	ner-run "$@" -o "$out/results.jsonl" --resume "$out/results.jsonl" --reuse "$out/earlier.jsonl" --reuse "$out/batch.results.jsonl" "$out/prompts.jsonl" || code=$?
	[ $code = 0 ] || [ $code = 3 ] || exit $code
	set -- "$out/results.jsonl"
fi
for file in entities.csv entities.jsonl report.html; do
	format=${file##*.}
	ner-collect -q "$@" --source-dir "$out" --format "$format" --write-dir "$out" --write-name "$file" || [ $? = 3 ]
done
echo "label.sh: see $out/entities.csv and $out/report.html" >&2
exit $code
