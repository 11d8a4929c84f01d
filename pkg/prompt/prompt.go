// Package prompt builds prompts: a template combines a row, its neighbours in the
// training set as demonstrations, and the catalogue's description of the label.
package prompt

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"nertools/pkg/catalog"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/parallel"
	"nertools/pkg/record"
)

// A Plan says which rows of a data set to ask about, and how. With a template of
// [ParseSentenceTemplate] it asks one question for all rows of a sentence.
type Plan struct {
	Source   string    // name of the source, as returned by [record.SourceName]
	Rows     *mrc.File // the rows to ask about
	Limit    int       // ask only the first Limit questions, as if the file ended there; 0 means all
	Labels   catalog.DataSet
	Template *Template

	// Sentences are those of Rows, from [mrc.File.Sentences]. With a template for rows they
	// may be nil.
	Sentences []mrc.Group

	// ResponseFormat returns the response_format in the records of questions about these
	// labels, as raw JSON, for example [SentenceJSONFormat]. nil means no such form.
	ResponseFormat func(labels []string) string

	// Examples is the maximum number of demonstrations per prompt; if it is 0, Train and
	// Neighbours are not needed. The demonstrations of a sentence are those of
	// [mrc.SentenceNeighbours].
	Examples   int
	Train      *mrc.File       // source of the demonstrations
	Neighbours *mrc.Neighbours // choice of the demonstrations; opened for RowsUsed rows

	// NearestLast reverses the demonstrations, which otherwise begin with the nearest. It
	// does not change which ones are shown.
	NearestLast bool

	// The rows to ask about: those in Shard for which Wanted is true, or sentences with
	// such a row. With a Limit, shards are parts of the first Limit questions.
	Shard  Shard
	Wanted func(row int) bool // nil means all
}

// bySentence reports whether a question is about a sentence, not about a row.
func (j *Plan) bySentence() bool { return j.Template != nil && j.Template.sentences }

// Total returns the number of questions that the records state as the source's total: its
// rows or its sentences.
func (j *Plan) Total() int {
	n := j.Rows.Len()
	if j.bySentence() {
		n = len(j.Sentences)
	}
	if j.Limit > 0 {
		return min(j.Limit, n)
	}
	return n
}

// RowsUsed returns the number of rows up to the last one that the questions are about.
func (j *Plan) RowsUsed() int {
	if !j.bySentence() {
		return j.Total()
	}
	rows := 0
	for _, s := range j.Sentences[:j.Total()] {
		rows = max(rows, s.Rows[len(s.Rows)-1]+1)
	}
	return rows
}

// Stats reports what was written, and problems that were found.
type Stats struct {
	Prompts    int
	OtherLabel int   // demonstrations whose label is not the one asked for
	Leaking    int   // prompts with their own sentence and label as a demonstration
	Mended     []int // training rows used whose spans had to be repaired
}

// blockPrompts is how many prompts a worker makes at a time: enough to keep the overhead
// low, few enough for blocks of about half a megabyte.
const blockPrompts = 64

// Write writes the prompt records to w, in row order or that of the sentences, using all cores. All checks of the
// input are made before the first record is written; later errors come from w, ctx, the
// template, or an input file that changed meanwhile.
func (j *Plan) Write(ctx context.Context, w io.Writer) (Stats, error) {
	shared, err := j.prepare()
	if err != nil {
		return Stats{}, err
	}
	free := make(chan []byte, 4*runtime.GOMAXPROCS(0)) // buffers reused from block to block
	newMaker := func() func(context.Context, int, int) ([]byte, error) {
		var m questionMaker = &maker{job: j, shared: shared, indexes: map[string]int{}}
		if j.bySentence() {
			m = &sentenceMaker{job: j, shared: shared}
		}
		return func(_ context.Context, from, to int) (buf []byte, err error) {
			select {
			case buf = <-free:
			default:
			}
			return j.appendPrompts(buf[:0], m, shared, from, to)
		}
	}
	err = parallel.Do(ctx, j.Total(), blockPrompts, newMaker, func(buf []byte) error {
		if len(buf) > 0 {
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("write prompts: %w", err)
			}
		}
		select {
		case free <- buf:
		default:
		}
		return nil
	})
	return shared.report(), err
}

// A questionMaker makes the record of one question after another: about rows, or about
// sentences.
type questionMaker interface {
	read(n int) error                               // reads what question n is about
	appendRecord(dst []byte, n int) ([]byte, error) // appends its record
	row(n int) int                                  // its row, for messages
}

