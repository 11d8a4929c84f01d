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
	"unicode/utf8"

	"nertools/pkg/english"
	"nertools/pkg/model"
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

	// Of these, the tokens of calls with long prompts, which cost more.
	LongInput, LongBound int64

	Longest   int64 // prompt tokens of the longest prompt
	Shared    int64 // tokens of the text that all prompts begin with; 0 with one prompt
	TooLong   int   // rows whose prompt is longer than the model reads
	Reasoning int   // rows for which the model may reason, nobody knows how much
}

func (m *Model) add(n Model) {
	m.Rows += n.Rows
	m.Input += n.Input
	m.OutputBound += n.OutputBound
	m.Unbounded += n.Unbounded
	m.LongInput += n.LongInput
	m.LongBound += n.LongBound
	m.Longest = max(m.Longest, n.Longest)
	m.TooLong += n.TooLong
	m.Reasoning += n.Reasoning
}

// Count counts the requests that next returns until io.EOF, on all cores. next is called
// in order by one goroutine; Count returns its first other error. Only the few requests
// being processed are in memory. partRequests and partBytes are the limits of a part
// of a batch; 0 means as much as a batch allows.
func (t *Table) Count(next func() (wire.Request, error), partRequests int, partBytes int64) (*Estimate, error) {
	if partRequests <= 0 || partRequests > wire.MaxBatchRequests {
		partRequests = wire.MaxBatchRequests
	}
	if partBytes <= 0 || partBytes > wire.MaxBatchBytes {
		partBytes = wire.MaxBatchBytes
	}
	return t.count(next, runtime.GOMAXPROCS(0), partRequests, int(partBytes))
}

