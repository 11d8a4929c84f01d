package prompt

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"unsafe"

	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/tags"
)

// SentenceMarkupTemplates are the versions of the built-in template for questions about all
// labels of a sentence, version 1 first. The answer repeats the sentence with its entities
// in tags, "<PER>Ada</PER> left".
var SentenceMarkupTemplates = []string{sentenceMarkup1}

// SentenceJSONTemplates are the same for structured answers. The answer is a JSON object
// that matches [SentenceJSONFormat].
var SentenceJSONTemplates = []string{sentenceJSON1}

var (
	//go:embed sentence-markup-1.tmpl
	sentenceMarkup1 string
	//go:embed sentence-json-1.tmpl
	sentenceJSON1 string
)

// SentenceJSONFormat returns the response_format for [SentenceJSONTemplates]: a JSON schema
// that only {"entities":[{"text":"Ada","label":"PER"}, ...]} matches, with any of the labels.
func SentenceJSONFormat(labels []string) string {
	dst := []byte(`{"type":"json_schema","json_schema":{"name":"entities","strict":true,"schema":{"type":"object",` +
		`"properties":{"entities":{"type":"array","items":{"type":"object","properties":{"text":{"type":"string"},"label":{"type":"string","enum":[`)
	for i, label := range labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = record.AppendString(dst, label)
	}
	return string(append(dst, `]}},"required":["text","label"],"additionalProperties":false}}},"required":["entities"],"additionalProperties":false}}}`...))
}

// SentenceView is the data available to the blocks of a template for questions about all
// labels of a sentence.
type SentenceView struct {
	DataName string         // the data set, as in the catalogue
	Labels   []AskedLabel   // the labels asked for, in the order of the catalogue
	Examples int            // number of demonstrations in this prompt
	Context  string         // the sentence, exactly as in the file
	Number   int            // from here on only in the block "example": number of this demonstration, from 1
	Marked   string         // as in [View], with each entity in the tags of its label: "<PER>Ada</PER>"
	Entities []LabelledText // its entities, by where they start, the longer first
	JSON     string         // the same as a JSON array: [{"text":"Ada","label":"PER"}]
}

// An AskedLabel is one of the labels that a question asks for.
type AskedLabel struct {
	Label       string // as in the MRC file: "PER"
	Name        string // its name in the catalogue: "person"
	Description string // its description in the catalogue
	Open, Close string // the tags around its entities: "<PER>" and "</PER>"
}

// A LabelledText is an entity as a demonstration shows it.
type LabelledText struct{ Text, Label string }

// ParseSentenceTemplate parses a template whose blocks use a [SentenceView]. A plan with it
// asks about sentences.
func ParseSentenceTemplate(name, text string) (*Template, error) {
	label := AskedLabel{Label: "x", Name: "x", Open: "<x>", Close: "</x>"}
	return parseTemplate(name, text, true, &SentenceView{Labels: []AskedLabel{label}, Examples: 1, Number: 1, Entities: []LabelledText{{"x", "x"}}, JSON: `[{"text":"x","label":"x"}]`})
}

// A question is what prompts about the same labels have in common.
type question struct {
	labels       []string // in the order of the catalogue
	view         []AskedLabel
	format       string              // response_format
	positions    map[string]int      // of labels in labels, by their spellings in the training file; -1 for those not asked for
	instructions map[int]instruction // by number of demonstrations
}

// sentenceMaker builds one prompt about a sentence after another; its buffers are reused.
type sentenceMaker struct {
	job    *Plan
	shared *shared

	wording
	view       SentenceView
	asked      mrc.Row // the first row of the sentence; its Context is that of markup.InLine
	context    string  // its Context in the file
	sentences  []int   // the demonstrations, as indexes of shared.train
	rows       []int   // all rows of these
	shown      []mrc.Row
	examples   []int // the first row of each
	entities   []labelledSpan
	sentence   markup.Slicer
	spans      []markup.Span
	labels     []string             // of spans
	questions  map[string]*question // by the labels of a sentence's rows, each followed by a NUL
	key        []byte
	marked     []byte
	list       []byte // the entities as a JSON array
	leakTokens []string
}

// labelledSpan is an entity of a demonstration. label is its position in the question.
type labelledSpan struct {
	markup.Span
	label int
}

