# Counts what became of the answers of one experiment. Input: all lines of
# ner-collect --format jsonl, as one array. $rows is the number of answers.
def count(f): [f] | group_by(.) | map({name: .[0], n: length}) | sort_by(-.n);
def shown: map("\(.n) \(.name)") | join(", ") | if . == "" then "none" else . end;
def form: .class + (if .damage then " (" + (.damage | join(", ")) + ")" else "" end);

[.[].answers // [] | .[]] as $other
# An answer about a whole sentence that failed leaves all its labels unanswered.
| (if $rows == length then [.[] | select(.unanswered)] else [.[].unanswered // [] | .[]] end | length) as $failed
| "answers: \($rows)",
  "  the sentence, marked as asked for: \($rows - $failed - ($other | length))",
  "  in another form: \(count($other[] | form) | shown)",
  "  failed: \($failed)",
  "strings: \([.[].spans[], (.[].unused // [])[]] | length)",
  "  used: \(count(.[].spans[].found) | shown)",
  "  unused: \(count((.[].unused // [])[].reason) | shown)"
