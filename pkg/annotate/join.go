package annotate

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

// A Joined combines results with the rows that they answer.
type Joined struct {
	Results *collect.Results // if nil, the sentences have their gold entities as Entities
	Rows    *mrc.File        // nil if sentences come from the records
	Lost    int              // rows, or sentences, without an answer and with no record that contains the sentence; they are omitted
	Notes   Notes            // from the last call of [Joined.Each]

	ranks     map[string]int // of labels, to order entities with the same span
	names     *markup.Labels
	shown     *Demonstrations
	dropped   map[place][]markup.Span
	sentences []mrc.Group // the rows of each sentence
}

// Options contain what is known in addition to the results and their rows.
type Options struct {
	Labels         *catalog.DataSet // data set of the labels; determines their order and further names
	Demonstrations *Demonstrations  // used in the prompts
}

// place identifies the question that an entity answers.
type place struct {
	number int    // of the row, or of the sentence
	label  string // only of a sentence
}

// A NoSentenceError reports a row whose record does not contain the sentence, or a record
// about a sentence that does not contain it or its labels, for results without Rows.
type NoSentenceError struct {
	Row      int
	Sentence bool // Row is the number of a sentence
}

func (e *NoSentenceError) Error() string {
	if e.Sentence {
		return fmt.Sprintf("the record of sentence %d does not contain it and its labels", e.Row)
	}
	return fmt.Sprintf("the record of row %d does not contain its sentence", e.Row)
}

// Join joins results, which must have been read with [collect.Options.Join] set, with the
// rows that they answer.
//
// If the results have Rows, those are used. Labels and sentences in the records must
// agree with them. The results may cover fewer rows, as after a run with a limit.
// Otherwise sentences and labels come from the records. Rows whose records name the same
// sentence belong together. Records of earlier versions name none: consecutive rows with
// the same sentence and different labels then belong together, even if rows between them
// are missing, as far as the number of labels allows; the number of the first row is the
// sentence's ID.
func Join(r *collect.Results, o Options) (*Joined, error) {
	j := &Joined{Results: r, Rows: r.Rows(), shown: o.Demonstrations}
	join := j.fromRecords
	switch {
	case j.rowless():
		join = j.sentencesFromRecords
	case r.OfSentences():
		join = j.sentencesFromFile
	case j.Rows != nil:
		join = j.fromFile
	}
	if err := join(); err != nil {
		return nil, err
	}
	if j.shown != nil && r.OfSentences() {
		if err := j.shown.group(); err != nil {
			return nil, err
		}
	}
	j.know(o.Labels)
	return j, nil
}

// Gold returns the sentences of a file with the entities marked in the file itself.
// labels is the data set of its labels, or nil.
func Gold(f *mrc.File, labels *catalog.DataSet) (*Joined, error) {
	sentences, err := f.Sentences()
	j := &Joined{Rows: f, sentences: sentences}
	j.know(labels)
	return j, err
}

// know sets up what is known about the labels.
func (j *Joined) know(set *catalog.DataSet) {
	asked := j.Labels()
	j.ranks = map[string]int{}
	for i, label := range asked {
		j.ranks[label] = i
	}
	if set == nil {
		j.names = Names(asked)
		return
	}
	for _, label := range asked {
		i := set.Index(label)
		if i < 0 {
			i = len(set.Labels)
		}
		j.ranks[label] = i
	}
	j.names = Names(asked, *set)
}

// Rank returns the rank of a label that rows ask for: its position in the data set or,
// without one, in the order in which rows ask for labels.
func (j *Joined) Rank(label string) int { return j.ranks[label] }

// Source returns the name of the results' source: from the ids or else from the file
// name.
func (j *Joined) Source() string {
	if name := j.Results.Source(); name != "" || j.Rows == nil {
		return name
	}
	_, name, _ := mrc.Split(j.Rows.Name())
	if j.Results.OfSentences() {
		return record.SentenceSource(name)
	}
	return name
}

// rowless reports whether the records are about sentences whose rows are not known. The
// numbers of these sentences then take the place of rows.
func (j *Joined) rowless() bool { return j.Rows == nil && j.Results != nil && j.Results.OfSentences() }

