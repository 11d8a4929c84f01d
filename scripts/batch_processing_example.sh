#!/usr/bin/env bash
# Does with a batch what batch_processing_example.py did, one step at a time, by
# ner-prompt, ner-batch and ner-collect. --help shows the steps and their flags.
# What is said of files and exit codes in get_results_mrc_knn.sh holds here too.
# shellcheck disable=SC2154,SC2317  # variables are set and help is called in the other file
set -uo pipefail

# shellcheck source=/dev/null
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/get_results_mrc_knn.sh" || exit 1

help() {
  cat <<END
usage: $0 --mode MODE FLAGS

One step of a batch at a time. Example:
  $0 --mode create --source-dir examples/news --data-name CONLL --batch-file batches/news.jsonl

  --mode create     write the batch file; nothing is sent: DATA, --batch-file
  --mode submit     send it: --batch-file, and DATA unless the file is there already
  --mode status     show how a batch stands: --batch-id
  --mode retrieve   write a batch's results: --batch-id, --write-name, --write-dir
  --mode full       all of it, the wait included: DATA, --batch-file, --write-name, --write-dir

DATA stands for --source-dir, --source-name, --train-name, --data-name, --example-dir,
--example-name, --example-num and --last-results, which mean what they mean to
get_results_mrc_knn.sh; so do the others, --model and --wait-for-batch (with retrieve).
END
}

create_batch() {
  local command
  need_batch_file "--batch-file is missing: name the file to write the requests to"
  need ner-prompt ner-batch
  prepare_prompts
  if nothing_to_ask; then
    say "no row of $last failed: no batch file is written"
    return
  fi
  start create
  on_prompts "${command[@]}"
}

show_status() {
  local command
  need ner-batch
  command=("$(program ner-batch)" status "${batch_ids[@]}")
  say "+$(quoted "${command[@]}")"
  "${command[@]}" </dev/null
}

need_batch_id() {
  [ ${#batch_ids[@]} -gt 0 ] || usage_error "--batch-id is missing: name the batch"
}

trap : INT
mode=''
parse "$@"
case $mode in
  create) create_batch ;;
  submit)
    need_batch_file "--batch-file is missing: name the file of the requests"
    submit_batch "$0" --mode retrieve
    ;;
  status)
    need_batch_id
    show_status
    ;;
  retrieve)
    need_batch_id
    retrieve
    ;;
  full)
    need_batch_file "--batch-file is missing: name the file of the requests"
    batch_and_wait
    ;;
  '') usage_error "--mode is missing: create, submit, status, retrieve or full" ;;
  *) usage_error "--mode $mode: create, submit, status, retrieve or full" ;;
esac
exit
