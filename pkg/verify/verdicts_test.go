package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/verify"
)

const met = "Ada Li met Bob Li in Rome ."

// found is what a model found in three rows.
func found() []verify.Candidate {
	return []verify.Candidate{
		candidate(0, "PER", met, 0, 2), candidate(0, "PER", met, 3, 5), candidate(1, "LOC", met, 6, 7), candidate(5, "PER", "\"Cy\" slept .", 0, 1),
	}
}

// questionLines gives the question about each candidate as a line, and as parsed.
func questionLines(t testing.TB, list []verify.Candidate) (lines []string, prompts []record.Prompt) {
	t.Helper()
	prompts, out := asked(t, verify.Questions{}, list)
	return strings.SplitAfter(string(out), "\n")[:len(prompts)], prompts
}

// said is the result record that answers a question.
func said(p record.Prompt, output string) string {
	return string(record.AppendResult(nil, &record.Result{ID: p.ID, Index: p.Index, Label: p.Label, Context: p.Context, Output: output, Extra: p.Extra}))
}

func failed(p record.Prompt) string {
	return string(record.AppendResult(nil, &record.Result{ID: p.ID, Index: p.Index, Label: p.Label, Failure: &record.Failure{Class: record.Timeout, Message: "m"}, Extra: p.Extra}))
}

// batch and batchFailed are the lines of a batch, which tell the id alone.
func batch(p record.Prompt, output string) string {
	return fmt.Sprintf(`{"id":"b","custom_id":%q,"response":{"status_code":200,"body":{"choices":[{"message":{"content":%q},"finish_reason":"stop"}]}},"error":null}`+"\n", p.ID, output)
}

func batchFailed(p record.Prompt) string {
	return fmt.Sprintf(`{"id":"b","custom_id":%q,"response":null,"error":{"code":"batch_expired","message":"m"}}`+"\n", p.ID)
}

// decide reads inputs named a, b, c and so on and decides on the candidates.
func decide(list []verify.Candidate, inputs ...string) ([]verify.Verdict, verify.Tally, error) {
	v := verify.NewVerdicts("test", nil)
	for i, in := range inputs {
		if _, err := v.Read(string(rune('a'+i)), strings.NewReader(in)); err != nil {
			return nil, verify.Tally{}, err
		}
	}
	return v.Decide(list)
}