func (j *Joined) fromFile() error {
	r, f := j.Results, j.Rows
	if !r.TotalKnown() {
		if err := r.SetTotal(f.Len(), f.Name()); err != nil {
			return err
		}
	}
	if n := r.Len(); n > f.Len() {
		return fault.WithHint(fmt.Errorf("results of %s, but %s has %d", english.Count(n, "row"), f.Name(), f.Len()),
			"name the file that the prompts were made from")
	}
	sentences, err := f.Sentences()
	if err != nil {
		return err
	}
	j.sentences = sentences
	j.limit(r.Len())
	var row mrc.Row
	for i, result := range r.All() {
		if result.Label == "" && result.Context == "" {
			continue
		}
		if err := f.Decode(i, &row); err != nil {
			return err
		}
		if result.Label != "" && result.Label != row.Label || result.Context != "" && result.Context != row.Context {
			return &fault.Error{File: f.Name(), Line: f.Line(i), Err: fmt.Errorf("row %d is not the row that was asked", i),
				Hint: "name the file that the prompts were made from"}
		}
	}
	return nil
}

// limit drops the rows from n on.
func (j *Joined) limit(n int) {
	kept := j.sentences[:0]
	for _, s := range j.sentences {
		s.Rows = slices.DeleteFunc(s.Rows, func(row int) bool { return row >= n })
		if len(s.Rows) > 0 {
			kept = append(kept, s)
		}
	}
	j.sentences = kept
}

// sentencesFromFile is fromFile for records about whole sentences.
func (j *Joined) sentencesFromFile() error {
	r, f := j.Results, j.Rows
	groups := r.Groups()
	if !r.TotalKnown() {
		if err := r.SetTotal(len(groups), f.Name()); err != nil {
			return err
		}
	}
	const hint = "name the file that the prompts were made from"
	var row mrc.Row
	n := 0
	for i, reply := range r.Questions() {
		if n = i + 1; n > len(groups) {
			continue
		}
		first := groups[i].Rows[0]
		if err := f.Decode(first, &row); err != nil {
			return err
		}
		if reply.Context != "" && reply.Context != row.Context || reply.Labels != nil && !sameLabels(reply.Labels, j.labelsOf(&groups[i])) {
			return &fault.Error{File: f.Name(), Line: f.Line(first), Err: fmt.Errorf("sentence %d is not the sentence that was asked", i), Hint: hint}
		}
	}
	if n > len(groups) {
		return fault.WithHint(fmt.Errorf("results of %s, but %s has %d", english.Count(n, "sentence"), f.Name(), len(groups)), hint)
	}
	j.sentences = groups[:n]
	return nil
}

