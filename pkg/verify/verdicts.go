package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"nertools/pkg/annotate"
	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Verdicts holds a model's verdicts on the entities of one source.
//
// A later answer replaces an earlier one and any failure; a failure replaces only a
// failure. Records that don't belong together (from another source, or of two questions
// with the same index) are an error.
type Verdicts struct {
	judge   *wire.Judge
	source  string
	records map[int]*asked // by index

	expenses collect.Expenses
}

// Spent sums the tokens of all answers read, by model.
func (v *Verdicts) Spent() []collect.Spent { return v.expenses.List() }

// asked is what is known about one question.
type asked struct {
	digest  string // of the question
	verdict Verdict
	about   *entity // nil until a record contains it
	label   string  // "" if no record contains it
	unit    markup.Unit
	at      place // of the record used
}

// place is a line of an input.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// NewVerdicts returns empty Verdicts for the source with this name. judge decides which
// answers are good.
func NewVerdicts(source string, judge *wire.Judge) *Verdicts {
	return &Verdicts{judge: judge, source: record.VerifySource(source), records: map[int]*asked{}}
}

// Read reads one input, in any order: result records, lines of a batch's output and error
// files, and the questions themselves as prompt records. The questions are needed only
// for answers without the member "entity", such as those of a batch. Damaged lines don't
// prevent it from reading the others. After an error, the Verdicts must not be used.
func (v *Verdicts) Read(name string, in io.Reader) (record.Findings, error) {
	s := record.Salvage{
		Name: name,
		Hint: "every line must be a result record, a line of a batch's output or error file, or one of the questions",
		Take: func(line record.Line) error {
			rec, err := v.parse(line.Text)
			if err != nil {
				return record.Damaged(err)
			}
			if err := v.add(&rec, place{name, line.Number}); err != nil {
				return err
			}
			v.expenses.Add(&rec.Result, wire.IsBatchLine(line.Text))
			return nil
		},
	}
	return s.Read(in)
}

// parse parses a line; a question counts as a result without a verdict.
func (v *Verdicts) parse(line []byte) (r answer, err error) {
	if gjson.GetBytes(line, "kind").Str == "prompt" {
		p, err := record.ParsePrompt(line)
		r.Result = record.Result{ID: p.ID, Index: p.Index, Label: p.Label, Origin: p.Origin, Extra: p.Extra}
		return answer{r.Result, NotAsked}, err
	}
	r.Result, err = v.judge.ParseResult(line)
	r.verdict = Failed
	if r.OK() {
		r.verdict = readAnswer(v.judge.Answer(&r.Result))
	}
	return r, err
}

type answer struct {
	record.Result
	verdict Verdict
}

func (v *Verdicts) add(r *answer, at place) error {
	source, index, digest, ours := record.ParseID(r.ID)
	switch {
	case !ours || source != v.source:
		return fault.WithHint(fmt.Errorf("id %q does not belong to a question about these results, whose ids begin with %q", r.ID, v.source+"/"),
			"give the answers to the questions that were made from these results")
	case index != r.Index:
		return fault.WithHint(fmt.Errorf("id %q is not that of index %d", r.ID, r.Index), "ids are <source>/<index>/<digest>")
	}
	about, err := readEntity(r.Extra)
	if err != nil {
		return fault.WithHint(err, "do not change the records")
	}
	old, known := v.records[index]
	if !known {
		old = &asked{digest: strings.Clone(digest), at: at}
		v.records[index] = old
	}
	switch {
	case about != nil && !about.whole && about.row != index/perRow:
		return fault.WithHint(fmt.Errorf("id %q asks about row %d, but its entity is in row %d", r.ID, index/perRow, about.row), "do not change the records")
	case about != nil && about.whole && r.Label != "" && about.label != r.Label:
		return fault.WithHint(fmt.Errorf("id %q asks about the label %q, but its entity is of %q", r.ID, r.Label, about.label), "do not change the records")
	case digest != old.digest, about != nil && old.about != nil && *about != *old.about, r.Label != "" && old.label != "" && r.Label != old.label:
		return fault.WithHint(fmt.Errorf("id %q asks another question than in %s", r.ID, old.at),
			"the questions changed between the two: give the questions and the answers of one run")
	}
	if about != nil {
		old.about = about
	}
	if r.Label != "" {
		old.label = strings.Clone(r.Label)
	}
	if r.Origin.Form == record.TextForm {
		old.unit = markup.Char
	}
	if r.verdict != NotAsked && (r.verdict != Failed || old.verdict == NotAsked || old.verdict == Failed) {
		old.verdict, old.at = r.verdict, at
	}
	return nil
}

// readEntity returns the member "entity" of a record, or nil.
func readEntity(extra record.Extra) (*entity, error) {
	if extra == "" {
		return nil, nil
	}
	m := gjson.Get("{"+string(extra[1:])+"}", "entity")
	if !m.Exists() {
		return nil, nil
	}
	e := entity{
		row: int(m.Get("row").Int()), span: markup.Span{Start: int(m.Get("start").Int()), End: int(m.Get("end").Int())},
		text: strings.Clone(record.Text(m.Get("text"))), // a clone, since a record's strings share memory with its whole line
	}
	if sentence := m.Get("sentence"); sentence.Exists() {
		e.row, e.whole, e.label = int(sentence.Int()), true, strings.Clone(record.Text(m.Get("label")))
	}
	switch {
	case e.row < 0, e.span.Start < 0, e.span.End <= e.span.Start, e.text == "":
		return nil, fmt.Errorf(`"entity" must contain row, start, end and text, not %.80s`, m.Raw)
	case e.whole && e.label == "":
		return nil, fmt.Errorf(`"entity" must contain sentence, label, start, end and text, not %.80s`, m.Raw)
	}
	return &e, nil
}

