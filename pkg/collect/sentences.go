package collect

import (
	"fmt"
	"slices"
	"strings"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

// OfSentences reports whether the records are about whole sentences, all labels at once.
// Without records, that is not known, and it returns false.
func (r *Results) OfSentences() bool { return r.sentences }

// Groups returns the rows of each sentence of Options.Rows, if the records are about
// sentences. The caller must not change them.
func (r *Results) Groups() []mrc.Group { return r.groups }

// Questions yields the reply to each question that records can answer: about each row, or
// about each sentence. Lines of an earlier results file do not count.
func (r *Results) Questions() func(yield func(int, Reply) bool) {
	return func(yield func(int, Reply) bool) {
		for i := range r.questions() {
			if !yield(i, r.reply(i)) {
				return
			}
		}
	}
}

// reply returns the reply that records give to question i.
func (r *Results) reply(i int) Reply {
	t := r.told[i]
	reply := Reply{missingLine, &noAnswer, r.sentences, t.label, t.context, t.model, r.labels[i], t.origin}
	if now, seen := r.rows[i]; seen {
		reply.Line, reply.Failure = now.line, now.failure
	}
	return reply
}

// Unit returns the name of what the records are about: "row" or "sentence".
func (r *Results) Unit() string {
	if r.sentences {
		return "sentence"
	}
	return "row"
}

// about reports whether a record is about a whole sentence, and whether it says so itself.
// A line of a batch does not: what other records say then decides, or else its source.
func (r *Results) about(rec *record.Result) (sentence, certain bool) {
	switch {
	case rec.Label != "":
		return false, true
	case rec.Labels != nil:
		return true, true
	case r.records > 0:
		return r.sentences, false
	}
	source, _, _, ours := record.ParseID(rec.ID)
	return ours && record.IsSentenceSource(source), false
}

// settle decides what the records are about.
func (r *Results) settle(rec *record.Result, at place) error {
	sentence, certain := r.about(rec)
	switch {
	case !certain && r.records > 0, certain && r.certain && sentence == r.sentences:
		return nil
	case certain && r.certain:
		asks := map[bool]string{false: "about one label of a sentence", true: "about all labels of a sentence"}
		return fault.WithHint(fmt.Errorf("this record is %s, but the one in %s is %s", asks[sentence], r.where(r.certainAt), asks[r.sentences]),
			"collect the results of each kind of question separately")
	}
	r.sentences, r.certain, r.certainAt = sentence, certain, at
	if !sentence {
		r.groups, r.groupOf, r.ends = nil, nil, nil
		return nil
	}
	return r.group()
}

// group finds the rows of each sentence, if the rows are known.
func (r *Results) group() (err error) {
	o := &r.options
	if o.Rows == nil && o.Open != nil {
		if o.Rows, err = o.Open(); err != nil {
			return err
		}
		o.Join = true
	}
	if o.Rows == nil || r.groups != nil {
		return nil
	}
	if r.groups, err = o.Rows.Sentences(); err != nil {
		return err
	}
	r.groupOf = mrc.SentenceOf(r.groups, o.Rows.Len())
	r.ends = make([]int, len(r.groups)+1)
	for i, g := range r.groups {
		r.ends[i+1] = max(r.ends[i], g.Rows[len(g.Rows)-1]+1)
	}
	return nil
}

// rowsOf returns how many rows the first n questions are about: those up to the last one.
func (r *Results) rowsOf(n int) int {
	if r.groups == nil {
		return n
	}
	return r.ends[min(n, len(r.groups))]
}

// sentence returns the sentence that a record is about, "" if it is not known. An error is
// not lost: it occurs again as soon as the record is added.
func (r *Results) sentence(rec *record.Result) string {
	row := rec.Index
	if whole, _ := r.about(rec); whole {
		if r.group() != nil || r.groups == nil || row >= len(r.groups) {
			return ""
		}
		row = r.groups[row].Rows[0]
	}
	return r.context(row)
}

// context returns the sentence of a row, "" if it is not known.
func (r *Results) context(i int) string {
	var row mrc.Row
	if rows := r.options.Rows; rows == nil || i >= rows.Len() || rows.Decode(i, &row) != nil {
		return ""
	}
	return row.Context
}

// keepLabels stores the labels that a record says it is about. Most sentences have the
// same ones, which are stored once.
func (r *Results) keepLabels(i int, labels []string) {
	if labels == nil {
		return
	}
	if r.labels == nil {
		r.labels, r.lists = map[int][]string{}, map[string][]string{}
	}
	key := strings.Join(labels, "\x00")
	list, ok := r.lists[key]
	if !ok {
		for _, label := range labels {
			list = append(list, r.one(label))
		}
		r.lists[key] = slices.Clip(list)
	}
	r.labels[i] = list
}

func (r *Results) count(n int) string { return english.Count(n, r.Unit()) }
