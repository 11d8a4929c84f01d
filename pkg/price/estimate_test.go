package price

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// each yields the requests, then io.EOF.
func each(requests []wire.Request) func() (wire.Request, error) {
	return func() (wire.Request, error) {
		if len(requests) == 0 {
			return wire.Request{}, io.EOF
		}
		q := requests[0]
		requests = requests[1:]
		return q, nil
	}
}

// prompts makes requests like real ones: an instruction, demonstrations that
// come again in other prompts, and a sentence of its own.
func prompts(tb testing.TB, model string, maxTokens, rows int) []wire.Request {
	b, err := wire.NewBuilder(wire.Settings{Model: model, MaxTokens: maxTokens})
	if err != nil {
		tb.Fatal(err)
	}
	var list []wire.Request
	for i := range rows {
		var text strings.Builder
		text.WriteString("Mark the persons in the sentence with @@ and ##, and copy the rest as it is.\n")
		for n := range 16 {
			k := (i*7 + n*n*31) % 500
			fmt.Fprintf(&text, "Sentence: In %d the committee of Ljubljana sent Marija Novak %d to Geneva , where she spoke .\n", 1500+k, k)
			fmt.Fprintf(&text, "Marked: In %d the committee of Ljubljana sent @@Marija Novak %d## to Geneva , where she spoke .\n\n", 1500+k, k)
		}
		fmt.Fprintf(&text, "Sentence: Row %d of the minutes names Dr. Okafor and the others .\nMarked:", i)
		list = append(list, wire.Request{
			Row: record.Result{ID: fmt.Sprintf("test/%d/0123456789ab", i), Index: i, Total: rows}, Path: b.Path(), Body: b.Append(nil, text.String()),
		})
	}
	return list
}