func (t *Table) count(next func() (wire.Request, error), workers, maxRequests, maxBytes int) (*Estimate, error) {
	c := newCounter()
	todo := make(chan wire.Request, 4*workers)
	tallies := make([]map[string]*tally, workers)
	var counting sync.WaitGroup
	for i := range workers {
		tallies[i] = map[string]*tally{}
		counting.Go(func() {
			for q := range todo {
				name := wire.ModelOf(q.Body)
				sum := tallies[i][name]
				if sum == nil {
					sum = t.newTally(name)
					tallies[i][name] = sum
				}
				sum.add(c.request(q.Path, q.Body))
			}
		})
	}
	e, err := feed(next, todo, maxRequests, maxBytes)
	close(todo)
	counting.Wait()
	if err != nil {
		return nil, err
	}
	sums := map[string]*tally{}
	for _, tallies := range tallies {
		for name, part := range tallies {
			if sums[name] == nil {
				sums[name] = &tally{Model: Model{Name: name}}
			}
			sums[name].addTally(part)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		m := sums[name].Model
		if m.Rows > 1 {
			m.Shared = int64(c.text(sums[name].begin))
		}
		e.Models = append(e.Models, m)
	}
	return e, nil
}

// tally is the part of a Model that one core counts.
type tally struct {
	Model
	price  Price
	family model.Family
	begin  string // what all prompts begin with
}

func (t *Table) newTally(name string) *tally {
	p, _ := t.Find(name)
	return &tally{Model: Model{Name: name}, price: p, family: model.Of(name)}
}

// addTally adds what another core counted.
func (t *tally) addTally(n *tally) {
	t.share(n.begin)
	t.Model.add(n.Model)
}

// share cuts begin to what it has in common with a text. Call it before the rows are added.
func (t *tally) share(text string) {
	if t.Rows == 0 {
		t.begin = text
		return
	}
	n := 0
	for n < min(len(t.begin), len(text)) && t.begin[n] == text[n] {
		n++
	}
	for n < len(t.begin) && !utf8.RuneStart(t.begin[n]) {
		n--
	}
	t.begin = t.begin[:n]
}

// add counts a row.
func (t *tally) add(n counted) {
	t.share(n.text)
	m := Model{Rows: 1, Input: n.input, OutputBound: n.bound, Longest: n.input}
	if n.bound == 0 {
		m.Unbounded = 1
	}
	if above := int64(t.price.Long.Above); above > 0 && n.input > above {
		m.LongInput, m.LongBound = n.input, n.bound
	}
	if most := int64(t.price.MaxInput); most > 0 && n.input > most {
		m.TooLong = 1
	}
	if n.effort != "none" && (n.effort != "" || t.family.CompletionTokens) {
		m.Reasoning = 1
	}
	t.Model.add(m)
}

// feed passes the requests on and counts the parts of a batch that they fill: a part has
// one model and one endpoint, and a limited number of requests and bytes.
func feed(next func() (wire.Request, error), todo chan<- wire.Request, maxRequests, maxBytes int) (*Estimate, error) {
	e := new(Estimate)
	var line []byte
	var name, path string
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
		if e.Parts == 0 || m != name || q.Path != path || rows == maxRequests || size+len(line) > maxBytes {
			name, path, rows, size = m, q.Path, 0, 0
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
	Reasoning   *int64 `json:"reasoning_tokens"`  // part of the answers: 0, or null if a model may reason
	Parts       int    `json:"batch_parts"`
	Bytes       int64  `json:"batch_bytes"`
	// Seconds is the minimum duration of a run at the given limits; null if there are
	// none or they have no effect.
	Seconds  *float64     `json:"seconds"`
	Currency string       `json:"currency"`
	Date     string       `json:"prices_date"`
	Models   []ModelQuote `json:"models"`

	table    *Table
	tier     Tier
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
	Reasoning   *int64 `json:"reasoning_tokens"`
	Longest     int64  `json:"longest_prompt"`
	Shared      int64  `json:"shared_tokens"`    // with which all prompts begin
	TooLong     int    `json:"prompts_too_long"` // prompts that are longer than the model reads
	Vocabulary  string `json:"vocabulary"`       // with which the tokens were counted
	Own         bool   `json:"vocabulary_own"`   // it is known to be the model's own
}

// A Cost is a range from the cost of the prompts alone to the cost with answers of
// maximum length, rounded to millionths.
type Cost struct {
	Input float64  `json:"input"`
	Max   *float64 `json:"max"` // null if an answer has no limit
}

// Quote adds prices to an estimate: those of a run in the given tier, and of a batch. rpm
// and tpm are the limits on calls and tokens per minute of a run; 0 means no limit.
func (t *Table) Quote(e *Estimate, tier Tier, rpm, tpm int) *Quote {
	q := &Quote{
		Kind: "estimate", V: 1, Rows: e.Rows, Parts: e.Parts, Bytes: e.Bytes,
		OutputBound: new(int64), Reasoning: new(int64), Run: &Cost{Max: new(float64)}, Batch: &Cost{Max: new(float64)},
		Currency: t.Currency, Date: t.Date, Models: []ModelQuote{}, table: t, tier: tier, rpm: rpm, tpm: tpm,
	}
	for _, m := range e.Models {
		mq := ModelQuote{Name: m.Name, Rows: m.Rows, Input: m.Input, Longest: m.Longest, Shared: m.Shared, TooLong: m.TooLong, Vocabulary: Vocabulary, Own: usesVocabulary(m.Name)}
		if m.Unbounded == 0 {
			mq.OutputBound = &m.OutputBound
		}
		if m.Reasoning == 0 {
			mq.Reasoning = new(int64)
		}
		if p, ok := t.Find(m.Name); ok {
			mq.Run = t.between(p, tier, &m)
			mq.Batch = t.between(p, Batch, &m)
		}
		q.Models = append(q.Models, mq)
		q.Input += m.Input
		q.OutputBound = plus(q.OutputBound, mq.OutputBound)
		q.Reasoning = plus(q.Reasoning, mq.Reasoning)
		q.Run, q.Batch = q.Run.plus(mq.Run), q.Batch.plus(mq.Batch)
	}
	q.Seconds = q.seconds()
	return q
}

// between returns the cost of m without answers and with the longest ones, or nil if the
// price is not known.
func (t *Table) between(p Price, tier Tier, m *Model) *Cost {
	factor, ok := p.factor(tier)
	if !ok {
		return nil
	}
	long := p
	if m.LongInput > 0 {
		long = p.long()
	}
	amount := func(output, longOutput int64) float64 {
		sum := float64(m.Input-m.LongInput)*p.Input + float64(output)*p.Output + float64(m.LongInput)*long.Input + float64(longOutput)*long.Output
		return round(factor * sum / float64(t.Per))
	}
	c := &Cost{Input: amount(0, 0)}
	if m.Unbounded == 0 {
		most := amount(m.OutputBound-m.LongBound, m.LongBound)
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
		if m.Shared > 0 {
			say("  all prompts begin with the same %s", english.Count(m.Shared, "token"))
		}
		if m.Run != nil {
			say("  %s %s", q.how(), q.words(m.Run))
		}
		if m.Batch != nil {
			say("  as a batch: %s", q.words(m.Batch))
		} else {
			say("  the price is not known")
		}
		if m.Reasoning == nil {
			say("  how many of the answers' tokens are reasoning is not known")
		}
		if !m.Own {
			say("  counted with the vocabulary of gpt-4o, which may not be that of %s", m.Name)
		}
	}
	if len(q.Models) > 1 && q.Run != nil {
		say("all together")
		say("  %s %s", q.how(), q.words(q.Run))
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

// how names the tier of a run, as wide as the other names.
func (q *Quote) how() string {
	if q.tier == Flex {
		return "at once, flex:"
	}
	return "at once:   "
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
