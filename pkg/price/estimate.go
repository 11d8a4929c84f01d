package price

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"nertools/pkg/english"
	"nertools/pkg/wire"
)

// An Estimate is the size of a set of requests.
type Estimate struct {
	Rows   int
	Models []Model // by name
	Parts  int     // batch input files that the requests fill
	Bytes  int64   // total size of these files
}

// A Model is the part of an Estimate that goes to one model.
type Model struct {
	Name        string
	Rows        int
	Input       int64 // prompt tokens: about as many as the service will count
	OutputBound int64 // maximum number of answer tokens, not counting answers without a limit
	Unbounded   int   // rows whose answer has no limit
}

func (m *Model) add(n Model) {
	m.Rows += n.Rows
	m.Input += n.Input
	m.OutputBound += n.OutputBound
	m.Unbounded += n.Unbounded
}

// Count counts the requests that next returns until io.EOF, on all cores. next is called
// in order by one goroutine; Count returns its first other error. Only the few requests
// being processed are in memory. partRequests is the maximum number of requests in a part
// of a batch; 0 means as many as a batch allows.
func Count(next func() (wire.Request, error), partRequests int) (*Estimate, error) {
	if partRequests <= 0 || partRequests > wire.MaxBatchRequests {
		partRequests = wire.MaxBatchRequests
	}
	return count(next, runtime.GOMAXPROCS(0), partRequests, wire.MaxBatchBytes)
}

