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
// correct answers. Answers about sentences are divided among the rows of their sentences,
// which must be known.
func (j *Joined) WriteText(ctx context.Context, w io.Writer) error {
	switch {
	case j.Results == nil:
		return j.writeLines(ctx, w, j.Rows.Len())
	case j.Results.OfSentences():
		return j.writeLines(ctx, w, j.Results.Len())
	}
	lines := map[int]string{} // lines that differ from the results
	var aligner markup.Aligner
	var original markup.Original
	var row mrc.Row
	for q, spans := range j.dropped {
		result, err := j.decode(q.number, &row)
		if err != nil {
			return err
		}
		original.ResetUnit(row.Context, row.Unit)
		lines[q.number] = without(&aligner, &original, spans, result.Line, j.question(row.Label))
	}
	return collect.WriteLines(w, func(yield func(string) bool) {
		for i, reply := range j.Results.All() {
			line, ok := lines[i]
			if !ok {
				line = reply.Line
			}
			if !yield(line) {
				return
			}
		}
	})
}

// errStopped ends a pass over the sentences; it is not reported.
var errStopped = errors.New("stopped")

// writeLines writes the lines of the first n rows, which it makes from the annotations.
func (j *Joined) writeLines(ctx context.Context, w io.Writer, n int) (err error) {
	next := 0
	pending := map[int]string{} // lines of later rows: the rows of a sentence need not follow each other
	write := collect.WriteLines(w, func(yield func(string) bool) {
		err = j.Each(ctx, func(s *Annotation) error {
			for _, a := range s.Answers {
				pending[a.Row] = a.Line
			}
			for line, ok := pending[next]; ok; line, ok = pending[next] {
				delete(pending, next)
				next++
				if !yield(line) {
					return errStopped
				}
			}
			return nil
		})
		for ; err == nil && next < n; next++ {
			line, ok := pending[next]
			if !ok { // its sentence was not asked about
				line = j.Results.Row(next).Line
			}
			if !yield(line) {
				return
			}
		}
	})
	if err != nil && !errors.Is(err, errStopped) {
		return err
	}
	return write
}

// ErrPublishedText means that a published score was asked for text rows.
var ErrPublishedText = errors.New("the published figures count words between white space, which text rows do not depend on")

// ErrPublishedSentences means that a published score was asked for answers about whole
// sentences.
var ErrPublishedSentences = errors.New("the published figures count the marks of an answer about one label; of an answer about all labels, they would count marks that are not the model's")

// Score scores the entities against the gold ones, with confidence intervals from the
// given number of resamples. also, if not nil, is called with each sentence. A published
// score of text rows is [ErrPublishedText], and one of answers about whole sentences
// [ErrPublishedSentences].
func (j *Joined) Score(ctx context.Context, match score.Match, resamples int, seed uint64, also func(*Annotation)) (*score.Evaluation, error) {
	if match == score.Published && j.Results.OfSentences() {
		return nil, ErrPublishedSentences
	}
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
				c.Answer, _ = marked(&sentence, s.Unit, spansOf(a.Found))
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
