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
	Date     string // date of the prices: "2026-11-22"
	Currency string // "USD"
	Per      int64  // number of tokens that a price is for
	Models   map[string]Price
}

// A Price is the price of Table.Per tokens of a model.
type Price struct {
	Input         float64
	CachedInput   float64 // for prompt tokens found in the service's cache
	Output        float64
	BatchDiscount float64 // discount of the Batch API on all of these: 0.5 is half
}

// The built-in prices are those of https://developers.openai.com/api/docs/pricing
// (standard tier, text tokens) as known on the table's date. A model whose price
// is in doubt is left out: no price is better than a wrong one.
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

const tableHint = `a table of prices is {"date":"2026-11-22","currency":"USD","per":1000000,"models":{"NAME":{"input":0.15,"cached_input":0.075,"output":0.6,"batch_discount":0.5}}}`

// ParseTable parses a table in the form of prices.json. A model must have "input" and
// "output". Without "cached_input", cached tokens cost as much as "input"; without
// "batch_discount", a batch costs as much as a run. Errors are [*fault.Error] and use
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
		return nil, fmt.Errorf("date %q is not a day such as 2026-11-22", v.Date)
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
	Output        *float64 `json:"output"`
	BatchDiscount float64  `json:"batch_discount"`
}

func (e entry) price() (Price, error) {
	if e.Input == nil || e.Output == nil {
		return Price{}, errors.New(`it lacks the price "input" or "output"`)
	}
	p := Price{Input: *e.Input, CachedInput: *e.Input, Output: *e.Output, BatchDiscount: e.BatchDiscount}
	if e.CachedInput != nil {
		p.CachedInput = *e.CachedInput
	}
	if min(p.Input, p.CachedInput, p.Output) < 0 {
		return Price{}, errors.New("a price is negative")
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
// price of the name without its date; gpt-4o-2024-05-13 has an entry because it costs
// more. Fine-tuned models and models of routers ("openai/gpt-4o") need entries under
// their full names, since their prices differ from the base model's.
func (t *Table) Find(name string) (Price, bool) {
	p, ok := t.Models[name]
	if !ok {
		p, ok = t.Models[model.Undated(name)]
	}
	return p, ok
}

// Cost returns the cost of the tokens in u, in the table's currency. ok is false if the
// table does not contain the model.
func (t *Table) Cost(model string, u record.Usage, batch bool) (cost float64, ok bool) {
	p, ok := t.Find(model)
	if !ok {
		return 0, false
	}
	cost = t.cost(p, int64(u.Prompt-u.Cached), int64(u.Cached), int64(u.Completion))
	if batch {
		cost *= 1 - p.BatchDiscount
	}
	return cost, true
}

func (t *Table) cost(p Price, input, cached, output int64) float64 {
	return (float64(input)*p.Input + float64(cached)*p.CachedInput + float64(output)*p.Output) / float64(t.Per)
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
