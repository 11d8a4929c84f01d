// Package verify has a model check the entities that it found: it writes a yes/no
// question about each entity and applies the answers.
//
// A question is a prompt record with the source "<source>.verify". Its member "entity"
// identifies the entity:
//
//	"entity":{"row":17,"start":3,"end":5,"text":"Bob Li"}
//	"entity":{"sentence":4,"label":"PER","start":3,"end":5,"text":"Bob Li"}
//
// row is the row of the source. If the answers are about whole sentences, the second form
// is used, with the number of the sentence. start and end are token indexes, or characters
// of a text row, half-open. The record has no total. Its index is row*256 + n, where n
// depends only on the position of the entity, not on other rows or entities. So a question
// keeps its id when answers to other questions change, and a resumed run asks only what is
// new. n is start + 64*(end-start-1) modulo 256. It differs for any two entities that
// begin less than 64 tokens apart, unless they begin with the same token and their lengths
// differ by a multiple of 4. An entity whose n is taken gets the next free one; entities
// that come first in the sentence choose first. Entities of a row beyond the first 256 get
// no number and no question. In answers about whole sentences, the number of a row is
// replaced by the number of the sentence times the number of labels of the data set, plus
// the position of the entity's label among them.
package verify

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"nertools/pkg/catalog"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/record"
)

// A Candidate is an entity that was found and should be checked.
type Candidate struct {
	Row     int  // of the source, from 0; of the sentence if Whole
	Whole   bool // found in answers about whole sentences
	Label   string
	Context string // the sentence, exactly as in the file
	Origin  record.Origin
	Span    markup.Span
	Text    string // of Span, as [markup.Slicer.Text] returns it
}

// where names the row or sentence of c for messages.
func (c *Candidate) where() string {
	if c.Whole {
		return fmt.Sprintf("sentence %d", c.Row)
	}
	return fmt.Sprintf("row %d", c.Row)
}

// number returns what takes the place of the row in the indexes of questions. labels must
// contain the label of c.
func (c *Candidate) number(labels catalog.DataSet) int {
	if c.Whole {
		return c.Row*len(labels.Labels) + labels.Index(c.Label)
	}
	return c.Row
}

// perRow is the maximum number of questions about a row.
const perRow = 256

// numbers returns the index of each candidate's question, or -1 if the row has no free
// number. The data set is needed only for answers about whole sentences.
func numbers(candidates []Candidate, labels catalog.DataSet) ([]int, error) {
	list := make([]int, len(candidates))
	var order []int
	for from, to := 0, 0; from < len(candidates); from = to {
		c := &candidates[from]
		row := c.number(labels)
		for to = from; to < len(candidates) && candidates[to].number(labels) == row; to++ {
		}
		switch {
		case to < len(candidates) && candidates[to].number(labels) < row:
			return nil, fmt.Errorf("entities of %s after those of %s", candidates[to].where(), c.where())
		case row > math.MaxInt32/perRow && c.Whole:
			return nil, fault.WithHint(fmt.Errorf("%s: only the entities of the first %s can be verified", c.where(), english.Count((math.MaxInt32/perRow+1)/len(labels.Labels), "sentence")), "split the source into smaller files")
		case row > math.MaxInt32/perRow:
			return nil, fault.WithHint(fmt.Errorf("row %d: only the entities of the first %s can be verified", row, english.Count(math.MaxInt32/perRow+1, "row")), "split the source into smaller files")
		}
		order = order[:0]
		for i := from; i < to; i++ {
			order = append(order, i)
		}
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(compareSpans(candidates[a].Span, candidates[b].Span), cmp.Compare(candidates[a].Label, candidates[b].Label))
		})
		var taken [perRow]bool
		for k, i := range order {
			s := candidates[i].Span
			if k > 0 && s == candidates[order[k-1]].Span && candidates[i].Label == candidates[order[k-1]].Label {
				return nil, fmt.Errorf("%s: duplicate entity %q", c.where(), candidates[i].Text)
			}
			if list[i] = -1; k >= perRow {
				continue
			}
			n := (s.Start + 64*(s.End-s.Start-1)) % perRow
			for taken[n] {
				n = (n + 1) % perRow
			}
			taken[n] = true
			list[i] = row*perRow + n
		}
	}
	return list, nil
}

// compareSpans differs from [markup.Span.Compare]: the ids of questions depend on this
// order.
func compareSpans(a, b markup.Span) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// A Questions writes the questions about the entities of one source.
type Questions struct {
	Source   string    // name of the source in which the entities were found
	Rows     *mrc.File // the source, if available, so that faults can include the line; otherwise nil
	Labels   catalog.DataSet
	Template *prompt.Blocks // see [ParseTemplate]

	// Examples is the maximum number of demonstrations per question. Half of them,
	// rounded down, are near misses (phrases that are not an entity of the label in their
	// sentence), the others entities of the label. Phrases with the same words as the
	// entity come first; among near misses, those that are an entity of another label
	// precede those that are no entity. Then come any other entities of the label, and as
	// near misses entities of another label, first those that are an entity of the label
	// elsewhere. Within these classes the choice is random, seeded by label and words,
	// and so is the order in the prompt. No demonstration uses the sentence asked about
	// or that of another demonstration. If one kind runs out, the other is at most one
	// ahead.
	Examples int
	Train    *mrc.File // source of the demonstrations; not needed if Examples is 0
}

// Asked reports what was written.
type Asked struct {
	Questions int
	Fewer     int // questions with fewer than Examples demonstrations
	Surplus   int // entities without a question, because their row has more than 256
}