// appendPrompts appends the records of the questions from to to that are wanted.
func (j *Plan) appendPrompts(dst []byte, m questionMaker, s *shared, from, to int) (_ []byte, err error) {
	for n := from; n < to; n++ {
		if !s.wanted(n) {
			continue
		}
		if err := m.read(n); err != nil {
			return nil, err
		}
		if dst, err = m.appendRecord(dst, n); err != nil {
			return nil, fmt.Errorf("%w, at row %d of %s", err, m.row(n), j.Rows.Name())
		}
		s.prompts.Add(1)
	}
	return dst, nil
}

// shared is what the makers of one plan share.
type shared struct {
	labels     map[string]catalog.Label
	formats    map[string]string // the response_format of each label's rows
	wanted     func(question int) bool
	sentences  []string        // the id of each row's sentence
	train      []mrc.Group     // the sentences of the training file; only for questions about sentences
	trainOf    []int32         // that of each training row
	mended     []atomic.Uint32 // one bit per training row
	prompts    atomic.Int64
	otherLabel atomic.Int64
	leaking    atomic.Int64
}

func (j *Plan) prepare() (*shared, error) {
	if j.Sentences == nil {
		var err error
		if j.Sentences, err = j.Rows.Sentences(); err != nil {
			return nil, err
		}
	}
	s := &shared{labels: map[string]catalog.Label{}, formats: map[string]string{}, wanted: j.selection(), sentences: make([]string, j.Rows.Len())}
	for _, sentence := range j.Sentences {
		for _, row := range sentence.Rows {
			s.sentences[row] = sentence.ID
		}
	}
	for i := range j.RowsUsed() {
		key := j.Rows.Label(i)
		if _, ok := s.labels[key]; ok {
			continue
		}
		label, err := j.Labels.Label(key)
		if err != nil {
			return nil, &fault.Error{File: j.Rows.Name(), Line: j.Rows.Line(i), Err: fmt.Errorf("row %d: %w", i, err)}
		}
		s.labels[key] = label
		if j.ResponseFormat != nil {
			s.formats[key] = j.ResponseFormat([]string{key})
		}
	}
	if j.Examples > 0 {
		s.mended = make([]atomic.Uint32, (j.Train.Len()+31)/32)
	}
	if j.Examples > 0 && j.bySentence() {
		var err error
		if s.train, err = j.Train.Sentences(); err != nil {
			return nil, err
		}
		s.trainOf = mrc.SentenceOf(s.train, j.Train.Len())
	}
	return s, nil
}

// mend notes that the spans of a training row had to be repaired.
func (s *shared) mend(row int) { s.mended[row/32].Or(1 << (row % 32)) }

// origin returns what the record of row i says about its sentence.
func (s *shared) origin(rows *mrc.File, i int) (o record.Origin, err error) {
	o.Sentence = s.sentences[i]
	if rows.Unit(i) == markup.Char {
		o.Form = record.TextForm
		o.Position, err = rows.Position(i)
	}
	return o, err
}

func (s *shared) report() Stats {
	r := Stats{Prompts: int(s.prompts.Load()), OtherLabel: int(s.otherLabel.Load()), Leaking: int(s.leaking.Load())}
	for i := range s.mended {
		for word := s.mended[i].Load(); word != 0; word &= word - 1 {
			r.Mended = append(r.Mended, i*32+bits.TrailingZeros32(word))
		}
	}
	return r
}

// maker builds one prompt after another; its buffers are reused.
type maker struct {
	job    *Plan
	shared *shared

	wording
	view         View
	asked        mrc.Row   // the row that the prompt is about; its Context is that of markup.InLine
	context      string    // its Context in the file
	shown        []mrc.Row // its demonstrations
	leaks        bool      // a demonstration has the sentence and the label asked about
	neighbours   []int
	tokens       []string
	sentence     markup.Slicer
	spans        []markup.Span
	marked       []byte
	list         []byte // the entities as a JSON array
	instructions map[instructionKey]instruction
	indexes      map[string]int // labels that were looked up in the catalogue
}

// wording is a prompt, plain and escaped for a JSON string.
type wording struct{ text, quoted []byte }

func (w *wording) reset() { w.text, w.quoted = w.text[:0], w.quoted[:0] }