func count(next func() (wire.Request, error), workers, maxRequests, maxBytes int) (*Estimate, error) {
	c := newCounter()
	todo := make(chan wire.Request, 4*workers)
	tallies := make([]map[string]*Model, workers)
	var counting sync.WaitGroup
	for i := range workers {
		tallies[i] = map[string]*Model{}
		counting.Go(func() {
			for q := range todo {
				c.tally(tallies[i], &q)
			}
		})
	}
	e, err := feed(next, todo, maxRequests, maxBytes)
	close(todo)
	counting.Wait()
	if err != nil {
		return nil, err
	}
	sums := map[string]*Model{}
	for _, tally := range tallies {
		for name, m := range tally {
			addTo(sums, name, *m)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		e.Models = append(e.Models, *sums[name])
	}
	return e, nil
}

func (c *counter) tally(sums map[string]*Model, q *wire.Request) {
	input, bound := c.request(q.Path, q.Body)
	m := Model{Rows: 1, Input: input, OutputBound: bound}
	if bound == 0 {
		m.Unbounded = 1
	}
	addTo(sums, wire.ModelOf(q.Body), m)
}

func addTo(sums map[string]*Model, name string, m Model) {
	sum := sums[name]
	if sum == nil {
		sum = &Model{Name: name}
		sums[name] = sum
	}
	sum.add(m)
}

// feed passes the requests on and counts the parts of a batch that they fill: a part has
// one model and one endpoint, and a limited number of requests and bytes.
func feed(next func() (wire.Request, error), todo chan<- wire.Request, maxRequests, maxBytes int) (*Estimate, error) {
	e := new(Estimate)
	var line []byte
	var model, path string
	var rows, size int // of the current part
	for {
		q, err := next()
		if errors.Is(err, io.EOF) {
			return e, nil
		}
		if err != nil {
			return nil, err
		}
		line = wire.AppendRequestLine(line[:0], &q)
		m := wire.ModelOf(q.Body)
		if e.Parts == 0 || m != model || q.Path != path || rows == maxRequests || size+len(line) > maxBytes {
			model, path, rows, size = m, q.Path, 0, 0
			e.Parts++
		}
		rows, size = rows+1, size+len(line)
		e.Rows++
		e.Bytes += int64(len(line))
		todo <- q
	}
}

// A Quote is an estimate with prices, as one JSON object for programs and as lines for
// people. Amounts of money are in Currency.
type Quote struct {
	Kind        string `json:"kind"` // "estimate"
	V           int    `json:"v"`    // 1
	Rows        int    `json:"rows"` // to be requested
	Kept        int    `json:"kept"` // already answered, so not requested; set by the caller
	Input       int64  `json:"input_tokens"`
	OutputBound *int64 `json:"output_tokens_max"` // null if an answer has no limit
	Run         *Cost  `json:"run"`               // as a run; null if the price of a model is unknown
	Batch       *Cost  `json:"batch"`             // as a batch
	Parts       int    `json:"batch_parts"`
	Bytes       int64  `json:"batch_bytes"`
	// Seconds is the minimum duration of a run at the given limits; null if there are
	// none or they have no effect.
	Seconds  *float64     `json:"seconds"`
	Currency string       `json:"currency"`
	Date     string       `json:"prices_date"`
	Models   []ModelQuote `json:"models"`

	table    *Table
	rpm, tpm int
}

// A ModelQuote is the part of a Quote that goes to one model.
type ModelQuote struct {
	Name        string `json:"model"`
	Rows        int    `json:"rows"`
	Input       int64  `json:"input_tokens"`
	OutputBound *int64 `json:"output_tokens_max"`
	Run         *Cost  `json:"run"`
	Batch       *Cost  `json:"batch"`
	Vocabulary  string `json:"vocabulary"`     // with which the tokens were counted
	Own         bool   `json:"vocabulary_own"` // it is known to be the model's own
}

// A Cost is a range from the cost of the prompts alone to the cost with answers of
// maximum length, rounded to millionths.
type Cost struct {
	Input float64  `json:"input"`
	Max   *float64 `json:"max"` // null if an answer has no limit
}

// Quote adds prices to an estimate. rpm and tpm are the limits on calls and tokens per
// minute of a run; 0 means no limit.
func (t *Table) Quote(e *Estimate, rpm, tpm int) *Quote {
	q := &Quote{
		Kind: "estimate", V: 1, Rows: e.Rows, Parts: e.Parts, Bytes: e.Bytes,
		OutputBound: new(int64), Run: &Cost{Max: new(float64)}, Batch: &Cost{Max: new(float64)},
		Currency: t.Currency, Date: t.Date, Models: []ModelQuote{}, table: t, rpm: rpm, tpm: tpm,
	}
	for _, m := range e.Models {
		mq := ModelQuote{Name: m.Name, Rows: m.Rows, Input: m.Input, Vocabulary: Vocabulary, Own: usesVocabulary(m.Name)}
		if m.Unbounded == 0 {
			mq.OutputBound = &m.OutputBound
		}
		if p, ok := t.Find(m.Name); ok {
			mq.Run = t.between(p, 1, m.Input, mq.OutputBound)
			mq.Batch = t.between(p, 1-p.BatchDiscount, m.Input, mq.OutputBound)
		}
		q.Models = append(q.Models, mq)
		q.Input += m.Input
		q.OutputBound = plus(q.OutputBound, mq.OutputBound)
		q.Run, q.Batch = q.Run.plus(mq.Run), q.Batch.plus(mq.Batch)
	}
	q.Seconds = q.seconds()
	return q
}

func (t *Table) between(p Price, factor float64, input int64, bound *int64) *Cost {
	c := &Cost{Input: round(factor * t.cost(p, input, 0, 0))}
	if bound != nil {
		most := round(factor * t.cost(p, input, 0, *bound))
		c.Max = &most
	}
	return c
}

// plus returns the sum; it is unknown if either cost is unknown.
func (c *Cost) plus(d *Cost) *Cost {
	if c == nil || d == nil {
		return nil
	}
	sum := &Cost{Input: round(c.Input + d.Input), Max: plus(c.Max, d.Max)}
	if sum.Max != nil {
		*sum.Max = round(*sum.Max)
	}
	return sum
}

func plus[N int64 | float64](a, b *N) *N {
	if a == nil || b == nil {
		return nil
	}
	sum := *a + *b
	return &sum
}

func round(amount float64) float64 { return math.Round(amount*1e6) / 1e6 }

func (q *Quote) seconds() *float64 {
	if q.rpm == 0 && (q.tpm == 0 || q.OutputBound == nil) {
		return nil
	}
	minutes := 0.0
	if q.rpm > 0 {
		minutes = float64(q.Rows) / float64(q.rpm)
	}
	if q.tpm > 0 && q.OutputBound != nil {
		minutes = max(minutes, float64(q.Input+*q.OutputBound)/float64(q.tpm))
	}
	s := math.Round(60 * minutes)
	return &s
}

// JSON returns the quote as one line of JSON, including the newline.
func (q *Quote) JSON() []byte {
	line, err := json.Marshal(q)
	if err != nil {
		panic(err) // encoding it cannot fail
	}
	return append(line, '\n')
}

// Lines returns the quote as lines for people, without newlines.
func (q *Quote) Lines() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if q.Kept > 0 || q.Rows == 0 {
		say("%s to ask, %d answered earlier", english.Count(q.Rows, "row"), q.Kept)
	}
	for _, m := range q.Models {
		say("%s for %s: about %s in, %s out", english.Count(m.Rows, "row"), m.Name, english.Count(m.Input, "token"), atMost(m.OutputBound))
		if m.Run != nil {
			say("  at once:    %s", q.words(m.Run))
			say("  as a batch: %s", q.words(m.Batch))
		} else {
			say("  the price is not known")
		}
		if !m.Own {
			say("  counted with the vocabulary of gpt-4o, which may not be that of %s", m.Name)
		}
	}
	if len(q.Models) > 1 && q.Run != nil {
		say("all together")
		say("  at once:    %s", q.words(q.Run))
		say("  as a batch: %s", q.words(q.Batch))
	}
	if q.Rows > 0 {
		say("as files for a batch: %s, %s", english.Count(q.Parts, "part"), english.Count(q.Bytes, "byte"))
	}
	if q.Seconds != nil {
		say("at the given limits a run takes about %v", time.Duration(*q.Seconds)*time.Second)
	}
	return append(lines, fmt.Sprintf("prices as of %s, without discounts for cached prompts", q.Date))
}

func atMost(bound *int64) string {
	if bound == nil {
		return "an unknown number"
	}
	return fmt.Sprintf("at most %d", *bound)
}

func (q *Quote) words(c *Cost) string {
	s := q.table.Money(c.Input) + " for the prompts"
	if c.Max != nil {
		s += ", at most " + q.table.Money(*c.Max) + " with the answers"
	}
	return s
}