// Tally is the number of entities with each verdict.
type Tally struct{ Yes, No, Unclear, Failed, NotAsked int }

// Entities returns the total.
func (n *Tally) Entities() int { return n.Yes + n.No + n.Unclear + n.Failed + n.NotAsked }

func (n *Tally) add(v Verdict) {
	switch v {
	case Yes:
		n.Yes++
	case No:
		n.No++
	case Unclear:
		n.Unclear++
	case Failed:
		n.Failed++
	case NotAsked:
		n.NotAsked++
	}
}

// Candidates returns the entities in j, in row order; those in answers about whole sentences
// in the order of the sentences and, for each, of the labels.
func Candidates(ctx context.Context, j *annotate.Joined) ([]Candidate, error) {
	var list []Candidate
	var sentence markup.Slicer
	whole := j.Results.OfSentences()
	err := j.AsMarked().Each(ctx, func(s *annotate.Annotation) error {
		sentence.Reset(s.Text, s.Unit)
		origin := record.Origin{Sentence: s.ID, Position: s.Position}
		if s.Unit == markup.Char {
			origin.Form = record.TextForm
		}
		for _, a := range s.Answers {
			row := a.Row
			if whole {
				row = s.Number
			}
			for _, f := range a.Found {
				list = append(list, Candidate{row, whole, a.Label, s.Text, origin, f.Span, sentence.Text(f.Span)})
			}
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b Candidate) int {
		if c := cmp.Compare(a.Row, b.Row); c != 0 || !whole {
			return c
		}
		return cmp.Compare(j.Rank(a.Label), j.Rank(b.Label))
	})
	return list, err
}

// Apply drops the entities of j whose verdict is no.
func (v *Verdicts) Apply(ctx context.Context, j *annotate.Joined) (Tally, error) {
	candidates, err := Candidates(ctx, j)
	if err != nil {
		return Tally{}, err
	}
	verdicts, n, err := v.decide(candidates)
	for i, verdict := range verdicts {
		if c := &candidates[i]; verdict == No {
			j.Drop(c.Row, c.Label, c.Span)
		}
	}
	return n, err
}

// decide returns the verdict on each candidate; candidates must be in the order of
// [Candidates]. Those that [Questions.Write] skips are not asked. If a verdict is on none of
// the candidates, the error is a [*StaleError].
func (v *Verdicts) decide(candidates []Candidate) ([]Verdict, Tally, error) {
	find, err := finder(candidates)
	if err != nil {
		return nil, Tally{}, err
	}
	list := make([]Verdict, len(candidates))
	for _, index := range slices.Sorted(maps.Keys(v.records)) {
		a := v.records[index]
		i, found := find(index, a.about)
		var c *Candidate
		if found {
			c = &candidates[i]
		}
		if err := a.check(c); err != nil {
			return nil, Tally{}, err
		}
		if found {
			list[i] = a.verdict
		}
	}
	var n Tally
	for _, verdict := range list {
		n.add(verdict)
	}
	return list, n, nil
}

// finder returns a function that finds the candidate that a question is about: by its index
// or, in answers about whole sentences, by its entity, because indexes then depend on the data
// set, which need not be known here.
func finder(candidates []Candidate) (func(index int, about *entity) (i int, found bool), error) {
	if len(candidates) > 0 && candidates[0].Whole {
		byEntity := make(map[entity]int, len(candidates))
		for i := range candidates {
			byEntity[*entityOf(&candidates[i])] = i
		}
		return func(_ int, about *entity) (i int, found bool) {
			if about != nil {
				i, found = byEntity[*about]
			}
			return i, found
		}, nil
	}
	indexes, err := numbers(candidates, catalog.DataSet{})
	byIndex := make(map[int]int, len(candidates))
	for i, index := range indexes {
		if index >= 0 {
			byIndex[index] = i
		}
	}
	return func(index int, _ *entity) (i int, found bool) {
		i, found = byIndex[index]
		return i, found
	}, err
}

// check returns an error if a question that was answered is not the one about c, which is
// nil if there is no such entity.
func (a *asked) check(c *Candidate) error {
	switch {
	case a.verdict == NotAsked: // nothing depends on it
		return nil
	case a.about == nil:
		return &fault.Error{File: a.at.file, Line: a.at.line, Err: ErrNoEntity, Hint: "lines of a batch do not contain it: give the questions as well"}
	case c == nil || *a.about != *entityOf(c) || a.label != "" && a.label != c.Label:
		return &fault.Error{File: a.at.file, Line: a.at.line, Err: &StaleError{a.about.row, a.about.whole, a.unit, a.about.span, cmp.Or(a.label, a.about.label), a.about.text},
			Hint: "make the questions again from these results, with the same template and demonstrations; answers that still apply can be kept"}
	}
	return nil
}

// ErrNoEntity means that no record contains the question of an answer.
var ErrNoEntity = errors.New("an answer without the entity that it is about")

// A StaleError reports a verdict on an entity that is no longer in the results.
type StaleError struct {
	Row   int         // of the sentence if Whole
	Whole bool        // the results answer questions about whole sentences
	Unit  markup.Unit // of Span
	Span  markup.Span
	Label string // "" if unknown
	Text  string
}

func (e *StaleError) Error() string {
	label := e.Label
	if label != "" {
		label += " "
	}
	count := "tokens"
	if e.Unit == markup.Char {
		count = "characters"
	}
	row := "row"
	if e.Whole {
		row = "sentence"
	}
	return fmt.Sprintf("the results changed since they were verified: %s %d (from 0) has no %sentity %q at %s %d to %d", row, e.Row, label, e.Text, count, e.Span.Start, e.Span.End-1)
}
