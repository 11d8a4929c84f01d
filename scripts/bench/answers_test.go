package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"nertools/pkg/markup"
	"nertools/pkg/record"
)

func TestEachFlawIsWhatItsNameSays(t *testing.T) {
	const sentence = "ba dehu @@Tehenon## , ru ki goruhiso @@Run Fomuteton## tisepe hesikesi ."
	var original markup.Original
	var aligner markup.Aligner
	original.Reset("ba dehu Tehenon , ru ki goruhiso Run Fomuteton tisepe hesikesi .")
	want := map[string]struct {
		class  markup.Fidelity
		damage markup.Damage
	}{
		"glued":    {markup.Spacing, markup.Glued},
		"unclosed": {markup.Same, markup.Unbalanced},
		"spaced":   {markup.Same, markup.Spaced},
		"chatter":  {markup.Chatter, 0},
		"part":     {markup.Part, 0},
		"spacing":  {markup.Spacing, markup.Glued},
		"recased":  {markup.Tokens, 0},
	}
	for i, f := range flaws {
		a := aligner.Align(&original, f.spoil(sentence), markup.Question{})
		if w := want[f.name]; a.Class != w.class || a.Damage != w.damage {
			t.Errorf("%s: %q is of class %s with damage %v", f.name, f.spoil(sentence), a.Class, a.Damage.Names())
		}
		if spoilsMarks := f.spoil(original.Text) == original.Text; spoilsMarks != (i < ofMarks) {
			t.Errorf("%s: spoils nothing but marks: %t", f.name, spoilsMarks)
		}
	}
}

func TestDamageSpoilsTheStatedShareInEveryWay(t *testing.T) {
	const n = 20_000
	chance := func() *rand.Rand { return rand.New(rand.NewPCG(7, 7)) }
	for answer, ways := range map[string]int{"a @@Ban## b , c .": len(flaws), "a Ban b , c .": len(flaws) - ofMarks} {
		first, second := chance(), chance()
		count := map[string]int{}
		for range n {
			spoilt, flaw := damage(first, answer)
			if again, same := damage(second, answer); again != spoilt || same != flaw {
				t.Fatalf("equal chances give %q and %q", spoilt, again)
			}
			if (flaw == "") != (spoilt == answer) {
				t.Fatalf("flaw %q: %q", flaw, spoilt)
			}
			count[flaw]++
		}
		if share := 1 - float64(count[""])/n; math.Abs(share-damaged) > 0.01 {
			t.Errorf("%q: %.3f are damaged, want %.2f", answer, share, damaged)
		}
		if len(count)-1 != ways {
			t.Errorf("%q: damaged in %d ways, want %d: %v", answer, len(count)-1, ways, count)
		}
	}
}

func TestAnswersAreOfTheRowsAndCounted(t *testing.T) {
	dir := generated(t, size{test: 200, train: 1})
	path := filepath.Join(dir, "results.jsonl")
	n, err := writeAnswers(path, filepath.Join(dir, testFile))
	if err != nil {
		t.Fatal(err)
	}
	rows := items(t, filepath.Join(dir, testFile))
	in := bytes.SplitAfter(read(t, path), []byte("\n"))
	if n.rows != len(rows) || len(in) != len(rows)+1 {
		t.Fatalf("%d answers in %d lines for %d rows", n.rows, len(in)-1, len(rows))
	}
	var got tally
	var original markup.Original
	var aligner markup.Aligner
	for i, row := range rows {
		r, err := record.ParseResult(in[i])
		if err != nil {
			t.Fatal(err)
		}
		if !r.OK() || r.Index != i || r.Total != len(rows) || r.Label != row.Label || r.Context != row.Context {
			t.Fatalf("row %d: got %s", i, in[i])
		}
		got.rows++
		if len(row.Start) > 0 {
			got.marked++
		}
		original.Reset(row.Context)
		if a := aligner.Align(&original, r.Output, markup.Question{}); a.Class != markup.Same || a.Damage != 0 {
			got.damaged++
		} else if len(a.Found) != len(row.Start) {
			t.Errorf("row %d: %d entities in %q, want %d", i, len(a.Found), r.Output, len(row.Start))
		}
	}
	if got != n {
		t.Errorf("counted %+v, but the file has %+v", n, got)
	}
}
