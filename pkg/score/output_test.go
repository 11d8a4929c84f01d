package score_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/score"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile("testdata/"+name, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s: %s", name, d)
	}
}

// published is a score without the kinds of error.
func published(t *testing.T) *score.Scorer {
	s := score.New(score.Published, []string{"PER"})
	s.AddRows([]score.Case{{Label: "PER", Sentence: "Ada met Bob", Answer: "@@Ada## met Bob", Gold: spans(t, "0-1 2-3")}})
	return s
}

func TestReportsAreShown(t *testing.T) {
	for _, c := range []struct {
		name   string
		report *score.Evaluation
	}{
		{"strict", sample(t, score.Strict).Report(200, 1)},
		{"overlap", sample(t, score.Overlap).Report(0, 0)},
		{"published", published(t).Report(200, 1)},
		{"nothing", score.New(score.Strict, []string{"PER"}).Report(200, 1)},
		{"noentities", nothingMarked().Report(200, 1)},
	} {
		var table bytes.Buffer
		if err := c.report.WriteTable(&table); err != nil {
			t.Fatal(err)
		}
		golden(t, c.name+".txt", table.Bytes())
		var indented bytes.Buffer
		if err := json.Indent(&indented, c.report.JSON(), "", "\t"); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		golden(t, c.name+".json", indented.Bytes())
	}
}

func nothingMarked() *score.Scorer {
	s := score.New(score.Strict, nil)
	s.Add(nil, nil)
	return s
}

func TestATableIsNoWiderThanATerminal(t *testing.T) {
	s := score.New(score.Strict, nil)
	var many []corpus.Entity
	for i := range 1000 {
		many = append(many, corpus.Entity{Span: markup.Span{Start: i, End: i + 1}, Label: "OrganizationThatEmploysPeople"})
	}
	for range 100 {
		s.Add(many, many)
	}
	var table bytes.Buffer
	if err := s.Report(1, 1).WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(table.String()) {
		if len(line) > 101 || strings.HasSuffix(line, " \n") {
			t.Errorf("%q", line)
		}
	}
}

func TestALabelCannotBreakTheTable(t *testing.T) {
	s := score.New(score.Strict, nil)
	s.Add(entities(t, "0-1 P\x1b[31mER"), nil)
	var table bytes.Buffer
	if err := s.Report(0, 0).WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(table.String(), "\x1b") || !strings.Contains(table.String(), "P\uFFFD[31mER ") {
		t.Errorf("%q", table.String())
	}
}

func TestASummaryIsReadBack(t *testing.T) {
	list := []*score.Evaluation{sample(t, score.Overlap).Report(200, 1), sample(t, score.Boundary).Report(0, 0), published(t).Report(0, 0)}
	list[1].Calls = &score.Calls{Number: 3, Input: 100, Output: 20, Cost: 0.25, Currency: "EUR"}
	list[2].Calls = &score.Calls{Number: 3, Cost: math.NaN()}
	for _, r := range list {
		got, err := score.ParseSummary("a.json", r.JSON())
		if err != nil {
			t.Fatal(err)
		}
		want := &score.Summary{Match: r.Match, Sentences: r.Sentences, Micro: r.Micro, Calls: r.Calls}
		want.Micro.Errors = score.Errors{}
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
			t.Error(d)
		}
	}
}

func TestWhatIsNoSummaryIsAFault(t *testing.T) {
	const hint = "give a file of scores written as JSON"
	for in, want := range map[string]string{
		``:                                    "a.json: read a score: unexpected end of JSON input",
		`[]`:                                  "a.json: read a score: json: cannot unmarshal array into Go value of type score.summaryJSON",
		`{}`:                                  "a.json: it is not a score",
		`{"kind":"score","v":2}`:              "a.json: unknown version 2 of scores",
		`{"kind":"score","v":1}`:              `a.json: it has no "micro"`,
		`{"kind":"score","v":1,"micro":{}}`:   `a.json: unknown way to match ""`,
		`{"kind":"score","v":1,"micro":{}} 1`: "a.json: read a score: invalid character '1' after top-level value",
		`{"kind":"score","v":1,"match":"strict","micro":{"fn":-1}}`:                  "a.json: a count is out of range",
		`{"kind":"score","v":1,"match":"strict","micro":{"ci":{"f1":[0.6,0.5]}}}`:    "a.json: [0.6 0.5] is not an interval within [0, 1]",
		`{"kind":"score","v":1,"match":"strict","micro":{},"calls":{"cost":-1}}`:     "a.json: what the calls took is out of range",
		`{"kind":"score","v":1,"match":"strict","micro":{"fn":4611686018427387904}}`: "a.json: a count is out of range",
	} {
		s, err := score.ParseSummary("a.json", []byte(in))
		if err == nil {
			t.Errorf("%s: read as %+v", in, s)
			continue
		}
		if err.Error() != want || fault.Hint(err) != hint {
			t.Errorf("%s: %v; %s", in, err, fault.Hint(err))
		}
	}
}

func FuzzParseSummary(f *testing.F) {
	f.Add(score.New(score.Strict, nil).Report(1, 1).JSON())
	f.Add([]byte(`{"kind":"score","v":1,"match":"overlap","micro":{"tp":1,"ci":{"f1":[0]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := score.ParseSummary("a.json", data)
		if err != nil {
			return
		}
		for _, rate := range []float64{s.Micro.Precision(), s.Micro.Recall(), s.Micro.F1()} {
			if !(rate >= 0 && rate <= 1) {
				t.Fatalf("%+v: %v", s, rate)
			}
		}
	})
}

func TestScoresAreSetBesideEachOther(t *testing.T) {
	list := []*score.Summary{
		{Name: "bm25, 8 examples", Sentences: 1287, Micro: score.Score{Counts: score.Counts{TP: 700, FP: 120, FN: 379},
			Intervals: &score.Intervals{F1: score.Interval{Low: 0.7123, High: 0.7611}}}},
		{Name: "random", Match: score.Published, Sentences: 3},
		{Name: "by label", Sentences: 500, Calls: &score.Calls{Number: 2000, Input: 1_600_000, Output: 40_000, Cost: 0.18, Currency: "USD"}},
		{Name: "own server", Sentences: 500, Calls: &score.Calls{Number: 500, Input: 600_000, Output: 9_000, Cost: math.NaN(), Currency: "USD"}},
	}
	var out bytes.Buffer
	if err := score.WriteComparison(&out, list); err != nil {
		t.Fatal(err)
	}
	golden(t, "comparison.txt", out.Bytes())
	out.Reset()
	if err := score.WriteComparison(&out, list[1:2]); err != nil {
		t.Fatal(err)
	}
	golden(t, "comparison_plain.txt", out.Bytes())
}
