// Package annotate turns answers into annotated sentences: the answers to the
// questions about one sentence, one a label, are aligned to it and become its
// entities.
package annotate

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/parallel"
	"nertools/pkg/record"
	"nertools/pkg/score"
)

// A Annotation is what the answers to the questions about one sentence add up to.
type Annotation struct {
	corpus.Sentence                 // its Entities are what the answers mark
	Gold            []corpus.Entity // what the source marks, ordered likewise, none twice
	Answers         []Answer        // one for each question, in the order of the rows
}

// An Answer is one row of a sentence.
type Answer struct {
	Row              int
	Label            string
	Failure          *record.Failure // why there is no answer; nil for a good one
	Line             string          // as in a results file
	markup.Alignment                 // of a good answer
	Gold             []markup.Span   // as the source has them: those given twice, or beyond the sentence, too

	// UnusableGold is how many gold spans of the row can't be in the sentence: their
	// positions are no numbers, beyond its tokens or in the wrong order, or a start or
	// an end has no partner.
	UnusableGold int
}

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

// Notes counts what people should hear of.
type Notes struct {
	Copied   int // strings that an answer marks, copied from a demonstration
	Unread   int // answers that are meant as lists and can't be read
	PartRead int // answers of which only a part can be read

	// Gold spans that can't be in their sentences, the rows that have them, and the first
	// of these rows.
	UnusableGold, UnusableRows, FirstUnusable int
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

// Names returns the names by which answers call the labels asked for, and the
// other labels of their data sets: of those given, then of the built-in ones that
// have all the labels asked for; and those of other kinds of entity in common use.
// A label's key goes before the name of another.
func Names(asked []string, sets ...catalog.DataSet) *markup.Labels {
	sets = append(slices.Clip(sets), catalog.Builtin().Covering(asked)...)
	names := new(markup.Labels)
	for _, label := range asked {
		names.Add(label, label)
	}
	each := func(list func(catalog.Label) []string) {
		for _, set := range sets {
			for _, l := range set.Labels {
				label := l.Key
				if i := slices.IndexFunc(asked, func(a string) bool { return strings.EqualFold(a, label) }); i >= 0 {
					label = asked[i]
				}
				names.Add(label, list(l)...)
			}
		}
	}
	each(func(l catalog.Label) []string { return []string{l.Key} })
	each(func(l catalog.Label) []string { return []string{l.Name} })
	each(catalog.Label.Names)
	for _, label := range asked {
		l := catalog.Label{Key: label}
		names.Add(label, l.Names()...)
	}
	for _, kind := range catalog.Kinds() {
		names.Add(kind[0], kind...)
	}
	return names
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

// blockSentences is how many sentences a worker aligns before it hands them on.
const blockSentences = 32

// Each aligns all answers, on all cores, and calls emit with every sentence, in
// order, in the calling goroutine. It ends with the first error of emit or ctx, or
// when the file changes.
func (j *Joined) Each(ctx context.Context, emit func(*Annotation) error) error {
	j.Notes = Notes{}
	newWorker := func() func(context.Context, int, int) (list []Annotation, err error) {
		var aligner markup.Aligner
		return func(_ context.Context, from, to int) ([]Annotation, error) {
			return j.align(&aligner, j.sentences[from:to])
		}
	}
	return parallel.Do(ctx, len(j.sentences), blockSentences, newWorker, func(list []Annotation) error {
		for i := range list {
			j.Notes.add(&list[i])
			if err := emit(&list[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// add counts those of s.
func (n *Notes) add(s *Annotation) {
	for _, u := range s.Unused {
		if u.Reason == markup.Copied {
			n.Copied++
		}
	}
	for _, f := range s.Forms {
		switch {
		case f.Class == markup.Unreadable:
			n.Unread++
		case f.Damage&(markup.Unread|markup.CutOff) != 0:
			n.PartRead++
		}
	}
	for _, a := range s.Answers {
		if a.UnusableGold == 0 {
			continue
		}
		if n.UnusableRows == 0 || a.Row < n.FirstUnusable {
			n.FirstUnusable = a.Row
		}
		n.UnusableGold += a.UnusableGold
		n.UnusableRows++
	}
}

func (j *Joined) align(aligner *markup.Aligner, sentences []mrc.Group) ([]Annotation, error) {
	var original markup.Original
	list := make([]Annotation, len(sentences))
	for i := range sentences {
		if err := j.fill(&list[i], aligner, &original, &sentences[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// fill makes s of the rows of one sentence.
func (j *Joined) fill(s *Annotation, aligner *markup.Aligner, original *markup.Original, rows *mrc.Group) error {
	s.ID, s.Answers = rows.ID, make([]Answer, len(rows.Rows))
	var row mrc.Row
	for i, n := range rows.Rows {
		result, err := j.decode(n, &row)
		if err != nil {
			return err
		}
		if i == 0 {
			s.Text = strings.Clone(row.Context)
			original.Reset(s.Text)
			s.Tokens = slices.Clone(original.Tokens)
		}
		a := &s.Answers[i]
		*a = Answer{Row: n, Label: row.Label, Failure: result.Failure, Line: result.Line}
		if s.Model == "" {
			s.Model = result.Model
		}
		s.addGold(a, &row)
		if j.Results == nil {
			a.Line = s.marked(a.Gold)
			continue
		}
		if a.Failure != nil {
			s.Unanswered = append(s.Unanswered, row.Label)
			continue
		}
		q := j.question(row.Label)
		if j.dropped[n] != nil {
			a.Line = j.without(aligner, original, n, a.Line, q)
		}
		if j.shown != nil {
			q.Shown = j.shown.of(n, &err)
		}
		if a.Alignment = aligner.Align(original, a.Line, q); err != nil {
			return err
		}
		for _, f := range a.Found {
			s.Entities = append(s.Entities, corpus.Entity{Span: f.Span, Label: row.Label, How: f.How})
		}
		for _, u := range a.Unused {
			s.Unused = append(s.Unused, corpus.Rejected{Label: row.Label, Text: u.Text, Reason: u.Reason})
		}
		if a.Class != markup.Same || a.Damage != 0 {
			s.Forms = append(s.Forms, corpus.Form{Label: row.Label, Class: a.Class, Damage: a.Damage})
		}
	}
	corpus.Sort(s.Entities, j.Rank)
	corpus.Sort(s.Gold, j.Rank)
	s.Gold = slices.Compact(s.Gold)
	if j.Results == nil {
		s.Entities = s.Gold
	}
	return nil
}

// decode reads row n, and returns what is known of its answer.
func (j *Joined) decode(n int, row *mrc.Row) (result collect.Reply, err error) {
	if j.Results != nil {
		result = j.Results.Row(n)
		row.Label, row.Context = result.Label, result.Context
	}
	if j.Rows != nil {
		err = j.Rows.Decode(n, row)
	}
	return result, err
}

// question returns what an answer about a label answers.
func (j *Joined) question(label string) markup.Question {
	return markup.Question{Label: label, Labels: j.names}
}

func (s *Annotation) addGold(a *Answer, row *mrc.Row) {
	a.UnusableGold = row.Unpaired
	a.Gold = append(a.Gold, row.Spans...)
	for _, span := range a.Gold {
		if span.Start < 0 || span.Start >= span.End || span.End > len(s.Tokens) {
			a.UnusableGold++
			continue
		}
		s.Gold = append(s.Gold, corpus.Entity{Span: span, Label: row.Label})
	}
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

// without returns the line of a row without the marks of what is dropped. original is
// its sentence.
func (j *Joined) without(aligner *markup.Aligner, original *markup.Original, row int, line string, q markup.Question) string {
	return collect.AnswerLine(aligner.Strike(original, line, q, func(sp markup.Span) bool { return slices.Contains(j.dropped[row], sp) }))
}

// WriteText writes the results file: line i is row i. Without results it is the one
// that would be right.
func (j *Joined) WriteText(ctx context.Context, w io.Writer) error {
	var n int
	lines := map[int]string{} // other than in the results
	if j.Results == nil {
		n = j.Rows.Len()
		err := j.Each(ctx, func(s *Annotation) error {
			for _, a := range s.Answers {
				lines[a.Row] = a.Line
			}
			return nil
		})
		if err != nil {
			return err
		}
	} else {
		n = j.Results.Len()
		var aligner markup.Aligner
		var original markup.Original
		var row mrc.Row
		for i := range j.dropped {
			result, err := j.decode(i, &row)
			if err != nil {
				return err
			}
			original.Reset(row.Context)
			lines[i] = j.without(&aligner, &original, i, result.Line, j.question(row.Label))
		}
	}
	return collect.WriteLines(w, func(yield func(string) bool) {
		for i := range n {
			line, ok := lines[i]
			if !ok {
				line = j.Results.Row(i).Line
			}
			if !yield(line) {
				return
			}
		}
	})
}

// Score scores the entities against the gold ones, with intervals from so many
// resamples. also, if not nil, is called with each sentence.
func (j *Joined) Score(ctx context.Context, match score.Match, resamples int, seed uint64, also func(*Annotation)) (*score.Evaluation, error) {
	scorer := score.New(match, j.Labels())
	err := j.Each(ctx, func(s *Annotation) error {
		if also != nil {
			also(s)
		}
		if match != score.Published {
			return scorer.Add(s.Gold, s.Entities)
		}
		var cases []score.Case
		for _, a := range s.Answers {
			c := score.Case{Label: a.Label, Sentence: s.Text, Gold: a.Gold}
			switch {
			case a.Failure != nil:
			case a.Class == markup.List: // which the procedure does not know
				var found []markup.Span
				for _, f := range a.Found {
					found = append(found, f.Span)
				}
				c.Answer = s.marked(found)
			default:
				c.Answer = a.Line
			}
			cases = append(cases, c)
		}
		return scorer.AddRows(cases)
	})
	if err != nil {
		return nil, err
	}
	return scorer.Report(resamples, seed), nil
}

// marked returns the sentence with those of the spans marked that can be, as
// [markup.Place] chooses them.
func (s *Annotation) marked(spans []markup.Span) string {
	spans, _ = markup.Place(nil, spans, len(s.Tokens))
	return string(markup.AppendMarked(nil, s.Tokens, spans))
}