// add appends a finished instruction.
func (w *wording) add(i instruction) {
	w.text, w.quoted = append(w.text, i.text...), append(w.quoted, i.quoted...)
}

// appendView appends the block for the view, which shows row. The fields whose bits are
// set in ofContext need no escaping if the context of the row needs none.
func appendView[V any](w *wording, b *Block, view *V, row *mrc.Row, ofContext uint) (err error) {
	verbatim := uint(0)
	if row.Verbatim {
		verbatim = ofContext
	}
	w.text, w.quoted, err = appendBoth(b, w.text, w.quoted, view, verbatim)
	return err
}

// instruction is a finished instruction, as a prompt begins with it.
type instruction wording

func newInstruction(b *Block, view any) (instruction, error) {
	text, err := b.Append(nil, view)
	return instruction{text, record.AppendEscaped(nil, text)}, err
}

type instructionKey struct {
	label    string
	examples int
}

// row returns i: a question of a maker is about a row.
func (m *maker) row(i int) int { return i }

// read reads row i and its demonstrations.
func (m *maker) read(i int) (err error) {
	j := m.job
	m.neighbours = m.neighbours[:0]
	if j.Examples > 0 {
		if m.neighbours, err = j.Neighbours.Append(m.neighbours, i, j.Examples); err != nil {
			return err
		}
		if j.NearestLast {
			slices.Reverse(m.neighbours)
		}
		if m.shown, err = j.Train.DecodeAll(m.neighbours, m.shown); err != nil {
			return err
		}
		for n := range m.shown {
			m.shown[n].Context = markup.InLine(m.shown[n].Context, m.shown[n].Unit)
		}
	}
	if err := j.Rows.Decode(i, &m.asked); err != nil {
		return err
	}
	m.context = m.asked.Context
	m.asked.Context = markup.InLine(m.context, m.asked.Unit)
	return nil
}

// appendRecord appends the record of row i, which must have been read.
func (m *maker) appendRecord(dst []byte, i int) ([]byte, error) {
	j := m.job
	key := j.Rows.Label(i)
	label := m.shared.labels[key]
	m.view = View{
		DataName: j.Labels.Name, Label: key, Name: label.Name, Description: label.Description,
		Examples: len(m.neighbours),
	}
	if j.Template.ownInstruction {
		m.view.Context = m.asked.Context
	}
	m.reset()
	m.leaks = false
	if err := m.appendInstruction(); err != nil {
		return nil, err
	}
	for n := range m.neighbours {
		if err := m.appendExample(n); err != nil {
			return nil, err
		}
	}
	if m.leaks {
		m.shared.leaking.Add(1)
	}
	m.view.Number, m.view.Context, m.view.Marked, m.view.Entities, m.view.JSON = 0, m.asked.Context, "", nil, ""
	if err := m.append(&j.Template.Query, &m.asked); err != nil {
		return nil, err
	}
	origin, err := m.shared.origin(j.Rows, i)
	if err != nil {
		return nil, err
	}
	return record.AppendPrompt(dst, &record.Prompt{
		ID:       record.NewID(j.Source, i, m.text),
		Index:    i,
		Total:    j.Total(),
		Label:    key,
		Context:  m.context,
		Origin:   origin,
		Quoted:   m.quoted,
		Examples: m.neighbours,

		ResponseFormat: m.shared.formats[key],
	}), nil
}

// append appends the block for the view, which shows row.
func (m *maker) append(b *Block, row *mrc.Row) error {
	return appendView(&m.wording, b, &m.view, row, ofContext)
}

// ofContext has the bits of the fields of [View] that need no escaping if the row's context
// needs none.
var ofContext = fieldBits[View]("Context", "Marked")

// fieldBits returns the bits of the fields of a view with these names.
func fieldBits[V any](names ...string) (set uint) {
	for _, name := range names {
		field, _ := reflect.TypeFor[V]().FieldByName(name)
		set |= 1 << field.Index[0]
	}
	return set
}

// appendInstruction executes the instruction only once for all rows with the same label
// and the same number of demonstrations, unless it contains the sentence.
func (m *maker) appendInstruction() error {
	if m.job.Template.ownInstruction {
		return m.append(&m.job.Template.Instruction, &m.asked)
	}
	key := instructionKey{m.view.Label, m.view.Examples}
	made, ok := m.instructions[key]
	if !ok {
		var err error
		if made, err = newInstruction(&m.job.Template.Instruction, &m.view); err != nil {
			return err
		}
		if m.instructions == nil {
			m.instructions = map[instructionKey]instruction{}
		}
		m.instructions[key] = made
	}
	m.add(made)
	return nil
}

