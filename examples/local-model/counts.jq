# Prints a line for each sentence: the true positives, false positives and false
# negatives of the base setting, then those of another one. An entity counts if its
# span and its label are right. Input: the lines of ner-collect --format jsonl.
def entities: [.spans[] | [.start, .end, .label]] | unique;
def counts($gold): (. - (. - $gold) | length) as $right
  | [$right, length - $right, ($gold | length) - $right];

INDEX($base[]; .id) as $base
| INDEX(.[]; .id) as $other
| $gold[] | .id as $id
| entities as $entities
| [($base, $other | .[$id] | entities | counts($entities))] | add | map(tostring) | join(" ")
