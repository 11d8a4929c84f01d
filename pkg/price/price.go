// Package price estimates the cost of a set of requests before anything is sent, and
// computes the actual cost of a run. Tokens are counted offline. Prices come from a dated
// table, which the user can replace by a file.
package price

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"nertools/pkg/fault"
	"nertools/pkg/model"
	"nertools/pkg/record"
)

// A Table contains the prices of models.
type Table struct {
	Date     string // date of the prices: "2026-11-26"
	Currency string // "USD"
	Per      int64  // number of tokens that a price is for
	Models   map[string]Price
}

// A Price is the price of Table.Per tokens of a model.
type Price struct {
	Input         float64
	CachedInput   float64 // for prompt tokens found in the service's cache
	CacheWrite    float64 // for prompt tokens written to it
	Output        float64 // for answers, reasoning included
	BatchDiscount float64 // discount of the Batch API on all of these: 0.5 is half
	FlexDiscount  float64 // of the flex tier; below 0 if its price is not known
	Long          LongContext
	MaxInput      int // longest prompt that the model reads, in tokens; 0 if not known
}

// LongContext raises the prices of calls with long prompts.
type LongContext struct {
	Above         int     // tokens; 0 means that no call is long
	Input, Output float64 // factors
}

// A Tier is a tier of service, as requests name it, or [Batch].
type Tier string

const (
	Standard Tier = ""
	Batch    Tier = "batch"
	Flex     Tier = "flex"
)

// factor returns the share of the prices that is paid in a tier. ok is false if it is not
// known.
func (p *Price) factor(tier Tier) (factor float64, ok bool) {
	switch tier {
	case Standard, "auto", "default":
		return 1, true
	case Batch:
		return 1 - p.BatchDiscount, true
	case Flex:
		return 1 - p.FlexDiscount, p.FlexDiscount >= 0
	}
	return 0, false
}

// The built-in prices are those of https://developers.openai.com/api/docs/pricing
// (standard tier, text tokens) and of the models' pages there, as known on the table's
// date. Models that are shut down by then are left out, and so is a model whose price
// is in doubt: no price is better than a wrong one. The price of gpt-5.6-sol is one that
// OpenAI has promised until 2026-11-21 at least. The flex price of gpt-6.2-sol is not
// known.
//
//go:embed prices.json
var builtin []byte

// Builtin returns the built-in table. It is shared and must not be modified.
var Builtin = sync.OnceValue(func() *Table {
	t, err := ParseTable("prices.json", builtin)
	if err != nil {
		panic(err)
	}
	return t
})

const tableHint = `a table of prices is {"date":"2026-11-26","currency":"USD","per":1000000,"models":{"NAME":{"input":0.15,"cached_input":0.075,"output":0.6,"batch_discount":0.5}}}`

// ParseTable parses a table in the form of prices.json. A model must have "input" and
// "output". Without "cached_input" or "cache_write", these tokens cost as much as "input";
// without "batch_discount", a batch costs as much as a run; without "flex_discount", the
// price of the flex tier is not known. Errors are [*fault.Error] and use
// name as the file name.
func ParseTable(name string, data []byte) (*Table, error) {
	t, err := parseTable(data)
	if err != nil {
		return nil, &fault.Error{File: name, Line: lineOf(data, err), Err: err, Hint: tableHint}
	}
	return t, nil
}

func parseTable(data []byte) (*Table, error) {
	var v struct {
		Date     string           `json:"date"`
		Currency string           `json:"currency"`
		Per      int64            `json:"per"`
		Models   map[string]entry `json:"models"`
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields() // a misspelt member would otherwise be ignored
	if err := in.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("unexpected text after the table")
	}
	_, err := time.Parse(time.DateOnly, v.Date)
	switch {
	case err != nil:
		return nil, fmt.Errorf("date %q is not a day such as 2026-11-26", v.Date)
	case v.Currency == "":
		return nil, errors.New("it names no currency")
	case v.Per <= 0:
		return nil, fmt.Errorf("\"per\" must be a number of tokens from 1, not %d", v.Per)
	case len(v.Models) == 0:
		return nil, errors.New("it contains no models")
	}
	t := &Table{Date: v.Date, Currency: v.Currency, Per: v.Per, Models: make(map[string]Price, len(v.Models))}
	for _, model := range slices.Sorted(maps.Keys(v.Models)) {
		if t.Models[model], err = v.Models[model].price(); err != nil {
			return nil, fmt.Errorf("model %q: %w", model, err)
		}
	}
	return t, nil
}

// entry is a price in the file; it distinguishes 0 from missing.
type entry struct {
	Input         *float64 `json:"input"`
	CachedInput   *float64 `json:"cached_input"`
	CacheWrite    *float64 `json:"cache_write"`
	Output        *float64 `json:"output"`
	BatchDiscount float64  `json:"batch_discount"`
	FlexDiscount  *float64 `json:"flex_discount"`
	Long          struct {
		Above  int     `json:"above"`
		Input  float64 `json:"input"`
		Output float64 `json:"output"`
	} `json:"long_context"`
	MaxInput int `json:"max_input"`
}

