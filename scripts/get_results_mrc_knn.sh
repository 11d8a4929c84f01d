#!/usr/bin/env bash
# Takes the command lines of get_results_mrc_knn.py word for word and runs
# ner-prompt, ner-run, ner-batch and ner-collect. --help shows the flags; stderr
# says, after a "+", which commands were run.
#
# Beside the results file NAME stay the records that it was made of, so that
# nothing is paid for twice when the same command is given again:
#
#   NAME.jsonl             answers to parallel calls
#   NAME.again-SUM.jsonl   those of --last-results; SUM is the earlier file's
#   NAME.batch.jsonl       the results of a batch
#
# The exit codes are those of the programs: 0 ok, 1 failed, 2 usage, 3 some rows
# failed or are missing, 4 key missing or refused, 8 batch still running, 11
# somebody else is at it, 130 interrupted.
set -uo pipefail

me=${0##*/}
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd) || exit 1

help() {
  cat <<END
usage: $0 FLAGS

Asks a model for the entities in each row of an MRC-NER file. Example:
  $0 --source-dir examples/news --data-name CONLL --write-dir output --write-name results.txt

  --source-dir DIR      folder of the MRC files (default: .)
  --source-name NAME    ask about the rows of mrc-ner.NAME (default: test)
  --train-name NAME     take demonstrations from mrc-ner.NAME (default: train)
  --data-name DATASET   CONLL, ONTONOTES, WNUT ...
  --example-dir DIR     folder of the kNN file (default: that of the MRC files)
  --example-name NAME   kNN file NAME.knn.jsonl (default: the source name)
  --example-num N       demonstrations to show (default: 16)
  --last-results FILE   ask again only what failed in this results file, and keep the rest
  --write-dir DIR       write to a file in DIR, which is made if need be (default: .)
  --write-name NAME     the results file
  --use-batch           use the Batch API, at half the price, instead of parallel calls
  --batch-file FILE     the batch's requests: written, or sent as they are where no flag names data
  --wait-for-batch      wait for the batch and write its results
  --batch-id ID         write the results of this batch (repeatable; batches of one source)
  --keep-earlier        keep answers from before a change of model or prompts, and ask the other rows
  -m, --model MODEL     ask this model (default: NER_MODEL or gpt-6-luna)
  -j, --workers N       parallel calls at once (default: 10)
END
}

say() { printf '%s: %s\n' "$me" "$*" >&2; }

usage_error() {
  say "$1"
  say "see $0 --help"
  exit 2
}

# parse reads the command line into these. It takes --mode if mode is not "-".
mode=-
data=() # flags of ner-prompt
model=()
keep=()
workers=()
batch_ids=()
last='' write_dir=. write_name='' use_batch='' batch_file='' wait_for_batch=''

parse() {
  local flag value
  while [ $# -gt 0 ]; do
    flag=$1
    shift
    case $flag in
      -h | --help)
        help
        exit 0
        ;;
      --use-batch)
        use_batch=1
        continue
        ;;
      --wait-for-batch)
        wait_for_batch=1
        continue
        ;;
      --keep-earlier)
        keep=(--keep-earlier)
        continue
        ;;
      --mode | --mode=*)
        [ "$mode" != - ] || usage_error "unknown flag --mode"
        ;;
      --source-dir | --source-name | --train-name | --data-name | --example-dir | --example-name | --example-num) ;;
      --source-dir=* | --source-name=* | --train-name=* | --data-name=* | --example-dir=* | --example-name=* | --example-num=*) ;;
      --last-results | --write-dir | --write-name | --batch-file | --batch-id | --model | -m | --workers | -j) ;;
      --last-results=* | --write-dir=* | --write-name=* | --batch-file=* | --batch-id=* | --model=* | -m=* | --workers=* | -j=*) ;;
      -*) usage_error "unknown flag ${flag%%=*}" ;;
      *) usage_error "unexpected argument \"$flag\"" ;;
    esac
    case $flag in
      *=*)
        value=${flag#*=}
        flag=${flag%%=*}
        ;;
      *)
        case ${1---} in
          --*) usage_error "flag needs an argument: $flag" ;;
        esac
        value=$1
        shift
        ;;
    esac
    case $flag in
      --mode) mode=$value ;;
      --source-dir | --source-name | --data-name | --example-num) data+=("$flag" "$value") ;;
      # "None" is how the Python script's own defaults are spelled.
      --train-name | --example-dir | --example-name) [ "$value" = None ] || data+=("$flag" "$value") ;;
      --last-results)
        last=$value
        [ "$last" != None ] || last=
        ;;
      --write-dir) write_dir=$value ;;
      --write-name) write_name=$value ;;
      --batch-file) batch_file=$value ;;
      --batch-id) batch_ids+=(--batch-id "$value") ;;
      --model | -m) model=(--model "$value") ;;
      --workers | -j) workers=(-j "$value") ;;
    esac
  done
  if [ -n "$last" ] && [ ! -f "$last" ]; then
    say "--last-results $last: no such file"
    exit 1
  fi
}

