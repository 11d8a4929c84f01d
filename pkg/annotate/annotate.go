// Package annotate turns answers into annotated sentences: it aligns the answers to all
// questions about a sentence (one per label) with the sentence and combines their
// entities.
package annotate

import (
	"context"
	"slices"
	"strings"

	"nertools/pkg/collect"
	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/parallel"
	"nertools/pkg/record"
)

// An Annotation is a sentence with the entities from the answers to all questions about
// it.
type Annotation struct {
	corpus.Sentence                 // Entities are those from the answers
	Gold            []corpus.Entity // entities in the source, in the same order, without duplicates
	Answers         []Answer        // one per question, in row order
}

// An Answer is the answer to one row of a sentence.
type Answer struct {
	Row              int
	Label            string
	Failure          *record.Failure // why there is no answer; nil for a good one
	Line             string          // as in a results file
	markup.Alignment                 // of a good answer
	Gold             []markup.Span   // as in the source, including duplicates and spans beyond the sentence

	// UnusableGold is the number of gold spans of the row that can't be in the sentence:
	// their positions are not numbers, beyond its tokens or in the wrong order, or a
	// start or an end is missing.
	UnusableGold int
}

// Notes counts things that the user should know about.
type Notes struct {
	Copied   int // marked strings that were copied from a demonstration
	Instead  int // answers that repeat a demonstration instead of the sentence
	Unread   int // answers in the form of lists that can't be parsed
	PartRead int // answers that can be parsed only in part

	// The number of gold spans that can't be in their sentences, the number of rows with
	// such spans, and the first such row.
	UnusableGold, UnusableRows, FirstUnusable int
}

// blockSentences is how many sentences a worker aligns at a time.
const blockSentences = 32

// Each aligns all answers, on all cores, and calls emit with every sentence, in order, in
// the calling goroutine. It returns the first error of emit or ctx, or an error if the
// file changes.
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

// add adds the counts of s.
func (n *Notes) add(s *Annotation) {
	for _, u := range s.Unused {
		if u.Reason == markup.Copied {
			n.Copied++
		}
	}
	for _, f := range s.Forms {
		switch {
		case f.Class == markup.Demonstration:
			n.Instead++
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

// fill fills s from the rows of one sentence.
func (j *Joined) fill(s *Annotation, aligner *markup.Aligner, original *markup.Original, rows *mrc.Group) error {
	s.ID, s.Answers = rows.ID, make([]Answer, len(rows.Rows))
	var row mrc.Row
	var sentence markup.Slicer
	for i, n := range rows.Rows {
		result, err := j.decode(n, &row)
		if err != nil {
			return err
		}
		if i == 0 {
			s.Text, s.Unit = strings.Clone(row.Context), row.Unit
			original.ResetUnit(s.Text, s.Unit)
			if s.Unit == markup.Token {
				s.Tokens = slices.Clone(original.Tokens)
			} else if s.Position, err = j.position(n, &result); err != nil {
				return err
			}
			sentence.Reset(s.Text, s.Unit)
		}
		a := &s.Answers[i]
		*a = Answer{Row: n, Label: row.Label, Failure: result.Failure, Line: result.Line}
		if s.Model == "" {
			s.Model = result.Model
		}
		s.addGold(a, &row, sentence.Len())
		if j.Results == nil {
			a.Line = marked(&sentence, s.Unit, a.Gold)
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
		s.Entities, s.Given = s.Gold, true
	}
	return nil
}

// without returns the line of a row without the marks of dropped entities. original is
// the row's sentence.
func (j *Joined) without(aligner *markup.Aligner, original *markup.Original, row int, line string, q markup.Question) string {
	return collect.AnswerLine(aligner.Strike(original, line, q, func(sp markup.Span) bool { return slices.Contains(j.dropped[row], sp) }))
}

// decode decodes row n and returns its reply.
func (j *Joined) decode(n int, row *mrc.Row) (result collect.Reply, err error) {
	if j.Results != nil {
		result = j.Results.Row(n)
		row.Label, row.Context, row.Unit = result.Label, result.Context, unitOf(&result)
	}
	if j.Rows != nil {
		err = j.Rows.Decode(n, row)
	}
	return result, err
}

func unitOf(r *collect.Reply) markup.Unit {
	if r.Origin.Form == record.TextForm {
		return markup.Char
	}
	return markup.Token
}

// position returns where the sentence of row n is in its document.
func (j *Joined) position(n int, result *collect.Reply) (record.Position, error) {
	if j.Rows != nil {
		return j.Rows.Position(n)
	}
	return result.Origin.Position, nil
}

// question returns the question that an answer about a label answers.
func (j *Joined) question(label string) markup.Question {
	return markup.Question{Label: label, Labels: j.names}
}

// addGold adds the gold spans of a row. length is that of the sentence, in its unit.
func (s *Annotation) addGold(a *Answer, row *mrc.Row, length int) {
	a.UnusableGold = row.Unpaired
	a.Gold = append(a.Gold, row.Spans...)
	for _, span := range a.Gold {
		if span.Start < 0 || span.Start >= span.End || span.End > length {
			a.UnusableGold++
			continue
		}
		s.Gold = append(s.Gold, corpus.Entity{Span: span, Label: row.Label})
	}
}

// marked returns the sentence with the spans marked, as far as [markup.Place] can place
// them, as a line of a results file.
func marked(sentence *markup.Slicer, unit markup.Unit, spans []markup.Span) string {
	spans, _ = markup.Place(nil, spans, sentence.Len())
	line := string(sentence.AppendMarked(nil, spans))
	if unit == markup.Char { // it may have line breaks
		return collect.AnswerLine(line)
	}
	return line
}