func (e entry) price() (Price, error) {
	if e.Input == nil || e.Output == nil {
		return Price{}, errors.New(`it lacks the price "input" or "output"`)
	}
	or := func(v *float64, otherwise float64) float64 {
		if v == nil {
			return otherwise
		}
		return *v
	}
	p := Price{
		Input: *e.Input, CachedInput: or(e.CachedInput, *e.Input), CacheWrite: or(e.CacheWrite, *e.Input), Output: *e.Output,
		BatchDiscount: e.BatchDiscount, FlexDiscount: or(e.FlexDiscount, -1), Long: LongContext(e.Long), MaxInput: e.MaxInput,
	}
	if min(p.Input, p.CachedInput, p.CacheWrite, p.Output) < 0 {
		return Price{}, errors.New("a price is negative")
	}
	if min(p.Long.Above, p.MaxInput) < 0 || min(p.Long.Input, p.Long.Output) < 0 || p.Long.Above == 0 && p.Long != (LongContext{}) {
		return Price{}, errors.New(`long_context and max_input must be numbers of tokens, and factors from 0`)
	}
	if e.FlexDiscount != nil && (p.FlexDiscount < 0 || p.FlexDiscount > 1) {
		return Price{}, fmt.Errorf("flex_discount must be a fraction from 0 to 1, not %v", p.FlexDiscount)
	}
	if p.BatchDiscount < 0 || p.BatchDiscount > 1 {
		return Price{}, fmt.Errorf("batch_discount must be a fraction from 0 to 1, not %v", p.BatchDiscount)
	}
	return p, nil
}

// lineOf returns the line of data that a decoder's err refers to, or 0.
func lineOf(data []byte, err error) int {
	var offset int64
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
	} else {
		return 0
	}
	return 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte{'\n'})
}

// Find returns the price of a model. A dated name without an entry of its own has the
// price of the name without its date. Fine-tuned models and models of routers ("openai/gpt-4o") need entries under
// their full names, since their prices differ from the base model's.
func (t *Table) Find(name string) (Price, bool) {
	p, ok := t.Models[name]
	if !ok {
		p, ok = t.Models[model.Undated(name)]
	}
	return p, ok
}

// Cost returns the cost of the tokens in u, which may be those of many calls, in the
// table's currency. It does not know which calls had long prompts; see [Table.CallCost].
// ok is false if the table does not contain the model, or no price for the tier.
func (t *Table) Cost(model string, u record.Usage, tier Tier) (cost float64, ok bool) {
	p, ok := t.Find(model)
	if !ok {
		return 0, false
	}
	return t.costOf(&p, u, tier)
}

// CallCost returns the cost of one call, like Cost.
func (t *Table) CallCost(model string, u record.Usage, tier Tier) (cost float64, ok bool) {
	p, ok := t.Find(model)
	if !ok {
		return 0, false
	}
	return t.callCost(&p, u, tier)
}

// CallAmount returns the cost of one call, rounded up. It is 0 if the price is not known.
func (t *Table) CallAmount(model string, u record.Usage, tier Tier) Amount {
	cost, _ := t.CallCost(model, u, tier)
	return AmountOf(cost)
}

func (t *Table) callCost(p *Price, u record.Usage, tier Tier) (cost float64, ok bool) {
	if p.Long.Above > 0 && u.Prompt > p.Long.Above {
		long := p.long()
		p = &long
	}
	return t.costOf(p, u, tier)
}

// long returns the prices of a call with a long prompt.
func (p Price) long() Price {
	p.Input, p.CachedInput, p.CacheWrite = p.Input*p.Long.Input, p.CachedInput*p.Long.Input, p.CacheWrite*p.Long.Input
	p.Output *= p.Long.Output
	return p
}

func (t *Table) costOf(p *Price, u record.Usage, tier Tier) (cost float64, ok bool) {
	factor, ok := p.factor(tier)
	if !ok {
		return 0, false
	}
	plain := max(0, u.Prompt-u.Cached-u.CacheWrite)
	cost = float64(plain)*p.Input + float64(u.Cached)*p.CachedInput + float64(u.CacheWrite)*p.CacheWrite + float64(u.Completion)*p.Output
	return factor * cost / float64(t.Per), true
}

// Money formats an amount: "$0.0123", "$45.60", "1.20 EUR".
func (t *Table) Money(amount float64) string {
	format := "%.2f"
	if amount < 1 {
		format = "%.4f"
	}
	if t.Currency == "USD" {
		return fmt.Sprintf("$"+format, amount)
	}
	return fmt.Sprintf(format+" %s", amount, t.Currency)
}