// appendExample appends the n-th demonstration.
func (m *maker) appendExample(n int) error {
	row := &m.shown[n]
	if row.Label != m.view.Label && !m.sameLabel(row.Label) {
		m.shared.otherLabel.Add(1)
	}
	m.leaks = m.leaks || m.showsAnswer(row)
	m.view.Number, m.view.Context = n+1, row.Context
	m.view.Marked, m.view.Entities, m.view.JSON = row.Context, m.view.Entities[:0], "[]"
	// Most rows have no entity of their label, and most contexts are tokens joined by
	// single spaces: these are copied unchanged, and so are text rows.
	if !row.Plain && row.Unit == markup.Token || len(row.Spans)+row.Unpaired > 0 {
		m.mark(row, m.neighbours[n])
	}
	return m.append(&m.job.Template.Example, row)
}

// sameLabel reports whether label is another spelling of the label asked for.
func (m *maker) sameLabel(label string) bool {
	i := m.index(label)
	return i >= 0 && i == m.index(m.view.Label)
}

// index returns the position of label in the catalogue, or -1. The catalogue compares
// spellings, which is too slow for each demonstration.
func (m *maker) index(label string) int {
	i, ok := m.indexes[label]
	if !ok {
		i = m.job.Labels.Index(label)
		m.indexes[label] = i
	}
	return i
}

// showsAnswer reports whether row asks the same question as m.asked.
func (m *maker) showsAnswer(row *mrc.Row) bool {
	return (row.Label == m.view.Label || m.sameLabel(row.Label)) && sameSentence(row, &m.asked, &m.tokens)
}

// sameSentence reports whether two rows have the same tokens. It uses the memory of buf.
func sameSentence(a, b *mrc.Row, buf *[]string) bool {
	if a.Plain && b.Plain {
		return a.Context == b.Context
	}
	tokens := markup.AppendTokens((*buf)[:0], a.Context)
	n := len(tokens)
	tokens = markup.AppendTokens(tokens, b.Context)
	*buf = tokens
	return slices.Equal(tokens[:n], tokens[n:])
}

// mark sets the entities of row, which is row n of the training set, in the view.
func (m *maker) mark(row *mrc.Row, n int) {
	m.sentence.Reset(row.Context, row.Unit)
	var mended markup.Mended
	m.spans, mended = markup.Place(m.spans[:0], row.Spans, m.sentence.Len())
	if mended.Any() || row.Unpaired > 0 {
		m.shared.mend(n)
	}
	m.marked = m.sentence.AppendMarked(m.marked[:0], m.spans)
	m.view.Marked = unsafe.String(unsafe.SliceData(m.marked), len(m.marked)) // used before m.marked is overwritten
	if m.job.Template.showsJSON {
		m.list = appendList(m.list[:0], &m.sentence, m.spans)
		m.view.JSON = unsafe.String(unsafe.SliceData(m.list), len(m.list)) // likewise
	}
	if m.job.Template.showsEntities {
		for _, s := range m.spans {
			m.view.Entities = append(m.view.Entities, m.sentence.Text(s))
		}
	}
}

// appendList appends the entities as a JSON array of strings.
func appendList(dst []byte, sentence *markup.Slicer, spans []markup.Span) []byte {
	dst = append(dst, '[')
	for i, s := range spans {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = record.AppendString(dst, sentence.Text(s))
	}
	return append(dst, ']')
}

// Mending says what was wrong with the spans of row i of train, one of the rows in
// Stats.Mended.
func Mending(train *mrc.File, i int) (string, error) {
	var row mrc.Row
	if err := train.Decode(i, &row); err != nil {
		return "", err
	}
	var sentence markup.Slicer
	sentence.Reset(row.Context, row.Unit)
	_, m := markup.Place(nil, row.Spans, sentence.Len())
	var parts []string
	if m.Unsorted {
		parts = append(parts, "spans not in order")
	}
	for _, c := range []struct {
		n    int
		what string
	}{{m.Overlapping, "inside or across a longer one"}, {m.Duplicate, "given twice"}, {m.Unplaced + row.Unpaired, "not in the sentence"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("left out %s %s", english.Count(c.n, "span"), c.what))
		}
	}
	return strings.Join(parts, ", "), nil
}