func TestParallelCountIsTheSerialOne(t *testing.T) {
	requests := slices.Concat(prompts(t, "gpt-4o-mini", 512, 300), prompts(t, "gpt-5", 0, 50), prompts(t, "gpt-3.5-turbo-instruct", 16, 20))
	serial, err := Builtin().count(each(requests), 1, wire.MaxBatchRequests, wire.MaxBatchBytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{2, 8} {
		got, err := Builtin().count(each(requests), workers, wire.MaxBatchRequests, wire.MaxBatchBytes)
		if d := cmp.Diff(serial, got); err != nil || d != "" {
			t.Errorf("%d workers: %v %s", workers, err, d)
		}
	}
	var names []string
	rows := 0
	for _, m := range serial.Models {
		names = append(names, m.Name)
		rows += m.Rows
	}
	if !slices.Equal(names, []string{"gpt-3.5-turbo-instruct", "gpt-4o-mini", "gpt-5"}) || rows != 370 || serial.Rows != 370 || serial.Parts != 3 {
		t.Errorf("got %+v", serial)
	}
	if m := serial.Models[1]; m.OutputBound != 300*512 || m.Unbounded != 0 {
		t.Errorf("got %+v", m)
	}
	if m := serial.Models[2]; m.OutputBound != 0 || m.Unbounded != 50 {
		t.Errorf("got %+v", m)
	}
}

func TestCountFindsWhatAllPromptsOfAModelBeginWith(t *testing.T) {
	request := func(model, text string) wire.Request {
		body, err := json.Marshal(map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": text}}})
		if err != nil {
			t.Fatal(err)
		}
		return wire.Request{Path: wire.Chat, Body: body}
	}
	for _, c := range []struct {
		texts []string
		want  int64 // tokens; "hello world" has 2, "é" 1
	}{
		{[]string{"hello world"}, 0},
		{[]string{"hello world!", "hello world?"}, 2},
		{[]string{"hello world", "hello world", "hello world wide"}, 2},
		{[]string{"hello", "world"}, 0},
		{[]string{"hello world", ""}, 0},
		{[]string{"é", "è"}, 0}, // their first bytes are equal
	} {
		for _, workers := range []int{1, 3} {
			var requests []wire.Request
			for _, text := range c.texts {
				requests = append(requests, request("m", text), request("of another beginning", "x"+text))
			}
			e, err := Builtin().count(each(requests), workers, 1, 1)
			if err != nil || e.Models[0].Name != "m" || e.Models[0].Shared != c.want {
				t.Errorf("%q: %+v, %v", c.texts, e, err)
			}
		}
	}
}

func TestCountEndsWithTheFirstFault(t *testing.T) {
	broken := errors.New("broken")
	n := 0
	e, err := Builtin().Count(func() (wire.Request, error) {
		if n++; n > 100 {
			return wire.Request{}, broken
		}
		return prompts(t, "gpt-4o", 1, 1)[0], nil
	}, 0, 0)
	if e != nil || !errors.Is(err, broken) || n != 101 {
		t.Errorf("got %v, %v after %d", e, err, n)
	}
}

func TestPartsKeepTheServicesLimits(t *testing.T) {
	q := wire.Request{Row: record.Result{ID: "t/0/0123456789ab"}, Path: wire.Chat, Body: []byte(`{"model":"m","messages":[]}`)}
	size := len(wire.AppendRequestLine(nil, &q))
	parts := func(maxRequests, maxBytes int, requests ...wire.Request) int {
		t.Helper()
		e, err := Builtin().count(each(requests), 2, maxRequests, maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		if e.Rows != len(requests) {
			t.Errorf("%d rows, want %d", e.Rows, len(requests))
		}
		return e.Parts
	}
	const many = 1 << 30
	for _, c := range []struct{ rows, maxRequests, maxBytes, parts int }{
		{0, 10, many, 0}, {1, 10, many, 1}, {10, 10, many, 1}, {11, 10, many, 2}, {21, 10, many, 3},
		{3, many, 3 * size, 1}, {3, many, 3*size - 1, 2}, {4, many, 3 * size, 2}, {2, many, size - 1, 2},
	} {
		if got := parts(c.maxRequests, c.maxBytes, slices.Repeat([]wire.Request{q}, c.rows)...); got != c.parts {
			t.Errorf("%+v: got %d", c, got)
		}
	}
	// One model and one endpoint a part.
	path, model := q, q
	path.Path, model.Body = wire.Completions, []byte(`{"model":"n","messages":[]}`)
	if got := parts(many, many, q, path, path, q, model); got != 4 {
		t.Errorf("got %d parts", got)
	}
	e, err := Builtin().Count(each([]wire.Request{q, q}), 0, 0)
	if err != nil || e.Parts != 1 || e.Bytes != int64(2*size) {
		t.Errorf("got %+v, %v", e, err)
	}
}

func million(name string, bound int64, unbounded int) Model {
	return Model{Name: name, Rows: 1000, Input: 1_000_000, OutputBound: bound, Unbounded: unbounded}
}

func TestQuoteAddsUp(t *testing.T) {
	e := &Estimate{Rows: 2000, Models: []Model{million("gpt-4.1", 500_000, 0), million("gpt-4o-mini", 512_000, 0)}, Parts: 2, Bytes: 12}
	q := Builtin().Quote(e, Standard, 100, 60_000)
	var got map[string]any
	if err := json.Unmarshal(q.JSON(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "models")
	delete(got, "prices_date")
	want := map[string]any{
		"kind": "estimate", "v": 1., "rows": 2000., "kept": 0., "input_tokens": 2e6, "output_tokens_max": 1_012_000., "reasoning_tokens": 0.,
		"run":   map[string]any{"input": 2.15, "max": 2.15 + 4 + 0.3072},
		"batch": map[string]any{"input": 1.075, "max": 3.2286},
		// 20 minutes for the calls, 50.2 for the tokens.
		"batch_parts": 2., "batch_bytes": 12., "seconds": 3012., "currency": "USD",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, m := range q.Models {
		if m.Vocabulary != "o200k_base" || !m.Own || m.Run == nil || m.Batch == nil {
			t.Errorf("got %+v", m)
		}
	}
	text := strings.Join(q.Lines(), "\n")
	for _, want := range []string{
		"1000 rows for gpt-4.1: about 1000000 tokens in, at most 500000 out\n  at once:    $2.00 for the prompts, at most $6.00 with the answers\n  as a batch: $1.00 for the prompts, at most $3.00 with the answers",
		"all together\n  at once:    $2.15 for the prompts, at most $6.46",
		"as files for a batch: 2 parts, 12 bytes", "about 50m12s", "prices as of " + Builtin().Date,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestQuoteDoesNotGuess(t *testing.T) {
	q := Builtin().Quote(&Estimate{Rows: 2000, Models: []Model{million("gpt-4o-mini", 512_000, 0), million("llama", 512_000, 0)}}, Standard, 0, 0)
	if q.Run != nil || q.Batch != nil || q.Models[0].Run == nil || q.Models[1].Run != nil || q.Models[1].Own || q.Seconds != nil || *q.OutputBound != 1_024_000 {
		t.Errorf("got %s", q.JSON())
	}
	text := strings.Join(q.Lines(), "\n")
	if !strings.Contains(text, "the price is not known") || !strings.Contains(text, "may not be that of llama") || strings.Contains(text, "all together") {
		t.Error(text)
	}

	q = Builtin().Quote(&Estimate{Rows: 1000, Models: []Model{million("gpt-4o-mini", 0, 1)}}, Standard, 0, 1000)
	if q.OutputBound != nil || q.Run.Max != nil || q.Run.Input != 0.15 || q.Batch.Input != 0.075 || q.Seconds != nil {
		t.Errorf("got %s", q.JSON())
	}
	if text := strings.Join(q.Lines(), "\n"); !strings.Contains(text, "an unknown number out") || strings.Contains(text, "with the answers") {
		t.Error(text)
	}
	if q = Builtin().Quote(&Estimate{Rows: 1000, Models: []Model{million("gpt-4o-mini", 0, 1)}}, Standard, 500, 1000); *q.Seconds != 120 {
		t.Errorf("got %v s", *q.Seconds)
	}
}

func TestQuoteOfNothing(t *testing.T) {
	e, err := Builtin().Count(each(nil), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	q := Builtin().Quote(e, Standard, 10, 10)
	if q.Rows != 0 || q.Run.Input != 0 || *q.Run.Max != 0 || *q.Seconds != 0 || q.Parts != 0 || !strings.Contains(string(q.JSON()), `"models":[]`) {
		t.Errorf("got %s", q.JSON())
	}
}

func TestQuoteKnowsTiersLongPromptsAndReasoning(t *testing.T) {
	m := Model{Name: "gpt-6-luna", Rows: 10, Input: 4_000_000, OutputBound: 1_000_000, LongInput: 1_000_000, LongBound: 200_000, Longest: 1_000_000, TooLong: 1, Reasoning: 3}
	e := &Estimate{Rows: 10, Models: []Model{m}}
	plain := 3*0.10 + 1*0.20
	most := plain + 0.8*0.50 + 0.2*0.75
	q := Builtin().Quote(e, Standard, 0, 0)
	if !near(q.Run.Input, plain) || !near(*q.Run.Max, most) || !near(*q.Batch.Max, most/2) || q.Reasoning != nil || q.Models[0].TooLong != 1 {
		t.Errorf("got %s", q.JSON())
	}
	if text := strings.Join(q.Lines(), "\n"); !strings.Contains(text, "how many of the answers' tokens are reasoning is not known") {
		t.Error(text)
	}
	if q := Builtin().Quote(e, Flex, 0, 0); !near(*q.Run.Max, most/2) || !strings.Contains(strings.Join(q.Lines(), "\n"), "at once, flex: $0.2500 for the prompts") {
		t.Errorf("got %s", q.JSON())
	}
	// A price that is not known is not guessed.
	if q := Builtin().Quote(e, "priority", 0, 0); q.Run != nil || q.Models[0].Run != nil || q.Models[0].Batch == nil {
		t.Errorf("got %s", q.JSON())
	}
	if q := Builtin().Quote(&Estimate{Rows: 1, Models: []Model{{Name: "gpt-4o-mini", Rows: 1}}}, Flex, 0, 0); q.Run != nil {
		t.Errorf("got %s", q.JSON())
	}
}

func TestCountFindsWhatCostsMoreOrFails(t *testing.T) {
	table, err := ParseTable("f", []byte(`{"date":"2026-11-26","currency":"USD","per":1,"models":{"gpt-6-luna":{"input":1,"output":1,"long_context":{"above":100,"input":2,"output":1.5},"max_input":1000}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var requests []wire.Request
	for i, words := range []int{10, 500, 5000} {
		for _, effort := range []string{"", "low"} {
			b, err := wire.NewBuilder(wire.Settings{Model: "gpt-6-luna", MaxTokens: 10, Effort: effort})
			if err != nil {
				t.Fatal(err)
			}
			requests = append(requests, wire.Request{Row: record.Result{ID: fmt.Sprintf("t/%d/0123456789ab", i)}, Path: wire.Chat, Body: b.Append(nil, strings.Repeat("hi ", words))})
		}
	}
	e, err := table.Count(each(requests), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := e.Models[0]
	if m.TooLong != 2 || m.Reasoning != 3 || m.Longest < 5000 || m.LongInput < 11_000 || m.LongInput > m.Input-20 || m.LongBound != 40 || m.OutputBound != 60 {
		t.Errorf("got %+v", m)
	}
}

// BenchmarkCount counts prompts whose demonstrations come again, as those of a
// kNN file do.
func BenchmarkCount(b *testing.B) {
	requests := prompts(b, "gpt-4o-mini", 512, 2000)
	var tokens int64
	for b.Loop() {
		e, err := Builtin().Count(each(requests), 0, 0)
		if err != nil {
			b.Fatal(err)
		}
		tokens += e.Models[0].Input
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkCountFresh counts, on one core, text of which nothing is remembered.
func BenchmarkCountFresh(b *testing.B) {
	c := newCounter()
	text := string(prompts(b, "gpt-4o-mini", 512, 1)[0].Body)
	tokens := 0
	for b.Loop() {
		tokens += c.count(text)
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
}