// Write writes a question about each candidate to w, except those beyond the maximum per
// row. Candidates must be in the order of [Candidates], which is also that of the questions. All
// checks of the candidates are made before the first record is written.
//
// The training set is read once, on all cores. It needs the memory of
// [mrc.File.Sentences], plus about 24 bytes and its text for each of its entities times the number of
// the candidates' labels, and for each place where a candidate's words occur.
func (j *Questions) Write(ctx context.Context, w io.Writer, candidates []Candidate) (report Asked, err error) {
	m := maker{job: j, labels: map[string]catalog.Label{}}
	for _, c := range candidates {
		if m.labels[c.Label], err = j.Labels.Label(c.Label); err != nil {
			e := &fault.Error{Err: fmt.Errorf("%s: %w", c.where(), err)}
			if j.Rows != nil && !c.Whole {
				e.File, e.Line = j.Rows.Name(), j.Rows.Line(c.Row)
			}
			return report, e
		}
	}
	indexes, err := numbers(candidates, j.Labels)
	if err != nil {
		return report, err
	}
	if j.Examples == 0 {
		return m.write(ctx, w, indexes, candidates)
	}
	if m.train, err = readTraining(j.Train, j.Labels, candidates); err != nil {
		return report, err
	}
	return m.write(ctx, w, indexes, candidates)
}

// maker builds one question after another; its buffers are reused.
type maker struct {
	job    *Questions
	labels map[string]catalog.Label
	train  *training

	view  Fields
	row   mrc.Row
	shown []demonstration
	rows  []int
	text  []byte
	extra []byte
}

func (m *maker) write(ctx context.Context, w io.Writer, indexes []int, candidates []Candidate) (report Asked, err error) {
	out := bufio.NewWriterSize(w, 256<<10)
	var line []byte
	for i := range candidates {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if indexes[i] < 0 {
			report.Surplus++
			continue
		}
		if line, err = m.appendQuestion(line[:0], indexes[i], &candidates[i]); err != nil {
			return report, fmt.Errorf("%w, at the entity %q of %s", err, candidates[i].Text, candidates[i].where())
		}
		if _, err := out.Write(line); err != nil {
			return report, fmt.Errorf("write questions: %w", err)
		}
		report.Questions++
		if len(m.shown) < m.job.Examples {
			report.Fewer++
		}
	}
	if err := out.Flush(); err != nil {
		return report, fmt.Errorf("write questions: %w", err)
	}
	return report, nil
}

func (m *maker) appendQuestion(dst []byte, index int, c *Candidate) (_ []byte, err error) {
	j := m.job
	m.rows = m.rows[:0]
	if m.train != nil {
		if m.shown, err = m.train.choose(c, j.Examples); err != nil {
			return nil, err
		}
	}
	label := m.labels[c.Label]
	unit := markup.Token
	if c.Origin.Form == record.TextForm {
		unit = markup.Char
	}
	sentence, phrase := markup.InLine(c.Context, unit), markup.InLine(c.Text, unit)
	m.view = Fields{
		DataName: j.Labels.Name, Label: c.Label, Name: label.Name, Description: label.Description,
		Examples: len(m.shown), Context: sentence, Phrase: phrase,
	}
	if m.text, err = j.Template.Instruction.Append(m.text[:0], &m.view); err != nil {
		return nil, err
	}
	for n, d := range m.shown {
		if err = j.Train.Decode(d.row, &m.row); err != nil {
			return nil, err
		}
		m.view.Number, m.view.Context, m.view.Phrase, m.view.Verdict = n+1, markup.InLine(m.row.Context, m.row.Unit), markup.InLine(d.phrase, m.row.Unit), d.verdict.String()
		if m.text, err = j.Template.Example.Append(m.text, &m.view); err != nil {
			return nil, err
		}
		m.rows = append(m.rows, d.row)
	}
	m.view.Number, m.view.Context, m.view.Phrase, m.view.Verdict = 0, sentence, phrase, ""
	if m.text, err = j.Template.Query.Append(m.text, &m.view); err != nil {
		return nil, err
	}
	m.extra = appendEntity(append(m.extra[:0], ','), entityOf(c))
	return record.AppendPrompt(dst, &record.Prompt{
		ID:       record.NewID(record.VerifySource(j.Source), index, m.text),
		Index:    index,
		Label:    c.Label,
		Context:  c.Context,
		Origin:   c.Origin,
		Text:     string(m.text),
		Examples: m.rows,
		Extra:    record.Extra(m.extra),
	}), nil
}

// entity is the member that identifies what a record asks about.
type entity struct {
	row   int    // of the sentence if whole
	whole bool   // found in answers about whole sentences
	label string // only if whole
	span  markup.Span
	text  string
}

func entityOf(c *Candidate) *entity {
	e := entity{row: c.Row, whole: c.Whole, span: c.Span, text: c.Text}
	if c.Whole {
		e.label = c.Label
	}
	return &e
}

func appendEntity(dst []byte, e *entity) []byte {
	if e.whole {
		dst = strconv.AppendInt(append(dst, `"entity":{"sentence":`...), int64(e.row), 10)
		dst = record.AppendString(append(dst, `,"label":`...), e.label)
	} else {
		dst = strconv.AppendInt(append(dst, `"entity":{"row":`...), int64(e.row), 10)
	}
	dst = append(dst, `,"start":`...)
	dst = strconv.AppendInt(dst, int64(e.span.Start), 10)
	dst = append(dst, `,"end":`...)
	dst = strconv.AppendInt(dst, int64(e.span.End), 10)
	dst = append(dst, `,"text":`...)
	return append(record.AppendString(dst, e.text), '}')
}