func TestEachEntityHasTheVerdictOfItsLastAnswer(t *testing.T) {
	list := found()
	lines, q := questionLines(t, list)
	everyLine := strings.Join(lines, "")
	for _, c := range []struct {
		name   string
		inputs []string
		want   string
	}{
		{"nothing asked", nil, "not asked, not asked, not asked, not asked"},
		{"an empty file", []string{""}, "not asked, not asked, not asked, not asked"},
		{"questions alone", []string{everyLine}, "not asked, not asked, not asked, not asked"},
		{"answers in any order", []string{said(q[3], "Yes.") + said(q[0], "**No**"), said(q[2], "perhaps")}, "no, not asked, unclear, yes"},
		{"a failure", []string{failed(q[1]) + said(q[0], "yes")}, "yes, failed, not asked, not asked"},
		{"a later answer beats an earlier one", []string{said(q[0], "yes") + said(q[1], "no"), said(q[0], "no") + said(q[1], "perhaps")}, "no, unclear, not asked, not asked"},
		{"a failure never beats an answer", []string{said(q[0], "no") + failed(q[0]), failed(q[1]) + said(q[1], "yes") + failed(q[1])}, "no, yes, not asked, not asked"},
		{"a batch, the questions before it", []string{everyLine, batch(q[0], "no") + batchFailed(q[1])}, "no, failed, not asked, not asked"},
		{"a batch, the questions behind it", []string{batch(q[2], "no") + batch(q[3], "Answer: yes"), everyLine}, "not asked, not asked, no, yes"},
		{"a batch and what was asked again", []string{batch(q[0], "yes") + batchFailed(q[1]), said(q[0], "no") + said(q[1], "no")}, "no, no, not asked, not asked"},
		{"the same lines twice", []string{everyLine + said(q[0], "no"), everyLine + said(q[0], "no")}, "no, not asked, not asked, not asked"},
		{"a torn last line", []string{said(q[0], "no") + lines[1][:40]}, "no, not asked, not asked, not asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdicts, counts, err := decide(list, c.inputs...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			want := map[string]int{}
			for _, v := range verdicts {
				got = append(got, v.String())
				want[v.String()]++
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
			n := map[string]int{"yes": counts.Yes, "no": counts.No, "unclear": counts.Unclear, "failed": counts.Failed, "not asked": counts.NotAsked}
			maps.DeleteFunc(n, func(_ string, n int) bool { return n == 0 })
			if d := cmp.Diff(want, n); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestATornLineIsNamed(t *testing.T) {
	lines, q := questionLines(t, found())
	v := verify.NewVerdicts("test", nil)
	if d, err := v.Read("a", strings.NewReader(said(q[0], "no")+lines[1][:40])); d.Torn != 2 || err != nil {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := v.Read("b", strings.NewReader(said(q[0], "no"))); d.Lines != nil || err != nil {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestVerdictsOnChangedResultsAreRefused(t *testing.T) {
	_, q := questionLines(t, found())
	verdicts := said(q[0], "yes") + said(q[1], "no") + said(q[2], "yes")
	const gone = `a:2: the results changed since they were verified: row 0 (from 0) has no PER entity "Bob Li" at tokens 3 to 4`
	for _, c := range []struct {
		name   string
		change func(list []verify.Candidate) []verify.Candidate
		want   string // "" for a change that does not matter
	}{
		{"none", func(l []verify.Candidate) []verify.Candidate { return l }, ""},
		{"another entity found", func(l []verify.Candidate) []verify.Candidate {
			return slices.Insert(l, 2, candidate(0, "PER", met, 6, 7))
		}, ""},
		{"one that was not asked about gone", func(l []verify.Candidate) []verify.Candidate { return l[:3] }, ""},
		{"gone", func(l []verify.Candidate) []verify.Candidate { return slices.Delete(l, 1, 2) }, gone},
		{"all gone", func([]verify.Candidate) []verify.Candidate { return nil }, strings.NewReplacer("a:2", "a:1", "Bob", "Ada", "3 to 4", "0 to 1").Replace(gone)},
		{"longer", func(l []verify.Candidate) []verify.Candidate { l[1].Span.End++; l[1].Text = "Bob Li in"; return l }, gone},
		{"other words there", func(l []verify.Candidate) []verify.Candidate { l[1].Text = "Bob Lee"; return l }, gone},
		{"another label", func(l []verify.Candidate) []verify.Candidate { l[1].Label = "LOC"; return l }, gone},
		{"another row", func(l []verify.Candidate) []verify.Candidate { l[1].Row = 1; return l }, gone},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := decide(c.change(found()), verdicts)
			_, stale := errors.AsType[*verify.StaleError](err)
			switch {
			case c.want == "" && err != nil, c.want != "" && (err == nil || err.Error() != c.want || !stale):
				t.Errorf("got  %v\nwant %s", err, c.want)
			case c.want != "" && !strings.Contains(fault.Hint(err), "again from these results"):
				t.Errorf("the remedy is %q", fault.Hint(err))
			}
		})
	}
}

func TestABrokenLineCostsNoVerdict(t *testing.T) {
	lines, q := questionLines(t, found())
	for name, input := range map[string]string{
		"a page":            "<html>\n" + said(q[0], "no") + said(q[1], "yes"),
		"a cut line":        said(q[0], "no") + lines[2][:len(lines[2])/2] + "\n" + said(q[1], "yes"),
		"no newline before": said(q[0], "no") + lines[2][:len(lines[2])/2] + said(q[1], "yes"),
	} {
		v := verify.NewVerdicts("test", nil)
		damage, err := v.Read("a", strings.NewReader(input))
		if err != nil || damage.Broken != 1 {
			t.Errorf("%s: %+v, %v", name, damage, err)
		}
		_, counts, err := v.Decide(found())
		if err != nil || counts.No != 1 || counts.Yes != 1 {
			t.Errorf("%s: %+v, %v", name, counts, err)
		}
	}
}

func TestRecordsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	list := found()
	lines, q := questionLines(t, list)
	change := func(line, old, new string) string {
		if !strings.Contains(line, old) {
			t.Fatalf("no %s in %s", old, line)
		}
		return strings.Replace(line, old, new, 1)
	}
	ours := "a:1: id " + fmt.Sprintf("%q", q[0].ID)
	for _, c := range []struct{ name, input, want string }{
		{"another source", change(said(q[0], "yes"), "test.verify", "dev.verify"), `a:1: id "dev.verify/64/`},
		{"the answers that were verified", change(said(q[0], "yes"), "test.verify", "test"), `a:1: id "test/64/`},
		{"an id of another tool", change(batch(q[0], "yes"), q[0].ID, "request-17"), `a:1: id "request-17" does not belong to a question`},
		{"another index", change(said(q[0], "yes"), `"index":64`, `"index":65`), ours + ` is not that of index 65`},
		{"another row", change(said(q[0], "yes"), `"row":0`, `"row":1`), ours + ` asks about row 0, but its entity is in row 1`},
		{"another question of the same index", said(q[0], "yes") + change(said(q[0], "no"), q[0].ID[len(q[0].ID)-12:], "0123456789ab"), `a:2: id "test.verify/64/0123456789ab" asks another question than in a:1`},
		{"other words under one id", said(q[0], "yes") + change(said(q[0], "no"), "Ada Li\"}", "Ada Lee\"}"), "a:2" + ours[3:] + ` asks another question than in a:1`},
		{"other words than the question's", lines[0] + change(said(q[0], "no"), "Ada Li\"}", "Ada Lee\"}"), "a:2" + ours[3:] + ` asks another question than in a:1`},
		{"another label under one id", said(q[0], "yes") + change(said(q[0], "no"), `"PER"`, `"LOC"`), "a:2" + ours[3:] + ` asks another question than in a:1`},
		{"half an entity", change(said(q[0], "yes"), `,"text":"Ada Li"`, ""), `a:1: "entity" must contain row, start, end and text, not {"row":0,"start":0,"end":2}`},
		{"an entity without length", change(said(q[0], "yes"), `"end":2`, `"end":0`), `a:1: "entity" must contain`},
		{"no JSON", "yes\nno\n", `a:1: not a JSON object`},
		{"a request of a batch", `{"custom_id":"test.verify/1/0123456789ab","method":"POST","url":"/v1/chat/completions","body":{}}`, `a:1: neither "response" nor "error" in it`},
		{"a record of another kind", `{"kind":"job","v":1}`, "a:1: a job record where a result record should be"},
		{"a batch without its questions", said(q[1], "yes") + batch(q[0], "no"), "a:2: an answer without the entity that it is about"},
		{"a batch's failure without its question", batchFailed(q[0]), "a:1: an answer without the entity that it is about"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := decide(list, c.input)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if fault.Hint(err) == "" {
				t.Error("no remedy")
			}
		})
	}
}

func TestEveryVerdictFindsItsEntityAgain(t *testing.T) {
	list := entities(t, open(t, mrc.Path(news, "test")))
	words := []string{"yes", "no", "perhaps", ""}
	want := []verify.Verdict{verify.Yes, verify.No, verify.Unclear, verify.Failed, verify.NotAsked}
	var in []string
	for i, p := range questions(t, verify.Questions{Examples: 2, Train: open(t, mrc.Path(news, "train"))}, list) {
		switch i % 5 {
		case 3:
			in = append(in, failed(p))
		case 4:
		default:
			in = append(in, said(p, words[i%5]))
		}
	}
	slices.Reverse(in)
	got, counts, err := decide(list, strings.Join(in, ""))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != want[i%5] {
			t.Errorf("entity %d: %s, want %s", i, v, want[i%5])
		}
	}
	if n := counts.Entities(); n != len(list) {
		t.Errorf("%d counted, %d entities", n, len(list))
	}
}

func TestARefusedEntityIsDropped(t *testing.T) {
	var lines []byte
	for i, output := range []string{"@@Ada Li## met @@Bob Li## in Rome .", "Ada Li met Bob Li in @@Rome## ."} {
		lines = record.AppendResult(lines, &record.Result{ID: record.NewID("test", i, nil), Index: i, Total: 2, Label: []string{"PER", "LOC"}[i], Context: met, Output: output})
	}
	results := collect.New(collect.Options{Join: true})
	if _, err := results.Read("r", bytes.NewReader(lines)); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(results, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := verify.Candidates(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	want := []verify.Candidate{candidate(0, "PER", met, 0, 2), candidate(0, "PER", met, 3, 5), candidate(1, "LOC", met, 6, 7)}
	for i := range want {
		want[i].Origin.Sentence = "0"
	}
	if d := cmp.Diff(want, list); d != "" {
		t.Fatal(d)
	}
	_, q := questionLines(t, list)
	v := verify.NewVerdicts(j.Source(), nil)
	if _, err := v.Read("v", strings.NewReader(said(q[0], "no")+said(q[1], "yes"))); err != nil {
		t.Fatal(err)
	}
	n, err := v.Apply(t.Context(), j)
	if d := cmp.Diff(verify.Tally{Yes: 1, No: 1, NotAsked: 1}, n); d != "" || err != nil {
		t.Fatal(d, err)
	}
	if list, err = verify.Candidates(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want[1:], list); d != "" {
		t.Error(d)
	}
	_, err = v.Apply(t.Context(), j)
	if _, stale := errors.AsType[*verify.StaleError](err); !stale {
		t.Errorf("verdicts on entities that are gone: %v", err)
	}
}

func TestASourceOfAnyNameKeepsItsVerdicts(t *testing.T) {
	for _, name := range []string{"test", "été", strings.Repeat("long", 20), "", strings.Repeat("x", 40), "a/b c"} {
		list := found()
		prompts, _ := asked(t, verify.Questions{Source: name}, list)
		if name == "" {
			name = "test" // as asked has it
		}
		for _, source := range []string{name, record.SourceName(name)} {
			v := verify.NewVerdicts(source, nil)
			if _, err := v.Read("a", strings.NewReader(said(prompts[0], "no"))); err != nil {
				t.Fatal(err)
			}
			if got, _, err := v.Decide(list); err != nil || got[0] != verify.No {
				t.Errorf("%q: %v, %v", source, got, err)
			}
		}
		if len(prompts[0].ID) > 64 {
			t.Errorf("%q is longer than 64 bytes", prompts[0].ID)
		}
	}
}

func FuzzReadVerdicts(f *testing.F) {
	lines, q := questionLines(f, found())
	for _, s := range []string{lines[0], said(q[0], "no"), failed(q[1]), lines[3] + batch(q[3], "yes"), batchFailed(q[2]), `{"kind":"prompt"}`, "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		verdicts, counts, err := decide(found(), s)
		if err == nil && (len(verdicts) != 4 || counts.Entities() != 4) {
			t.Errorf("%v, %+v", verdicts, counts)
		}
	})
}
