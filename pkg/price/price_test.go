package price

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/fault"
	"nertools/pkg/record"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestBuiltinTableIsWhole(t *testing.T) {
	table := Builtin()
	if table.Currency != "USD" || table.Per != 1_000_000 {
		t.Errorf("got %s a %d tokens", table.Currency, table.Per)
	}
	for model, p := range table.Models {
		if p.Input <= 0 || p.CachedInput > p.Input || p.Output < p.Input || p.BatchDiscount != 0.5 {
			t.Errorf("%s: %+v", model, p)
		}
		if !usesVocabulary(model) {
			t.Errorf("%s: its vocabulary is not known", model)
		}
	}
}

func TestPriceIsFoundByName(t *testing.T) {
	for _, c := range []struct {
		model string
		input float64 // 0: not known
	}{
		{"gpt-4o-mini", 0.15},
		{"gpt-4o-mini-2024-07-18", 0.15},
		{"gpt-4o", 2.50},
		{"gpt-4o-2024-08-06", 2.50},
		{"gpt-4o-2024-05-13", 5.00},
		{"gpt-4.1-nano", 0.10},
		{"gpt-5-mini-2025-08-07", 0.25},
		{"o3", 2.00},
		{"ft:gpt-4o-mini-2024-07-18:org::id", 0},
		{"ft:gpt-4o-mini-2024-07-18", 0},
		{"openai/gpt-4o-mini", 0},
		{"gpt-4o-mini-audio-preview", 0},
		{"gpt-4o-mini-2024", 0},
		{"o3-pro", 0},
		{"llama-3-8b", 0},
		{"", 0},
	} {
		p, ok := Builtin().Find(c.model)
		if ok != (c.input > 0) || ok && p.Input != c.input {
			t.Errorf("%s: got %+v, %v", c.model, p, ok)
		}
	}
}

func TestCostOfUsage(t *testing.T) {
	u := record.Usage{Prompt: 3_000_000, Cached: 1_000_000, Completion: 500_000, Reasoning: 200_000}
	for _, c := range []struct {
		model string
		batch bool
		want  float64
	}{
		{"gpt-4o-mini", false, 2*0.15 + 0.075 + 0.5*0.60},
		{"gpt-4o-mini", true, (2*0.15 + 0.075 + 0.5*0.60) / 2},
		{"gpt-4.1-2025-04-14", false, 2*2.00 + 0.50 + 0.5*8.00},
		{"gpt-4o-2024-05-13", false, 3*5.00 + 0.5*15.00}, // has no price of its own for cached tokens
	} {
		if got, ok := Builtin().Cost(c.model, u, c.batch); !ok || !near(got, c.want) {
			t.Errorf("%s, batch %v: got %v, want %v", c.model, c.batch, got, c.want)
		}
	}
	if got, ok := Builtin().Cost("llama", u, false); ok || got != 0 {
		t.Errorf("an unknown model costs %v, %v", got, ok)
	}
}

func TestTableOfOnesOwn(t *testing.T) {
	table, err := ParseTable("mine.json", []byte(`{"date":"2027-01-02","currency":"EUR","per":1000,
		"models":{"ft:gpt-4o-mini:org::id":{"input":0.5,"output":2},"local":{"input":0,"output":0,"cached_input":0,"batch_discount":1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := table.Cost("ft:gpt-4o-mini:org::id", record.Usage{Prompt: 1000, Cached: 500, Completion: 1000}, true)
	if !ok || !near(got, 2.5) {
		t.Errorf("got %v, %v", got, ok)
	}
	if got, ok := table.Cost("local", record.Usage{Prompt: 1000}, false); !ok || got != 0 {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := table.Find("gpt-4o-mini"); ok {
		t.Error("a table of one's own is added to the built-in one")
	}
}

func TestFaultyTableIsToldWithARemedy(t *testing.T) {
	good := `{"date":"2026-11-22","currency":"USD","per":1000000,"models":{"m":{"input":1,"output":2}}}`
	if _, err := ParseTable("f", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ data, want string }{
		{"", "f: EOF"},
		{"\n{\n\"date\": nonsense", "f:3: invalid character 'o'"},
		{good + "{}", "f: unexpected text after the table"},
		{"{\n\n\"per\":\"many\"}", "f:3: json: cannot unmarshal string"},
		{strings.Replace(good, `"input"`, `"imput"`, 1), `f: json: unknown field "imput"`},
		{strings.Replace(good, `"per"`, `"pro"`, 1), `f: json: unknown field "pro"`},
		{strings.Replace(good, "2026-11-22", "22.11.2026", 1), `f: date "22.11.2026" is not a day`},
		{strings.Replace(good, "2026-11-22", "2026-02-30", 1), `f: date "2026-02-30" is not a day`},
		{strings.Replace(good, `"USD"`, `""`, 1), "f: it names no currency"},
		{strings.Replace(good, "1000000", "0", 1), `f: "per" must be a number of tokens from 1, not 0`},
		{strings.Replace(good, `"m":{"input":1,"output":2}`, "", 1), "f: it contains no models"},
		{strings.Replace(good, `"input":1,`, "", 1), `f: model "m": it lacks the price`},
		{strings.Replace(good, `,"output":2`, "", 1), `f: model "m": it lacks the price`},
		{strings.Replace(good, `"output":2`, `"output":-2`, 1), `f: model "m": a price is negative`},
		{strings.Replace(good, `"output":2`, `"output":2,"batch_discount":50`, 1), `f: model "m": batch_discount must be a fraction from 0 to 1, not 50`},
	} {
		_, err := ParseTable("f", []byte(c.data))
		if _, ok := errors.AsType[*fault.Error](err); !ok || !strings.HasPrefix(err.Error(), c.want) || fault.Hint(err) == "" {
			t.Errorf("%s:\ngot %v, remedy %q\nwant %s", c.data, err, fault.Hint(err), c.want)
		}
	}
	// The example in the remedy is one that works.
	_, example, _ := strings.Cut(tableHint, " is ")
	if _, err := ParseTable("f", []byte(example)); err != nil {
		t.Error(err)
	}
}

func TestMoneyInWords(t *testing.T) {
	usd, eur := &Table{Currency: "USD"}, &Table{Currency: "EUR"}
	for _, c := range []struct {
		table  *Table
		amount float64
		want   string
	}{
		{usd, 0.01234, "$0.0123"}, {usd, 45.6, "$45.60"}, {usd, 1, "$1.00"}, {usd, 0, "$0.0000"}, {eur, 1.2, "1.20 EUR"},
	} {
		if got := c.table.Money(c.amount); got != c.want {
			t.Errorf("%v: got %s, want %s", c.amount, got, c.want)
		}
	}
}

// FuzzParseTable: whatever is read is a table that can be reckoned with.
func FuzzParseTable(f *testing.F) {
	data, err := os.ReadFile(filepath.FromSlash("prices.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(data), "", "{}", "{\n\"date\": nonsense", `{"date":"2026-11-22","currency":"USD","per":1000000,"models":{"m":{"input":1,"output":2}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := ParseTable("f", data)
		if err != nil {
			return
		}
		for model := range table.Models {
			if cost, ok := table.Cost(model, record.Usage{Prompt: 10, Cached: 5, Completion: 1}, true); !ok || cost < 0 {
				t.Errorf("%s costs %v", model, cost)
			}
		}
	})
}
