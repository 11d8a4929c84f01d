package annotate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
)

// A Joined is results and the rows that they answer.
type Joined struct {
	Results *collect.Results // nil: sentences have the gold entities for their own
	Rows    *mrc.File        // nil where the records tell their sentences
	Lost    int              // rows without an answer that no record tells the sentence of; they are left out
	Notes   Notes            // of the last [Joined.Each]

	ranks     map[string]int // of labels, for entities of one place
	names     *markup.Labels
	shown     *Demonstrations
	dropped   map[int][]markup.Span // by row
	sentences []mrc.Group           // the rows of each
}

// Options say what is known besides results and their rows.
type Options struct {
	Labels         *catalog.DataSet // that the labels belong to; it settles their order and further names
	Demonstrations *Demonstrations  // that the prompts showed
}

// A NoSentenceError says that the record of a row does not tell its sentence, and that
// the results know no rows.
type NoSentenceError struct{ Row int }

func (e *NoSentenceError) Error() string {
	return fmt.Sprintf("the record of row %d does not tell its sentence", e.Row)
}

// Join joins results, which have been read with [collect.Options.Join] set, with
// the rows that they answer.
//
// These are those of the results' file, if it is known. Where records tell label and
// sentence, they have to be those of the file. The results may be of fewer rows: those
// of a run with a limit. Otherwise the records tell the sentences. Rows that follow
// one another with one sentence and different labels belong together, also where rows
// between them are missing, as far as there are labels; the number of the first is
// their ID.
func Join(r *collect.Results, o Options) (*Joined, error) {
	j := &Joined{Results: r, Rows: r.Rows(), shown: o.Demonstrations}
	join := j.fromRecords
	if j.Rows != nil {
		join = j.fromFile
	}
	if err := join(); err != nil {
		return nil, err
	}
	j.know(o.Labels)
	return j, nil
}

// Gold gives the sentences of a file with the entities that the file itself marks.
// labels is the data set that its labels belong to, or nil.
func Gold(f *mrc.File, labels *catalog.DataSet) (*Joined, error) {
	sentences, err := f.Sentences()
	j := &Joined{Rows: f, sentences: sentences}
	j.know(labels)
	return j, err
}

// know settles what is known of the labels.
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
		i := slices.IndexFunc(set.Labels, func(l catalog.Label) bool { return strings.EqualFold(l.Key, label) })
		if i < 0 {
			i = len(set.Labels)
		}
		j.ranks[label] = i
	}
	j.names = Names(asked, *set)
}

// Rank is the rank of a label that the rows ask for: of the data set's order, or else
// of that in which rows ask for labels.
func (j *Joined) Rank(label string) int { return j.ranks[label] }

// Source names the source that the results are of: what their ids say, or else the
// name of its file.
func (j *Joined) Source() string {
	if name := j.Results.Source(); name != "" || j.Rows == nil {
		return name
	}
	_, name, _ := mrc.Split(j.Rows.Name())
	return name
}

func (j *Joined) fromFile() error {
	r, f := j.Results, j.Rows
	if !r.TotalKnown() {
		if err := r.SetTotal(f.Len(), f.Name()); err != nil {
			return err
		}
	}
	if n := r.Len(); n > f.Len() {
		return fault.WithHint(fmt.Errorf("results of %d rows, but %s has %d", n, f.Name(), f.Len()),
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
			return &fault.Error{File: f.Name(), Line: f.Line(i), Err: fmt.Errorf("row %d is not the one that was asked", i),
				Hint: "name the file that the prompts were made from"}
		}
	}
	return nil
}

// limit leaves out the rows from n on.
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

func (j *Joined) fromRecords() error {
	all := map[string]bool{}
	for _, row := range j.Results.All() {
		all[row.Label] = true
	}
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
			return &NoSentenceError{i}
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
		return &NoSentenceError{failed}
	}
	return nil
}

// Labels gives the labels that the rows ask for, in the order in which they
// first do.
func (j *Joined) Labels() []string {
	var list []string
	seen := map[string]bool{}
	for _, s := range j.sentences {
		for _, row := range s.Rows {
			if label := j.label(row); !seen[label] {
				seen[label] = true
				list = append(list, label)
			}
		}
	}
	return list
}

func (j *Joined) label(row int) string {
	if j.Rows != nil {
		return j.Rows.Label(row)
	}
	return j.Results.Row(row).Label
}

// AsMarked returns j without its demonstrations: nothing that answers mark is left out
// as copied from one.
func (j *Joined) AsMarked() *Joined {
	marked := *j
	marked.shown = nil
	return &marked
}

// Drop drops an entity that [Joined.AsMarked] finds in the answer to a row: j is then
// as if it had never been marked.
func (j *Joined) Drop(row int, span markup.Span) {
	if j.dropped == nil {
		j.dropped = map[int][]markup.Span{}
	}
	j.dropped[row] = append(j.dropped[row], span)
}