// row returns the first row of sentence n.
func (m *sentenceMaker) row(n int) int { return m.job.Sentences[n].Rows[0] }

// read reads sentence n and its demonstrations.
func (m *sentenceMaker) read(n int) (err error) {
	j := m.job
	group := &j.Sentences[n]
	m.sentences, m.rows, m.examples = m.sentences[:0], m.rows[:0], m.examples[:0]
	if j.Examples > 0 {
		if m.sentences, err = mrc.SentenceNeighbours(m.sentences, j.Neighbours, group.Rows, m.shared.trainOf, j.Examples); err != nil {
			return err
		}
		if j.NearestLast {
			slices.Reverse(m.sentences)
		}
		for _, s := range m.sentences {
			rows := m.shared.train[s].Rows
			m.rows, m.examples = append(m.rows, rows...), append(m.examples, rows[0])
		}
		if m.shown, err = j.Train.DecodeAll(m.rows, m.shown); err != nil {
			return err
		}
	}
	if err := j.Rows.Decode(group.Rows[0], &m.asked); err != nil {
		return err
	}
	m.context = m.asked.Context
	m.asked.Context = markup.InLine(m.context, m.asked.Unit)
	return nil
}

// appendRecord appends the record of sentence n, which must have been read.
func (m *sentenceMaker) appendRecord(dst []byte, n int) ([]byte, error) {
	j := m.job
	group := &j.Sentences[n]
	q := m.question(group.Rows)
	m.view = SentenceView{DataName: j.Labels.Name, Labels: q.view, Examples: len(m.sentences), Entities: m.view.Entities}
	if j.Template.ownInstruction {
		m.view.Context = m.asked.Context
	}
	m.reset()
	if err := m.appendInstruction(q); err != nil {
		return nil, err
	}
	leaks, rows := false, m.shown
	for i, s := range m.sentences {
		k := len(m.shared.train[s].Rows)
		leaks = leaks || sameSentence(&rows[0], &m.asked, &m.leakTokens)
		if err := m.appendExample(q, i+1, rows[:k], m.shared.train[s].Rows); err != nil {
			return nil, err
		}
		rows = rows[k:]
	}
	if leaks {
		m.shared.leaking.Add(1)
	}
	m.view.Number, m.view.Context, m.view.Marked, m.view.Entities, m.view.JSON = 0, m.asked.Context, "", m.view.Entities[:0], ""
	if err := m.append(&j.Template.Query, &m.asked); err != nil {
		return nil, err
	}
	origin, err := m.shared.origin(j.Rows, group.Rows[0])
	if err != nil {
		return nil, err
	}
	return record.AppendPrompt(dst, &record.Prompt{
		ID:       record.NewID(record.SentenceSource(j.Source), n, m.text),
		Index:    n,
		Total:    j.Total(),
		Labels:   q.labels,
		Context:  m.context,
		Origin:   origin,
		Quoted:   m.quoted,
		Examples: m.examples,

		ResponseFormat: q.format,
	}), nil
}

// question returns what is known of the labels that the rows ask for.
func (m *sentenceMaker) question(rows []int) *question {
	m.key = m.key[:0]
	for _, row := range rows {
		m.key = append(append(m.key, m.job.Rows.Label(row)...), 0)
	}
	if q, ok := m.questions[string(m.key)]; ok {
		return q
	}
	set := m.job.Labels
	q := &question{positions: map[string]int{}, instructions: map[int]instruction{}}
	for _, row := range rows {
		q.labels = append(q.labels, m.job.Rows.Label(row))
	}
	slices.SortFunc(q.labels, func(a, b string) int { return cmp.Or(cmp.Compare(set.Index(a), set.Index(b)), strings.Compare(a, b)) })
	for _, label := range q.labels {
		known := m.shared.labels[label]
		q.view = append(q.view, AskedLabel{Label: label, Name: known.Name, Description: known.Description, Open: tags.Start(label), Close: tags.End(label)})
	}
	if m.job.ResponseFormat != nil {
		q.format = m.job.ResponseFormat(q.labels)
	}
	if m.questions == nil {
		m.questions = map[string]*question{}
	}
	m.questions[string(m.key)] = q
	return q
}

