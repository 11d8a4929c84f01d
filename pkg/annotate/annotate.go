// Package annotate turns answers into annotated sentences: it aligns the answers to all
// questions about a sentence (one per label, or one about all labels) with the sentence and
// combines their entities.
package annotate

import (
	"cmp"
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
	Number          int             // of the sentence in the source, from 0, as records about sentences count
	Gold            []corpus.Entity // entities in the source, in the same order, without duplicates
	Answers         []Answer        // one per label asked for, in row order

	// Whole is the answer to a question about all labels of the sentence, without dropped
	// entities. Each of Answers has the part that is about its label. It is nil if there is
	// no such answer.
	Whole *markup.Alignment
}

// An Answer is the answer to one row of a sentence.
type Answer struct {
	Row              int // if the records are about sentences and the rows are not known, Annotation.Number
	Label            string
	Failure          *record.Failure // why there is no answer; nil for a good one
	Line             string          // as in a results file
	Unmarked         int             // entities that Line can't mark, because they overlap longer ones; only of an answer about a sentence
	markup.Alignment                 // of a good answer
	Gold             []markup.Span   // as in the source, including duplicates and spans beyond the sentence

	// UnusableGold is the number of gold spans of the row that can't be in the sentence:
	// their positions are not numbers, beyond its tokens or in the wrong order, or a
	// start or an end is missing.
	UnusableGold int
}

