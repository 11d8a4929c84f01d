package annotate

import (
	"context"
	"errors"
	"io"

	"nertools/pkg/collect"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/score"
)

// WriteText writes the results file: line i is row i. Without results it writes the
// correct answers.
func (j *Joined) WriteText(ctx context.Context, w io.Writer) error {
	var n int
	lines := map[int]string{} // lines that differ from the results
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
			original.ResetUnit(row.Context, row.Unit)
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

// ErrPublishedText means that a published score was asked for text rows.
var ErrPublishedText = errors.New("the published figures count words between white space, which text rows do not depend on")

// Score scores the entities against the gold ones, with confidence intervals from the
// given number of resamples. also, if not nil, is called with each sentence. A published
// score of text rows is [ErrPublishedText].
func (j *Joined) Score(ctx context.Context, match score.Match, resamples int, seed uint64, also func(*Annotation)) (*score.Evaluation, error) {
	scorer := score.New(match, j.Labels())
	err := j.Each(ctx, func(s *Annotation) error {
		if also != nil {
			also(s)
		}
		switch {
		case match != score.Published:
			return scorer.Add(s.Gold, s.Entities)
		case s.Unit == markup.Char:
			return ErrPublishedText
		}
		var sentence markup.Slicer
		sentence.Reset(s.Text, s.Unit)
		var cases []score.Case
		for _, a := range s.Answers {
			c := score.Case{Label: a.Label, Sentence: s.Text, Gold: a.Gold}
			switch {
			case a.Failure != nil:
			case a.Class == markup.List: // the published procedure does not know lists
				var found []markup.Span
				for _, f := range a.Found {
					found = append(found, f.Span)
				}
				c.Answer = marked(&sentence, s.Unit, found)
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
