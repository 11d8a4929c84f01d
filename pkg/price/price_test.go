package price

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nertools/pkg/fault"
	"nertools/pkg/model"
	"nertools/pkg/record"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestBuiltinTableIsWhole(t *testing.T) {
	table := Builtin()
	if table.Currency != "USD" || table.Per != 1_000_000 {
		t.Errorf("got %s a %d tokens", table.Currency, table.Per)
	}
	for name, p := range table.Models {
		if p.Input <= 0 || p.CachedInput > p.Input || p.Output < p.Input || p.BatchDiscount != 0.5 {
			t.Errorf("%s: %+v", name, p)
		}
		if newer := strings.HasPrefix(name, "gpt-6"); usesVocabulary(name) == newer {
			t.Errorf("%s: its vocabulary is known: %v", name, !newer)
		}
		if writes := math.Round(1000*p.CacheWrite/p.Input) / 1000; p.MaxInput < 100_000 || writes != 1 && writes != 1.25 || (writes == 1.25) != model.Of(name).CacheWrites {
			t.Errorf("%s: %+v", name, p)
		}
		if p.Long != (LongContext{}) && p.Long != (LongContext{272_000, 2, 1.5}) {
			t.Errorf("%s: %+v", name, p.Long)
		}
		if day, ok := model.Shutdown(name); ok && day.Format(time.DateOnly) <= table.Date {
			t.Errorf("%s: shut down on %v", name, day)
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
		{"gpt-4.1-nano", 0}, // shut down
		{"gpt-6-luna", 0.10},
		{"gpt-6-luna-2026-09-22", 0.10},
		{"gpt-5.6-sol", 4.00},
		{"openai/gpt-6-luna", 0},
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
	wrote := record.Usage{Prompt: 3_000_000, Cached: 1_000_000, CacheWrite: 500_000, Completion: 500_000}
	mini, luna := 2*0.15+0.075+0.5*0.60, 1.5*0.10+0.01+0.5*0.125+0.5*0.50
	for _, c := range []struct {
		model string
		u     record.Usage
		tier  Tier
		want  float64
	}{
		{"gpt-4o-mini", u, Standard, mini},
		{"gpt-4o-mini", u, "default", mini},
		{"gpt-4o-mini", u, Batch, mini / 2},
		{"gpt-4.1-2025-04-14", u, Standard, 2*2.00 + 0.50 + 0.5*8.00},
		{"gpt-6-luna", wrote, Standard, luna},
		{"gpt-6-luna", wrote, Flex, luna / 2},
		{"gpt-6-luna", wrote, Batch, luna / 2},
		{"gpt-4o", wrote, Standard, 2*2.50 + 1.25 + 0.5*10.00}, // its writes cost what others do
	} {
		if got, ok := Builtin().Cost(c.model, c.u, c.tier); !ok || !near(got, c.want) {
			t.Errorf("%s, %q: got %v, want %v", c.model, c.tier, got, c.want)
		}
	}
	for model, tier := range map[string]Tier{"llama": Standard, "gpt-4o-mini": Flex, "gpt-6.2-sol": Flex, "gpt-6-luna": "priority"} {
		if got, ok := Builtin().Cost(model, u, tier); ok || got != 0 {
			t.Errorf("%s, %q: costs %v, %v", model, tier, got, ok)
		}
	}
}

func TestCallsWithLongPromptsCostMore(t *testing.T) {
	for _, c := range []struct {
		model  string
		prompt int
		factor float64 // of the prompt, and that of the answer is a half smaller
	}{
		{"gpt-6-luna", 272_000, 1}, {"gpt-6-luna", 272_001, 2}, {"gpt-5.6-sol", 300_000, 2}, {"gpt-5.4", 300_000, 2}, {"gpt-4.1", 300_000, 1},
	} {
		p, _ := Builtin().Find(c.model)
		want := (float64(c.prompt-1000)*p.Input*c.factor + 1000*p.CachedInput*c.factor + 2000*p.Output*(1+c.factor)/2) / 1e6
		got, ok := Builtin().CallCost(c.model, record.Usage{Prompt: c.prompt, Cached: 1000, Completion: 2000}, Standard)
		if !ok || !near(got, want) {
			t.Errorf("%s, %d: got %v, want %v", c.model, c.prompt, got, want)
		}
	}
}

func TestSpendingIsTheSumOfItsCalls(t *testing.T) {
	s := Builtin().RunCost(Flex)
	s.Add("gpt-6-luna", record.Usage{Prompt: 100_000, Completion: 1000})
	s.Add("gpt-6-luna", record.Usage{})
	s.Add("gpt-5-mini-2025-08-07", record.Usage{Prompt: 300_000})
	s.Add("gpt-6-luna", record.Usage{Prompt: 300_000, Completion: 1000, Reasoning: 900}) // a long prompt, as the sum of short ones is not
	want := (0.1*0.10 + 0.001*0.50 + 0.3*0.25 + 0.3*0.20 + 0.001*0.75) / 2
	if got, whole := s.Amount(); !near(got, want) || !whole {
		t.Errorf("got %v, %v, want %v", got, whole, want)
	}
	s.Add("llama", record.Usage{Prompt: 1})
	if got, whole := s.Amount(); !near(got, want) || whole {
		t.Errorf("got %v, %v, want %v", got, whole, want)
	}
}

func TestTableOfOnesOwn(t *testing.T) {
	table, err := ParseTable("mine.json", []byte(`{"date":"2027-01-02","currency":"EUR","per":1000,
		"models":{"ft:gpt-4o-mini:org::id":{"input":0.5,"output":2},"local":{"input":0,"output":0,"cached_input":0,"batch_discount":1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := table.Cost("ft:gpt-4o-mini:org::id", record.Usage{Prompt: 1000, Cached: 500, Completion: 1000}, Batch)
	if !ok || !near(got, 2.5) {
		t.Errorf("got %v, %v", got, ok)
	}
	if got, ok := table.Cost("local", record.Usage{Prompt: 1000}, Standard); !ok || got != 0 {
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
		{strings.Replace(good, `"output":2`, `"output":2,"flex_discount":-1`, 1), `f: model "m": flex_discount must be a fraction from 0 to 1, not -1`},
		{strings.Replace(good, `"output":2`, `"output":2,"max_input":-1`, 1), `f: model "m": long_context and max_input`},
		{strings.Replace(good, `"output":2`, `"output":2,"long_context":{"input":2}`, 1), `f: model "m": long_context and max_input`},
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
			if cost, ok := table.Cost(model, record.Usage{Prompt: 10, Cached: 5, Completion: 1}, Batch); !ok || cost < 0 {
				t.Errorf("%s costs %v", model, cost)
			}
		}
	})
}
