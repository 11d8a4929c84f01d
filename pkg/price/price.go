// Package price estimates what a set of requests will cost before anything is
// sent, and says what a run did cost. Tokens are counted offline; prices come
// from a dated table, which a file can replace.
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
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A Table is what models cost.
type Table struct {
	Date     string // the day that the prices were taken down: "2026-11-22"
	Currency string // "USD"
	Per      int64  // the number of tokens that a price is for
	Models   map[string]Price
}

// A Price is what Table.Per tokens of a model cost.
type Price struct {
	Input         float64
	CachedInput   float64 // of a prompt's tokens that the service had in its cache
	Output        float64
	BatchDiscount float64 // what the Batch API takes off all of these: 0.5 is half
}

// The built-in prices are those of https://developers.openai.com/api/docs/pricing
// (standard tier, text tokens) as known on the table's date. A model whose price
// is in doubt is left out: no price is better than a wrong one.
//
//go:embed prices.json
var builtin []byte

// Builtin returns the table that comes with the program. It is shared: do not
// change it.
var Builtin = sync.OnceValue(func() *Table {
	t, err := ParseTable("prices.json", builtin)
	if err != nil {
		panic(err)
	}
	return t
})

const tableHint = `a table of prices is {"date":"2026-11-22","currency":"USD","per":1000000,"models":{"NAME":{"input":0.15,"cached_input":0.075,"output":0.6,"batch_discount":0.5}}}`

// ParseTable reads a table in the form of prices.json. A model needs "input" and
// "output"; without "cached_input" that is as "input", without "batch_discount" a
// batch costs as much as a run. name is what errors, all [*fault.Error], call it.
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
	in.DisallowUnknownFields() // a misspelt member would be taken for one left out
	if err := in.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the table")
	}
	_, err := time.Parse(time.DateOnly, v.Date)
	switch {
	case err != nil:
		return nil, fmt.Errorf("date %q: not a day such as 2026-11-22", v.Date)
	case v.Currency == "":
		return nil, errors.New("no currency named")
	case v.Per <= 0:
		return nil, fmt.Errorf("per %d: a price is for a number of tokens from 1", v.Per)
	case len(v.Models) == 0:
		return nil, errors.New("no models in it")
	}
	t := &Table{Date: v.Date, Currency: v.Currency, Per: v.Per, Models: make(map[string]Price, len(v.Models))}
	for _, model := range slices.Sorted(maps.Keys(v.Models)) {
		if t.Models[model], err = v.Models[model].price(); err != nil {
			return nil, fmt.Errorf("model %q: %w", model, err)
		}
	}
	return t, nil
}

// entry is a price as the file has it, which tells 0 from left out.
type entry struct {
	Input         *float64 `json:"input"`
	CachedInput   *float64 `json:"cached_input"`
	Output        *float64 `json:"output"`
	BatchDiscount float64  `json:"batch_discount"`
}

func (e entry) price() (Price, error) {
	if e.Input == nil || e.Output == nil {
		return Price{}, errors.New(`it needs the prices "input" and "output"`)
	}
	p := Price{Input: *e.Input, CachedInput: *e.Input, Output: *e.Output, BatchDiscount: e.BatchDiscount}
	if e.CachedInput != nil {
		p.CachedInput = *e.CachedInput
	}
	if min(p.Input, p.CachedInput, p.Output) < 0 {
		return Price{}, errors.New("a price below 0")
	}
	if p.BatchDiscount < 0 || p.BatchDiscount > 1 {
		return Price{}, fmt.Errorf("batch_discount %v: a part of the price, from 0 to 1", p.BatchDiscount)
	}
	return p, nil
}

// lineOf is the line of data that a decoder's err is about; 0 if it tells none.
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

// Find returns the price of a model. A dated name costs what the name without
// its date does, unless the table has it: gpt-4o-2024-05-13 costs more. The price
// of a fine-tuned model is not that of its base, and that of a router's
// ("openai/gpt-4o") not that of the original: the table has to name them whole.
func (t *Table) Find(model string) (Price, bool) {
	p, ok := t.Models[model]
	if !ok {
		p, ok = t.Models[wire.Undated(model)]
	}
	return p, ok
}

// Cost is what the tokens of u cost, in the table's currency; !ok if the table
// does not know the model.
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

// Money puts an amount in words: "$0.0123", "$45.60", "1.20 EUR".
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
