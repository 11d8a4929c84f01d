// Package verify has a model check the entities that it found: a yes/no question
// for each of them, and what the answers say of which entity.
//
// A question is a prompt record of the source "<source>.verify" whose member
// "entity" tells what it asks about:
//
//	"entity":{"row":17,"start":3,"end":5,"text":"Bob Li"}
//
// row is the row of the source, start and end are token indexes, half-open. The
// record's index is row*256 + n. n follows from where the entity stands, and
// other rows or other entities have no part in it, so that a question keeps its
// id when answers to other questions change, and a resumed run asks only what is
// new: n is start + 64*(end-start-1) modulo 256, which differs for any two
// entities that begin less than 64 tokens apart; only of those that begin with
// the same token do such share it whose lengths differ by a multiple of 4. An
// entity whose n is taken has the next one that is free; those that stand first
// in the sentence choose first, and what comes behind the first 256 has none, and
// no question. The record has no total.
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
	"strings"

	"nertools/pkg/catalog"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/record"
)

// A Candidate is an entity that was found and may be a wrong one.
type Candidate struct {
	Row     int // of the source, from 0
	Label   string
	Context string // the sentence, exactly as it stands in the file
	Span    markup.Span
	Text    string // the tokens of Span joined by single spaces
}

// sourceOf is the source of the questions about the entities of a source.
func sourceOf(source string) string { return record.SourceName(record.SourceName(source) + suffix) }

const suffix = ".verify"

// IsSource reports whether source is one of questions.
func IsSource(source string) bool { return strings.HasSuffix(source, suffix) }

// perRow is how many entities of a row have numbers.
const perRow = 256