# program prints how a program is called: by its name if it is on PATH.
program() {
  if command -v "$1" >/dev/null; then
    printf '%s\n' "$1"
  elif [ -x "$root/bin/$1" ]; then
    printf '%s\n' "$root/bin/$1"
  else
    return 1
  fi
}

need() {
  local name
  for name; do
    program "$name" >/dev/null && continue
    say "$name is neither on PATH nor in $root/bin"
    say "build the programs: cd$(quoted "$root") && GOBIN=\$PWD/bin go install ./cmd/..."
    exit 1
  done
}

# quoted prints its arguments, a space before each, as the shell reads them.
quoted() {
  local arg quote="'\\''"
  for arg; do
    case $arg in
      '' | *[!A-Za-z0-9_./:=@%+,-]*) printf " '%s'" "${arg//\'/$quote}" ;;
      *) printf ' %s' "$arg" ;;
    esac
  done
}

make_folder() {
  [ -d "$1" ] || mkdir -p -- "$1" || exit 1
}

# need_target sets target, the results file, and makes its folder.
need_target() {
  [ -n "$write_name" ] || usage_error "--write-name is missing: name the file to write"
  target=${write_dir%/}/$write_name
  [ "$write_dir" != . ] || target=$write_name
  make_folder "$(dirname -- "$target")"
}

need_batch_file() {
  [ -n "$batch_file" ] || usage_error "$1"
  make_folder "$(dirname -- "$batch_file")"
}