func sameLabels(a, b []string) bool {
	if slices.Equal(a, b) {
		return true
	}
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// sentencesFromRecords is fromRecords for records about whole sentences.
func (j *Joined) sentencesFromRecords() error {
	known := map[string]bool{}
	failed := -1
	for i, reply := range j.Results.Questions() {
		if reply.Context == "" || reply.Labels == nil {
			if reply.OK() {
				return &NoSentenceError{i, true}
			}
			j.Lost++
			if !reply.Missing() && failed < 0 {
				failed = i
			}
			continue
		}
		id := cmp.Or(reply.Origin.Sentence, strconv.Itoa(i))
		if known[id] {
			id += "~" + strconv.Itoa(i) // records that were changed
		}
		known[id] = true
		j.sentences = append(j.sentences, mrc.Group{ID: id, Rows: []int{i}})
	}
	if len(j.sentences) == 0 && failed >= 0 {
		return &NoSentenceError{failed, true}
	}
	return nil
}

func (j *Joined) fromRecords() error {
	all := map[string]bool{}
	for _, row := range j.Results.All() {
		all[row.Label] = true
	}
	known := map[string]int{} // sentences by the ids in records
	var last collect.Reply
	var labels []string
	first, failed := 0, -1
	for i, row := range j.Results.All() {
		switch {
		case !row.OK() && row.Context == "":
			j.Lost++
			if !row.Missing() && failed < 0 {
				failed = i
			}
			continue
		case row.Context == "":
			return &NoSentenceError{i, false}
		case row.Origin.Sentence != "":
			j.addTo(known, i, &row)
			last, labels = row, nil
			continue
		}
		if n := len(j.sentences); len(labels) > 0 && i < first+len(all) && row.Context == last.Context && !slices.Contains(labels, row.Label) {
			j.sentences[n-1].Rows = append(j.sentences[n-1].Rows, i)
		} else {
			j.sentences = append(j.sentences, mrc.Group{ID: strconv.Itoa(i), Rows: []int{i}})
			labels, first = labels[:0], i
		}
		last, labels = row, append(labels, row.Label)
	}
	if len(j.sentences) == 0 && failed >= 0 {
		return &NoSentenceError{failed, false}
	}
	return nil
}

// addTo adds row i to its sentence, which the record names.
func (j *Joined) addTo(known map[string]int, i int, row *collect.Reply) {
	id := row.Origin.Sentence
	n, seen := known[id]
	if seen {
		s := &j.sentences[n]
		before := j.Results.Row(s.Rows[0])
		asked := func(other int) bool { return j.Results.Row(other).Label == row.Label }
		if before.Context == row.Context && before.Origin.Form == row.Origin.Form && !slices.ContainsFunc(s.Rows, asked) {
			s.Rows = append(s.Rows, i)
			return
		}
		id += "~" + strconv.Itoa(i) // records that were changed
	}
	known[row.Origin.Sentence] = len(j.sentences)
	j.sentences = append(j.sentences, mrc.Group{ID: id, Rows: []int{i}})
}

// AllRows reports whether j covers all rows of its file; without one, that is not known, and
// AllRows returns true.
func (j *Joined) AllRows() bool {
	return j.Results == nil || j.Rows == nil || j.Results.Len() >= j.Rows.Len()
}

// Labels returns the labels that the rows ask for, in order of first occurrence.
func (j *Joined) Labels() []string {
	var list []string
	seen := map[string]bool{}
	for i := range j.sentences {
		for label := range j.eachLabel(&j.sentences[i]) {
			if !seen[label] {
				seen[label] = true
				list = append(list, label)
			}
		}
	}
	return list
}

// labelsOf returns the labels of a sentence, in row order.
func (j *Joined) labelsOf(s *mrc.Group) []string { return slices.Collect(j.eachLabel(s)) }

// eachLabel yields the labels of a sentence, in row order.
func (j *Joined) eachLabel(s *mrc.Group) iter.Seq[string] {
	if j.rowless() {
		return slices.Values(j.Results.Row(s.Rows[0]).Labels)
	}
	return func(yield func(string) bool) {
		for _, row := range s.Rows {
			if !yield(j.label(row)) {
				return
			}
		}
	}
}

func (j *Joined) label(row int) string {
	if j.Rows != nil {
		return j.Rows.Label(row)
	}
	return j.Results.Row(row).Label
}

// AsMarked returns a copy of j without demonstrations, so that no marked string is
// dropped as copied from a demonstration.
func (j *Joined) AsMarked() *Joined {
	marked := *j
	marked.shown = nil
	return &marked
}

// Drop removes an entity that [Joined.AsMarked] finds in the answer to a row: j then
// behaves as if it had never been marked. If the records are about sentences, number is that of
// the sentence, and only the entity with this label is removed; otherwise it is that of the row.
func (j *Joined) Drop(number int, label string, span markup.Span) {
	q := place{number: number}
	if j.Results.OfSentences() {
		q.label = label
	}
	if j.dropped == nil {
		j.dropped = map[place][]markup.Span{}
	}
	j.dropped[q] = append(j.dropped[q], span)
}

// droppedOf returns the dropped entities of a row, which asks for label about the sentence
// with this number.
func (j *Joined) droppedOf(row, sentence int, label string) []markup.Span {
	if j.dropped == nil {
		return nil
	}
	if j.Results.OfSentences() {
		return j.dropped[place{sentence, label}]
	}
	return j.dropped[place{number: row}]
}
