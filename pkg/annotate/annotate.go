// Package annotate turns answers into annotated sentences: the answers to the
// questions about one sentence, one a label, are aligned to it and become its
// entities.
package annotate

import (
	"context"
	"fmt"
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
	State            collect.State
	Line             string        // as in a results file
	markup.Alignment               // of a row that is [collect.OK]
	Gold             []markup.Span // as the source has them: those given twice, or beyond the sentence, too

	// UnusableGold is how many gold spans of the row can't be in the sentence: their
	// positions are no numbers, beyond its tokens or in the wrong order, or a start or
	// an end has no partner.
	UnusableGold int
}

// A Joined is results and the rows that they answer.
type Joined struct {
	Results *collect.Results // nil: sentences have the gold entities for their own

	// Order is the rank of a label, for entities of one place: that in which the
	// rows ask for labels, unless it is set to another.
	Order func(label string) int

	// Shown gives what tells whether a demonstration that row's prompt shows
	// reads so. nil: nobody knows.
	Shown func(row int) func(text string) bool

	// Names knows by which names answers call the labels: those that the built-in
	// data sets with these labels have, unless it is set to others.
	Names *markup.Labels

	file      *mrc.File   // nil where the records tell their sentences
	sentences []mrc.Group // the rows of each
}

// Gold gives the sentences of a file with the entities that the file itself marks.
func Gold(f *mrc.File) (*Joined, error) {
	sentences, err := f.Sentences()
	j := &Joined{file: f, sentences: sentences}
	j.Order = order(j.Labels())
	return j, err
}

// FromFile joins results with the rows of the file that they answer. Where
// records tell label and sentence, they have to be those of the file. The results
// may be of fewer rows: those of a run with a limit.
func FromFile(r *collect.Results, f *mrc.File) (*Joined, error) {
	if n := r.Len(); n > f.Len() {
		return nil, fault.WithHint(fmt.Errorf("results of %d rows, but %s has %d", n, f.Name(), f.Len()),
			"name the file that the prompts were made from")
	}
	sentences, err := f.Sentences()
	if err != nil {
		return nil, err
	}
	j := &Joined{Results: r, file: f, sentences: sentences}
	var row mrc.Row
	for i, result := range r.All() {
		if result.Label == "" && result.Context == "" {
			continue
		}
		if err := f.Decode(i, &row); err != nil {
			return nil, err
		}
		if result.Label != "" && result.Label != row.Label || result.Context != "" && result.Context != row.Context {
			return nil, &fault.Error{File: f.Name(), Line: f.Line(i), Err: fmt.Errorf("row %d is not the one that was asked", i),
				Hint: "name the file that the prompts were made from"}
		}
	}
	j.limit(r.Len())
	j.know()
	return j, nil
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

// FromRecords takes the sentences from the results' own records, which have
// been read with [collect.Results.Sources] set. Rows that follow one another with
// one sentence and different labels belong together, also where rows between them
// are missing, as far as there are labels; the number of the first is their ID. lost
// is how many rows without an answer have no sentence, as no record tells it.
func FromRecords(r *collect.Results) (j *Joined, lost int, err error) {
	j = &Joined{Results: r}
	all := map[string]bool{}
	for _, row := range r.All() {
		all[row.Label] = true
	}
	var last collect.Reply
	var labels []string
	first, failed := 0, -1
	untold := func(row int) error {
		return fault.WithHint(fmt.Errorf("the record of row %d does not tell its sentence", row),
			"name the MRC file that the prompts were made from with --source-dir and --source-name")
	}
	for i, row := range r.All() {
		switch {
		case row.State != collect.OK && row.Context == "":
			lost++
			if row.State == collect.Failed && failed < 0 {
				failed = i
			}
			continue
		case row.Context == "":
			return nil, 0, untold(i)
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
		return nil, 0, untold(failed)
	}
	j.know()
	return j, lost, nil
}

// know settles what is known of the labels without being told.
func (j *Joined) know() {
	labels := j.Labels()
	j.Order = order(labels)
	j.Names = Names(labels)
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

// Len is the number of sentences.
func (j *Joined) Len() int { return len(j.sentences) }

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
	if j.file != nil {
		return j.file.Label(row)
	}
	return j.Results.Row(row).Label
}

// blockSentences is how many sentences a worker aligns before it hands them on.
const blockSentences = 32

// Each aligns all answers, on all cores, and calls emit with every sentence, in
// order, in the calling goroutine. It ends with the first error of emit or ctx, or
// when the file changes.
func (j *Joined) Each(ctx context.Context, emit func(*Annotation) error) error {
	newWorker := func() func(context.Context, int, int) (list []Annotation, err error) {
		var aligner markup.Aligner
		return func(_ context.Context, from, to int) ([]Annotation, error) {
			return j.align(&aligner, j.sentences[from:to])
		}
	}
	return parallel.Do(ctx, len(j.sentences), blockSentences, newWorker, func(list []Annotation) error {
		for i := range list {
			if err := emit(&list[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// order gives the rank of a label in list.
func order(list []string) func(string) int {
	ranks := map[string]int{}
	for i, label := range list {
		ranks[label] = i
	}
	return func(label string) int {
		if rank, ok := ranks[label]; ok {
			return rank
		}
		return len(list)
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
	var result collect.Reply
	for i, n := range rows.Rows {
		if j.Results != nil {
			result = j.Results.Row(n)
			row.Label, row.Context = result.Label, result.Context
		}
		if j.file != nil {
			if err := j.file.Decode(n, &row); err != nil {
				return err
			}
		}
		if i == 0 {
			s.Text = strings.Clone(row.Context)
			original.Reset(s.Text)
			s.Tokens = slices.Clone(original.Tokens)
		}
		a := &s.Answers[i]
		*a = Answer{Row: n, Label: row.Label, State: result.State, Line: result.Line}
		if s.Model == "" {
			s.Model = result.Model
		}
		s.addGold(a, &row)
		if j.Results == nil {
			continue
		}
		if result.State != collect.OK {
			s.Unanswered = append(s.Unanswered, row.Label)
			continue
		}
		q := j.question(row.Label)
		if j.Shown != nil {
			q.Shown = j.Shown(n)
		}
		a.Alignment = aligner.Align(original, result.Line, q)
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
	corpus.Sort(s.Entities, j.Order)
	corpus.Sort(s.Gold, j.Order)
	s.Gold = slices.Compact(s.Gold)
	if j.Results == nil {
		s.Entities = s.Gold
	}
	return nil
}

// question returns what an answer about a label answers.
func (j *Joined) question(label string) markup.Question {
	return markup.Question{Label: label, Labels: j.Names}
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

// Strike takes the marks off the found entities for which drop is true: the
// results are then as if these had never been marked. drop is told the answer
// and which of those that it found. Strike returns how many were dropped.
func (j *Joined) Strike(ctx context.Context, drop func(a *Answer, found int) bool) (dropped int, err error) {
	lines := map[int]string{}
	var original markup.Original
	var aligner markup.Aligner
	err = j.Each(ctx, func(s *Annotation) error {
		for i := range s.Answers {
			a := &s.Answers[i]
			n := 0
			var which []bool
			for k := range a.Found {
				d := drop(a, k)
				which = append(which, d)
				if d {
					n++
				}
			}
			if n > 0 {
				original.Reset(s.Text)
				lines[a.Row] = aligner.Strike(&original, a.Line, &a.Alignment, j.question(a.Label), func(k int) bool { return which[k] })
				dropped += n
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for row, line := range lines {
		j.Results.SetLine(row, line)
	}
	return dropped, nil
}
