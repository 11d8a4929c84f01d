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

	"nertools/pkg/wire"
)

// An Estimate is how much a set of requests asks for.
type Estimate struct {
	Rows   int
	Models []Model // by name
	Parts  int     // files of batch input that the requests fill
	Bytes  int64   // the size of these files together
}

// A Model is what an Estimate's requests ask of one model.
type Model struct {
	Name        string
	Rows        int
	Input       int64 // tokens of the prompts: about as many as the service will count
	OutputBound int64 // tokens that the answers may have, at most; left out are those without a bound
	Unbounded   int   // rows whose answer has no bound
}

func (m *Model) add(n Model) {
	m.Rows += n.Rows
	m.Input += n.Input
	m.OutputBound += n.OutputBound
	m.Unbounded += n.Unbounded
}

// Count counts the requests that next yields until it returns io.EOF, on all
// cores. next is called by one goroutine, in order; its first other error is
// returned. The requests need no more memory than the few that are under way. As a
// batch they would be in parts of at most the given number of requests; 0 means as
// many as a batch takes.
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

// feed hands the requests on and counts the parts of a batch that they fill: a
// part holds one model and one endpoint, so many requests and so many bytes.
func feed(next func() (wire.Request, error), todo chan<- wire.Request, maxRequests, maxBytes int) (*Estimate, error) {
	e := new(Estimate)
	var line []byte
	var model, path string
	var rows, size int // of the part
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

// A Quote is an estimate with its prices, as one JSON object for programs and as
// lines for people. Amounts of money are in Currency.
type Quote struct {
	Kind        string `json:"kind"` // "estimate"
	V           int    `json:"v"`    // 1
	Rows        int    `json:"rows"` // that would be asked
	Kept        int    `json:"kept"` // that need not be, since they are answered; set by the caller
	Input       int64  `json:"input_tokens"`
	OutputBound *int64 `json:"output_tokens_max"` // null if an answer has no bound
	Run         *Cost  `json:"run"`               // asked at once; null if the price of a model is not known
	Batch       *Cost  `json:"batch"`             // by the Batch API
	Parts       int    `json:"batch_parts"`
	Bytes       int64  `json:"batch_bytes"`
	// Seconds is how long a run takes at the given limits, were there no others;
	// null if there is none, or none that tells.
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
	Vocabulary  string `json:"vocabulary"`     // that the tokens were counted with
	Own         bool   `json:"vocabulary_own"` // it is known to be the model's
}

// A Cost is between that of the prompts alone and that with answers as long as
// they may get, rounded to millionths.
type Cost struct {
	Input float64  `json:"input"`
	Max   *float64 `json:"max"` // null if an answer has no bound
}

// Quote puts prices to an estimate. rpm and tpm are the calls and the tokens that
// a run may ask for in a minute; 0 is no limit.
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

// plus adds what is known; the sum with what is not known is not known either.
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

// JSON is the quote as one line of JSON, its newline included.
func (q *Quote) JSON() []byte {
	line, err := json.Marshal(q)
	if err != nil {
		panic(err) // nothing in it can fail
	}
	return append(line, '\n')
}

// Lines tells the quote to people, a line each, without newlines.
func (q *Quote) Lines() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if q.Kept > 0 || q.Rows == 0 {
		say("%d rows to ask, %d answered earlier", q.Rows, q.Kept)
	}
	for _, m := range q.Models {
		say("%d rows for %s: about %d tokens in, %s out", m.Rows, m.Name, m.Input, atMost(m.OutputBound))
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
		say("parts of a batch: %d, together %d bytes", q.Parts, q.Bytes)
	}
	if q.Seconds != nil {
		say("at the given limits a run takes about %v", time.Duration(*q.Seconds)*time.Second)
	}
	return append(lines, fmt.Sprintf("prices as of %s, without what the service's cache may save", q.Date))
}

func atMost(bound *int64) string {
	if bound == nil {
		return "no bound on what comes"
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