// position returns the position in q of a label of the training file, or -1.
func (m *sentenceMaker) position(q *question, label string) int {
	p, ok := q.positions[label]
	if ok {
		return p
	}
	if p = slices.Index(q.labels, label); p < 0 {
		set := m.job.Labels
		if wanted := set.Index(label); wanted >= 0 {
			p = slices.IndexFunc(q.labels, func(l string) bool { return set.Index(l) == wanted })
		}
	}
	q.positions[strings.Clone(label)] = p
	return p
}

// appendInstruction executes the instruction only once for all sentences with the same
// labels and the same number of demonstrations, unless it contains the sentence.
func (m *sentenceMaker) appendInstruction(q *question) error {
	if m.job.Template.ownInstruction {
		return m.append(&m.job.Template.Instruction, &m.asked)
	}
	made, ok := q.instructions[m.view.Examples]
	if !ok {
		var err error
		if made, err = newInstruction(&m.job.Template.Instruction, &m.view); err != nil {
			return err
		}
		q.instructions[m.view.Examples] = made
	}
	m.add(made)
	return nil
}

// appendExample appends demonstration number n: a sentence, whose rows are given, decoded
// and as numbers.
func (m *sentenceMaker) appendExample(q *question, n int, rows []mrc.Row, numbers []int) error {
	first := &rows[0]
	context := markup.InLine(first.Context, first.Unit)
	m.sentence.Reset(context, first.Unit)
	m.entities = m.entities[:0]
	for i := range rows {
		row := &rows[i]
		label := m.position(q, row.Label)
		if label < 0 || len(row.Spans)+row.Unpaired == 0 {
			continue
		}
		var mended markup.Mended
		m.spans, mended = markup.Place(m.spans[:0], row.Spans, m.sentence.Len())
		if mended.Any() || row.Unpaired > 0 {
			m.shared.mend(numbers[i])
		}
		for _, s := range m.spans {
			m.entities = append(m.entities, labelledSpan{s, label})
		}
	}
	slices.SortFunc(m.entities, func(a, b labelledSpan) int { return cmp.Or(a.Compare(b.Span), cmp.Compare(a.label, b.label)) })
	m.entities = slices.Compact(m.entities) // two spellings of a label may have the same entity
	m.view.Number, m.view.Context = n, context
	m.show(q, first)
	return m.append(&m.job.Template.Example, first)
}

// show sets the entities of a demonstration in the view, as far as the template shows them.
func (m *sentenceMaker) show(q *question, first *mrc.Row) {
	m.view.Marked, m.view.JSON, m.view.Entities = m.view.Context, "[]", m.view.Entities[:0]
	if len(m.entities) > 0 || !first.Plain && first.Unit == markup.Token {
		m.spans, m.labels = m.spans[:0], m.labels[:0]
		for _, e := range m.entities {
			m.spans, m.labels = append(m.spans, e.Span), append(m.labels, q.labels[e.label])
		}
		m.marked = m.sentence.AppendTagged(m.marked[:0], m.spans, m.labels)
		m.view.Marked = unsafe.String(unsafe.SliceData(m.marked), len(m.marked)) // used before m.marked is overwritten
	}
	if !m.job.Template.showsJSON && !m.job.Template.showsEntities {
		return
	}
	m.list = append(m.list[:0], '[')
	for i, e := range m.entities {
		text, label := m.sentence.Text(e.Span), q.labels[e.label]
		m.view.Entities = append(m.view.Entities, LabelledText{text, label})
		if i > 0 {
			m.list = append(m.list, ',')
		}
		m.list = record.AppendString(append(m.list, `{"text":`...), text)
		m.list = append(record.AppendString(append(m.list, `,"label":`...), label), '}')
	}
	m.list = append(m.list, ']')
	m.view.JSON = unsafe.String(unsafe.SliceData(m.list), len(m.list)) // likewise
}

// ofSentence is for [SentenceView] what ofContext is for [View]. Marked is not among them,
// since the tags of some labels have quotation marks.
var ofSentence = fieldBits[SentenceView]("Context")

// append appends the block for the view, which shows row.
func (m *sentenceMaker) append(b *Block, row *mrc.Row) error {
	return appendView(&m.wording, b, &m.view, row, ofSentence)
}