// Notes counts things that the user should know about.
type Notes struct {
	Unused   int // marked strings that are not used
	Unmarked int // entities that the lines of rows can't mark, see [Answer]
	Copied   int // of these, strings that were copied from a demonstration
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
			return j.align(&aligner, from, to)
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
	n.Unused += len(s.Unused)
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
		n.Unmarked += a.Unmarked
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

func (j *Joined) align(aligner *markup.Aligner, from, to int) ([]Annotation, error) {
	var original markup.Original
	list := make([]Annotation, to-from)
	for i := range list {
		if err := j.fill(&list[i], aligner, &original, from+i); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// fill fills s from the rows of the sentence at position at.
func (j *Joined) fill(s *Annotation, aligner *markup.Aligner, original *markup.Original, at int) error {
	group := &j.sentences[at]
	s.ID, s.Number = group.ID, at
	rows, labels := group.Rows, []string(nil)
	if j.rowless() {
		s.Number, labels = rows[0], j.labelsOf(group)
		rows = slices.Repeat(rows[:1], len(labels))
	}
	s.Answers = make([]Answer, len(rows))
	var row mrc.Row
	var sentence markup.Slicer
	var plain string // the line of a row without entities
	for i, n := range rows {
		result, err := j.decode(n, &row)
		if err != nil {
			return err
		}
		if labels != nil {
			row.Label = labels[i]
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
			if result.Whole && result.OK() { // then this holds for the other rows, too
				if err := j.fillWhole(s, aligner, original, group, result.Line); err != nil {
					return err
				}
			}
		}
		a := &s.Answers[i]
		*a = Answer{Row: n, Label: row.Label, Failure: result.Failure, Line: result.Line}
		if s.Model == "" {
			s.Model = result.Model
		}
		s.addGold(a, &row, sentence.Len())
		switch {
		case j.Results == nil:
			a.Line, _ = marked(&sentence, s.Unit, a.Gold)
		case a.Failure != nil:
			s.Unanswered = append(s.Unanswered, row.Label)
		case s.Whole != nil:
			a.Alignment = partOf(s.Whole, row.Label)
			if len(a.Found) > 0 {
				a.Line, a.Unmarked = marked(&sentence, s.Unit, spansOf(a.Found))
				a.Line = collect.AnswerLine(a.Line)
			} else if a.Line = plain; plain == "" {
				plain, _ = marked(&sentence, s.Unit, nil)
				plain = collect.AnswerLine(plain)
				a.Line = plain
			}
			s.addEntities(a)
		default:
			if err := j.fillAnswer(s, a, aligner, original); err != nil {
				return err
			}
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

// fillAnswer aligns the answer to the question of a row.
func (j *Joined) fillAnswer(s *Annotation, a *Answer, aligner *markup.Aligner, original *markup.Original) (err error) {
	q := j.question(a.Label)
	if spans := j.droppedOf(a.Row, s.Number, a.Label); spans != nil {
		a.Line = without(aligner, original, spans, a.Line, q)
	}
	if j.shown != nil {
		q.Shown = j.shown.ofRow(a.Row, &err)
	}
	if a.Alignment = aligner.Align(original, a.Line, q); err != nil {
		return err
	}
	s.addEntities(a)
	for _, u := range a.Unused {
		s.Unused = append(s.Unused, corpus.Rejected{Label: a.Label, Text: u.Text, Reason: u.Reason})
	}
	s.addForm(a.Label, &a.Alignment)
	return nil
}

// fillWhole aligns the answer to the question about all labels of a sentence.
func (j *Joined) fillWhole(s *Annotation, aligner *markup.Aligner, original *markup.Original, group *mrc.Group, answer string) (err error) {
	q := markup.Question{Asked: j.labelsOf(group), Labels: j.names}
	slices.SortStableFunc(q.Asked, func(a, b string) int { return cmp.Compare(j.Rank(a), j.Rank(b)) })
	if j.shown != nil {
		q.Shown = j.shown.ofSentence(group.Rows, &err)
	}
	whole := aligner.Align(original, answer, q)
	if err != nil {
		return err
	}
	if j.dropped != nil {
		whole.Found = slices.DeleteFunc(whole.Found, func(f markup.Found) bool {
			return slices.Contains(j.droppedOf(0, s.Number, f.Label), f.Span)
		})
	}
	s.Whole = &whole
	for _, u := range whole.Unused {
		s.Unused = append(s.Unused, corpus.Rejected{Label: u.Label, Text: u.Text, Reason: u.Reason})
	}
	s.addForm("", &whole)
	return nil
}

// partOf returns the part of an alignment that is about one label.
func partOf(whole *markup.Alignment, label string) markup.Alignment {
	part := markup.Alignment{Class: whole.Class, Damage: whole.Damage}
	for _, f := range whole.Found {
		if f.Label == label {
			part.Found = append(part.Found, f)
		}
	}
	for _, u := range whole.Unused {
		if u.Label == label {
			part.Unused = append(part.Unused, u)
		}
	}
	return part
}

func (s *Annotation) addEntities(a *Answer) {
	for _, f := range a.Found {
		s.Entities = append(s.Entities, corpus.Entity{Span: f.Span, Label: a.Label, How: f.How})
	}
}

func (s *Annotation) addForm(label string, a *markup.Alignment) {
	if a.Class != markup.Same || a.Damage != 0 {
		s.Forms = append(s.Forms, corpus.Form{Label: label, Class: a.Class, Damage: a.Damage})
	}
}

func spansOf(found []markup.Found) []markup.Span {
	spans := make([]markup.Span, len(found))
	for i, f := range found {
		spans[i] = f.Span
	}
	return spans
}

// without returns the line of a row without the marks of spans. original is the row's
// sentence.
func without(aligner *markup.Aligner, original *markup.Original, spans []markup.Span, line string, q markup.Question) string {
	return collect.AnswerLine(aligner.Strike(original, line, q, func(sp markup.Span) bool { return slices.Contains(spans, sp) }))
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
// them, as a line of a results file, and how many spans overlap a longer one and are not
// marked.
func marked(sentence *markup.Slicer, unit markup.Unit, spans []markup.Span) (line string, overlapping int) {
	spans, mended := markup.Place(nil, spans, sentence.Len())
	line = string(sentence.AppendMarked(nil, spans))
	if unit == markup.Char { // it may have line breaks
		line = collect.AnswerLine(line)
	}
	return line, mended.Overlapping
}
