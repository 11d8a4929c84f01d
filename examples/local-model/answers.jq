# Counts what became of the answers of one experiment. Input: all lines of
# ner-collect --format jsonl, as one array.
def count(f): [f] | group_by(.) | map({name: .[0], n: length}) | sort_by(-.n);
def shown: map("\(.n) \(.name)") | join(", ") | if . == "" then "none" else . end;

([.[].unanswered // [] | .[]] | length) as $failed
| ([.[].spans[], (.[].unused // [])[]] | length) as $strings
| "answers not the same text: \(count(.[].answers // [] | .[] | (.class // "same") + (if .damage then " (" + (.damage | if type == "array" then join(", ") else . end) + ")" else "" end)) | shown)",
  "rows without an answer: \($failed)",
  "strings marked: \($strings)",
  "used: \(count(.[].spans[].found) | shown)",
  "unused: \(count((.[].unused // [])[].reason) | shown)"
