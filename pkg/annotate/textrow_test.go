package annotate_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/score"
)

// notes are text rows of two sentences, each with a row for DRUG and one for DOSE.
func notes(t *testing.T) *mrc.File {
	t.Helper()
	const text = `[
{"context":"Zoë: “Lipitor”/metformin (10 mg).","entity_label":"DRUG","form":"text","spans":[[6,13],[15,24]],"qas_id":"0.1","document":"a.txt","offset":2,"offset_bytes":5},
{"context":"Zoë: “Lipitor”/metformin (10 mg).","entity_label":"DOSE","form":"text","spans":[[26,31]],"qas_id":"0.2","document":"a.txt","offset":2,"offset_bytes":5},
{"context":"Party\nart.","entity_label":"DRUG","form":"text","spans":[],"qas_id":"1.1","document":"b.txt","offset":0,"offset_bytes":0},
{"context":"Party\nart.","entity_label":"DOSE","form":"text","spans":[],"qas_id":"1.2","document":"b.txt","offset":0,"offset_bytes":0}]`
	path := filepath.Join(t.TempDir(), "mrc-ner.notes")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return openFile(t, path)
}

var noteAnswers = []string{"Zoë: “@@Lipitor##”/@@metformin## (10 mg).", "Zoë: “Lipitor”/metformin @@(10 mg)##.", "P@@art##y\nart.", `["5 mg"]`}

// answerNotes answers the rows; with rows, records have nothing but their ids.
func answerNotes(t *testing.T, f, rows *mrc.File) *annotate.Joined {
	t.Helper()
	var lines []byte
	for i, answer := range noteAnswers {
		rec := record.Result{ID: record.NewID("notes", i, nil), Index: i, Total: len(noteAnswers), Output: answer}
		var row mrc.Row
		if err := f.Decode(i, &row); err != nil {
			t.Fatal(err)
		}
		if rows == nil {
			p, err := f.Position(i)
			if err != nil {
				t.Fatal(err)
			}
			rec.Label, rec.Context, rec.Origin = row.Label, row.Context, record.Origin{Sentence: fmt.Sprint(i / 2), Form: record.TextForm, Position: p}
		}
		lines = record.AppendResult(lines, &rec)
	}
	r := collect.New(collect.Options{Join: true, Rows: rows})
	if _, err := r.Read("r", bytes.NewReader(lines)); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(r, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func spellNotes(t *testing.T, j *annotate.Joined) (lines []string) {
	t.Helper()
	err := j.Each(t.Context(), func(s *annotate.Annotation) error {
		line := fmt.Sprintf("%s %s %d %d:", s.ID, s.Position.Document, s.Position.Chars, s.Position.Bytes)
		if s.Unit != markup.Char || s.Tokens != nil {
			t.Errorf("unit %v, tokens %q", s.Unit, s.Tokens)
		}
		for _, e := range s.Entities {
			line += fmt.Sprintf(" %s(%s %s)", e.Label, string([]rune(s.Text)[e.Start:e.End]), e.How)
		}
		for _, u := range s.Unused {
			line += fmt.Sprintf(" -%s(%s, %s)", u.Label, u.Text, u.Reason)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestTextRowsAreTheSameWithAndWithoutTheirFile(t *testing.T) {
	f := notes(t)
	want := []string{"0 a.txt 2 5: DRUG(Lipitor exact) DRUG(metformin exact) DOSE((10 mg) exact)", "1 b.txt 0 0: DRUG(art exact) -DOSE(5 mg, hallucinated)"}
	if d := cmp.Diff(want, spellNotes(t, answerNotes(t, f, f))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, spellNotes(t, answerNotes(t, f, nil))); d != "" {
		t.Error(d)
	}
}

func TestScoresOfTextRowsCountCharacters(t *testing.T) {
	f := notes(t)
	j := answerNotes(t, f, f)
	for match, want := range map[score.Match]score.Counts{score.Strict: {TP: 2, FP: 2, FN: 1}, score.Boundary: {TP: 2, FP: 2, FN: 1}, score.Overlap: {TP: 3, FP: 1}} {
		e, err := j.Score(t.Context(), match, 0, 1, nil)
		if err != nil || e.Micro.Counts != want {
			t.Errorf("%v: %+v, %v", match, e, err)
		}
	}
	if _, err := j.Score(t.Context(), score.Published, 0, 1, nil); !errors.Is(err, annotate.ErrPublishedText) {
		t.Error(err)
	}
}

func TestTheTextOfGoldTextRowsIsOnOneLineEach(t *testing.T) {
	j, err := annotate.Gold(notes(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := j.WriteText(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := "Zoë: “@@Lipitor##”/@@metformin## (10 mg).\nZoë: “Lipitor”/metformin (@@10 mg##).\nParty art.\nParty art.\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

func TestADroppedEntityOfATextRowIsNoLongerMarked(t *testing.T) {
	f := notes(t)
	j := answerNotes(t, f, f)
	j.Drop(0, "", markup.Span{Start: 6, End: 13})
	if got := spellNotes(t, j)[0]; got != "0 a.txt 2 5: DRUG(metformin exact) DOSE((10 mg) exact)" {
		t.Error(got)
	}
	var out strings.Builder
	if err := j.WriteText(t.Context(), &out); err != nil || !strings.HasPrefix(out.String(), "Zoë: “Lipitor”/@@metformin## (10 mg).\n") {
		t.Errorf("%s, %v", &out, err)
	}
}

func TestRecordsNameTheirSentences(t *testing.T) {
	var lines []byte
	for _, r := range []struct {
		index           int
		sentence, label string
	}{{0, "0", "A"}, {3, "1", "A"}, {1, "0", "B"}, {7, "3", "B"}, {8, "3", "C"}, {6, "3", "A"}} {
		lines = record.AppendResult(lines, &record.Result{ID: record.NewID("test", r.index, nil), Index: r.index, Total: 9, Label: r.label, Context: "x y", Origin: record.Origin{Sentence: r.sentence}, Output: "@@x## y"})
	}
	results := collect.New(collect.Options{Join: true})
	if _, err := results.Read("r", bytes.NewReader(lines)); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(results, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0: A(x exact) B(x exact) =", "1: A(x exact) =", "3: A(x exact) B(x exact) C(x exact) ="}, spell(t, j)); d != "" {
		t.Error(d)
	}
}