# prepare_prompts sets prompt, the command that makes the prompts.
prepare_prompts() {
  prompt=("$(program ner-prompt)")
  [ ${#data[@]} -eq 0 ] || prompt+=("${data[@]}")
  [ -z "$last" ] || prompt+=(--last-results "$last")
}

first_failure() {
  local code
  for code; do
    [ "$code" -eq 0 ] || return "$code"
  done
}

# complete runs a command that makes prompts and, where it fails, adds a line that
# ner-batch refuses: part of the prompts must not be sent for the whole.
complete() {
  local code=0
  "$@" || code=$?
  if [ "$code" -ne 0 ]; then
    trap '' PIPE # ner-batch may have failed before
    echo "the prompts end here, since ner-prompt failed" 2>/dev/null
  fi
  return "$code"
}

# on_prompts runs an ner-batch command on the prompts.
on_prompts() {
  local codes
  say "+$(quoted "${prompt[@]}") |$(quoted "$@")"
  complete "${prompt[@]}" | "$@"
  codes=("${PIPESTATUS[@]}")
  [ "${codes[0]}" -eq 0 ] || say "the prompts are not complete, so that nothing was sent"
  first_failure "${codes[@]}"
}

# batch does so too or, where no flag names data, runs the command on the batch
# file that is there.
batch() {
  local second
  if [ ${#data[@]} -gt 0 ] || [ -n "$last" ] || [ ! -f "$batch_file" ]; then
    on_prompts "$@"
    return
  fi
  second=${batch_file%.*}.2.${batch_file##*.}
  [ ! -e "$second" ] || say "only $batch_file is sent: $second is another batch file, to be sent by itself"
  say "+$(quoted "$@") < /dev/null"
  "$@" </dev/null
}

# nothing_to_ask reports whether --last-results leaves no row to ask again.
nothing_to_ask() {
  local first
  [ -n "$last" ] && first=$("${prompt[@]}" 2>/dev/null | head -n 1) && [ -z "$first" ]
}

# collect brings the records in a file ("": no records) into the results file.
collect() {
  local command name=$write_name temp='' code=0
  command=("$(program ner-collect)")
  [ -z "$1" ] || command+=("$1")
  if [ -n "$last" ]; then
    command+=(--last-results "$last")
    if [ "$last" -ef "$target" ]; then
      # ner-collect never writes over what it reads.
      name=$write_name.$$.tmp
      temp=${target%"$write_name"}$name
      cp -p -- "$target" "$temp" || return 1 # for its permissions
    fi
  fi
  command+=(--write-dir "$write_dir" --write-name "$name")
  if [ -n "$1" ]; then
    say "+$(quoted "${command[@]}")"
  else
    say "+$(quoted "${command[@]}") < /dev/null"
  fi
  "${command[@]}" </dev/null || code=$?
  if [ -n "$temp" ]; then
    case $code in
      0 | 3 | 130)
        say "+ mv -f$(quoted "$temp" "$target")"
        mv -f -- "$temp" "$target" || code=1
        ;;
      *) rm -f -- "$temp" ;;
    esac
  fi
  return "$code"
}

ask_in_parallel() {
  local run records sum code=0 collected=0
  need_target
  need ner-prompt ner-run ner-collect
  if [ -n "$batch_file$wait_for_batch" ]; then
    say "without --use-batch the rows are asked in parallel; --batch-file and --wait-for-batch say nothing then"
  fi
  prepare_prompts
  records=$target.jsonl
  if [ -n "$last" ]; then
    # What was asked again for one state of the earlier file is laid over no other.
    sum=$(cksum <"$last") || exit 1
    records=$target.again-${sum%% *}.jsonl
  fi
  run=("$(program ner-run)" -o "$records" --resume "$records")
  [ ${#model[@]} -eq 0 ] || run+=("${model[@]}")
  [ ${#keep[@]} -eq 0 ] || run+=("${keep[@]}")
  [ ${#workers[@]} -eq 0 ] || run+=("${workers[@]}")

  say "+$(quoted "${prompt[@]}") |$(quoted "${run[@]}")"
  "${prompt[@]}" | "${run[@]}"
  first_failure "${PIPESTATUS[@]}" || code=$?
  case $code in
    0 | 3) ;;
    130) [ -s "$records" ] || return "$code" ;;
    1)
      [ ! -s "$records" ] || say "the answers so far are in $records: the same command continues with them; to ask everything anew, move that file away"
      return 1
      ;;
    *) return "$code" ;;
  esac
  collect "$records" || collected=$?
  # What the results file lacks counts, not what this run lacked.
  if [ "$code" -eq 130 ]; then
    say "interrupted: the same command goes on from here"
    return 130
  fi
  return "$collected"
}

# start sets command, an ner-batch command that starts batches.
start() {
  command=("$(program ner-batch)" "$1" --batch-file "$batch_file")
  [ ${#model[@]} -eq 0 ] || command+=("${model[@]}")
}

# check_batch sees to what every command that makes a batch needs.
check_batch() {
  need_batch_file "--batch-file is required when using --use-batch"
  need ner-prompt ner-batch
  [ ${#keep[@]} -eq 0 ] || usage_error "--keep-earlier is for parallel calls: use ner-batch run --keep-earlier for a batch"
  if [ ${#workers[@]} -gt 0 ]; then
    say "a batch has no workers: ${workers[*]} says nothing"
  fi
  prepare_prompts
}

batch_and_wait() {
  local command code=0
  need_batch_file "--batch-file is required when using --use-batch"
  need_target
  need ner-collect
  check_batch
  if nothing_to_ask; then
    say "no row of $last failed: no batch is needed"
    collect ""
    return
  fi
  start run
  command+=(-o "$target.batch.jsonl")
  # On stdout it would show the jobs of an unfinished batch, which stderr tells too.
  batch "${command[@]}" >/dev/null || code=$?
  case $code in
    0 | 3) collect "$target.batch.jsonl" ;;
    *) return "$code" ;;
  esac
}

# submit_batch is called with the words of the command that retrieves the results.
submit_batch() {
  local command jobs id ids code=0
  check_batch
  if nothing_to_ask; then
    say "no row of $last failed: nothing is submitted"
    return
  fi
  start submit
  jobs=$(batch "${command[@]}") || code=$?
  ids=()
  while IFS= read -r id; do
    [ -n "$id" ] || continue
    echo "Batch submitted with ID: $id"
    ids+=(--batch-id "$id")
  done <<<"$(printf '%s\n' "$jobs" | sed -n 's/.*"batch_id": *"\([^"]*\)".*/\1/p')"
  [ ${#ids[@]} -gt 0 ] || return "$code"
  set -- "$@" "${ids[@]}"
  [ -z "$last" ] || set -- "$@" --last-results "$last"
  echo
  echo "Batch is processing. To retrieve results later, run:"
  local dir=' <dir>' name=' <name>'
  if [ -n "$write_name" ]; then
    dir=$(quoted "$write_dir")
    name=$(quoted "$write_name")
  fi
  echo " $(quoted "$@") --write-dir$dir --write-name$name"
  return "$code"
}

retrieve() {
  local command code=0
  need_target
  need ner-batch ner-collect
  if [ -n "$wait_for_batch" ]; then
    command=("$(program ner-batch)" wait "${batch_ids[@]}")
    say "+$(quoted "${command[@]}")"
    "${command[@]}" >/dev/null </dev/null || code=$?
    case $code in
      0 | 3) code=0 ;;
      *) return "$code" ;;
    esac
  fi
  command=("$(program ner-batch)" download "${batch_ids[@]}" -o "$target.batch.jsonl")
  [ -z "$batch_file" ] || [ ! -f "$batch_file" ] || command+=(--batch-file "$batch_file")
  say "+$(quoted "${command[@]}")"
  "${command[@]}" </dev/null || code=$?
  case $code in
    0 | 3) collect "$target.batch.jsonl" ;;
    *) return "$code" ;;
  esac
}

main() {
  parse "$@"
  if [ ${#batch_ids[@]} -gt 0 ]; then
    retrieve
  elif [ -z "$use_batch" ]; then
    ask_in_parallel
  elif [ -n "$wait_for_batch" ]; then
    batch_and_wait
  else
    submit_batch "$0"
  fi
}

# batch_processing_example.sh reads this file for its functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  # Ctrl-C reaches the programs by themselves: they write what is finished, and
  # what comes after them here is still to be done.
  trap : INT
  main "$@"
  exit
fi