// numbers gives the index of each candidate's question; -1 where the row has no
// number left.
func numbers(candidates []Candidate) ([]int, error) {
	list := make([]int, len(candidates))
	var order []int
	for from, to := 0, 0; from < len(candidates); from = to {
		row := candidates[from].Row
		for to = from; to < len(candidates) && candidates[to].Row == row; to++ {
		}
		switch {
		case to < len(candidates) && candidates[to].Row < row:
			return nil, fmt.Errorf("entities of row %d behind those of row %d", candidates[to].Row, row)
		case row > math.MaxInt32/perRow:
			return nil, fault.WithHint(fmt.Errorf("row %d: only the entities of the first %d rows can be verified", row, math.MaxInt32/perRow+1), "cut the source into smaller files")
		}
		order = order[:0]
		for i := from; i < to; i++ {
			order = append(order, i)
		}
		slices.SortFunc(order, func(a, b int) int { return compareSpans(candidates[a].Span, candidates[b].Span) })
		var taken [perRow]bool
		for k, i := range order {
			s := candidates[i].Span
			if k > 0 && s == candidates[order[k-1]].Span {
				return nil, fmt.Errorf("row %d: the entity %q twice", row, candidates[i].Text)
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

// compareSpans does not order spans as [markup.Span.Compare] does: the ids of questions
// depend on this order.
func compareSpans(a, b markup.Span) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// A Questions makes the questions about the entities of one source.
type Questions struct {
	Source   string    // name of the source that the entities were found in
	Rows     *mrc.File // the source, where it is at hand, so that a fault can name its line; else nil
	Labels   catalog.DataSet
	Template *prompt.Blocks // see [ParseTemplate]

	// Examples is how many demonstrations a question shows, at most. Half of
	// them, rounded down, are near misses, phrases that are no entity of the
	// label in their sentence, the others entities of the label. Of either kind
	// those of the same words as the entity come first: near misses that are an
	// entity of another label before those that are none at all. Then come, of
	// the entities, any other, and of the near misses entities of another label,
	// those before all that elsewhere are one of the asked label. Within these
	// classes chance decides, seeded by label and words; chance decides the order
	// in the prompt, too. No demonstration shows the asked sentence, none shows
	// a sentence that another one shows, and where one kind runs out, the other
	// is at most one ahead.
	Examples int
	Train    *mrc.File // where the demonstrations are taken from; not needed without any
}

// Asked says what was written.
type Asked struct {
	Questions int
	Fewer     int // questions that show fewer demonstrations than asked for
	Surplus   int // entities that no question is about, as their row has more than 256
}

// Write writes a question about each of the candidates to w, the surplus of a row
// excepted, in their order, which is that of their rows. Everything that can be wrong with the candidates
// is found before the first record is written.
//
// The training file is read once, on all cores. Memory is needed for its
// [mrc.File.Sentences], and about 24 bytes for each of its entities times the
// labels that candidates have, and for each place where a candidate's words stand.
func (j *Questions) Write(ctx context.Context, w io.Writer, candidates []Candidate) (report Asked, err error) {
	m := maker{job: j, labels: map[string]catalog.Label{}}
	indexes, err := numbers(candidates)
	if err != nil {
		return report, err
	}
	for _, c := range candidates {
		if m.labels[c.Label], err = j.Labels.Label(c.Label); err != nil {
			e := &fault.Error{Err: fmt.Errorf("row %d: %w", c.Row, err)}
			if j.Rows != nil {
				e.File, e.Line = j.Rows.Name(), j.Rows.Line(c.Row)
			}
			return report, e
		}
	}
	if j.Examples == 0 {
		return m.write(ctx, w, indexes, candidates)
	}
	if m.train, err = readTraining(j.Train, candidates); err != nil {
		return report, err
	}
	return m.write(ctx, w, indexes, candidates)
}

// maker makes questions one after the other; its buffers live from one to the next.
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
			return report, fmt.Errorf("%w, at the entity %q of row %d", err, candidates[i].Text, candidates[i].Row)
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
	m.view = Fields{
		DataName: j.Labels.Name, Label: c.Label, Name: label.Name, Description: label.Description,
		Examples: len(m.shown), Context: c.Context, Phrase: c.Text,
	}
	if m.text, err = j.Template.Instruction.Append(m.text[:0], &m.view); err != nil {
		return nil, err
	}
	for n, d := range m.shown {
		if err = j.Train.Decode(d.row, &m.row); err != nil {
			return nil, err
		}
		m.view.Number, m.view.Context, m.view.Phrase, m.view.Verdict = n+1, m.row.Context, d.phrase, d.verdict.String()
		if m.text, err = j.Template.Example.Append(m.text, &m.view); err != nil {
			return nil, err
		}
		m.rows = append(m.rows, d.row)
	}
	m.view.Number, m.view.Context, m.view.Phrase, m.view.Verdict = 0, c.Context, c.Text, ""
	if m.text, err = j.Template.Query.Append(m.text, &m.view); err != nil {
		return nil, err
	}
	m.extra = appendEntity(append(m.extra[:0], ','), &entity{c.Row, c.Span, c.Text})
	return record.AppendPrompt(dst, &record.Prompt{
		ID:       record.NewID(sourceOf(j.Source), index, m.text),
		Index:    index,
		Label:    c.Label,
		Context:  c.Context,
		Text:     string(m.text),
		Examples: m.rows,
		Extra:    record.Extra(m.extra),
	}), nil
}

// entity is the member that tells what a record asks about.
type entity struct {
	row  int
	span markup.Span
	text string
}

func appendEntity(dst []byte, e *entity) []byte {
	dst = append(dst, `"entity":{"row":`...)
	dst = strconv.AppendInt(dst, int64(e.row), 10)
	dst = append(dst, `,"start":`...)
	dst = strconv.AppendInt(dst, int64(e.span.Start), 10)
	dst = append(dst, `,"end":`...)
	dst = strconv.AppendInt(dst, int64(e.span.End), 10)
	dst = append(dst, `,"text":`...)
	return append(record.AppendString(dst, e.text), '}')
}
