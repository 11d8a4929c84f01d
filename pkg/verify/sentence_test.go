package verify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/record"
	"nertools/pkg/verify"
)

// aboutSentences joins answers about two sentences.
func aboutSentences(t *testing.T) *annotate.Joined {
	t.Helper()
	var lines []byte
	for i, output := range []string{"<PER><ORG>Ada Li</ORG></PER> met <PER>Bob Li</PER> in <LOC>Rome</LOC> .", "<PER>Ada Li</PER> met Bob Li in Rome ."} {
		lines = record.AppendResult(lines, &record.Result{ID: record.NewID("test.sentence", i, nil), Index: i, Total: 2, Labels: []string{"PER", "LOC", "ORG"}, Context: met, Output: output})
	}
	results := collect.New(collect.Options{Join: true})
	if _, err := results.Read("r", strings.NewReader(string(lines))); err != nil {
		t.Fatal(err)
	}
	labels := conll(t)
	j, err := annotate.Join(results, annotate.Options{Labels: &labels})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestEntitiesOfAnswersAboutSentencesAreAskedAboutLabelByLabel(t *testing.T) {
	j := aboutSentences(t)
	list, err := verify.Candidates(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range questions(t, verify.Questions{Source: j.Source()}, list) {
		source, _, _, _ := record.ParseID(p.ID)
		got = append(got, fmt.Sprintf("%s %d %s %s %s", source, p.Index, p.Label, p.Origin.Sentence, p.Extra))
	}
	// CONLL has 4 labels, in the order PER, LOC, ORG, MISC.
	want := []string{
		`test.sentence.verify 64 PER 0 ,"entity":{"sentence":0,"label":"PER","start":0,"end":2,"text":"Ada Li"}`,
		`test.sentence.verify 67 PER 0 ,"entity":{"sentence":0,"label":"PER","start":3,"end":5,"text":"Bob Li"}`,
		`test.sentence.verify 262 LOC 0 ,"entity":{"sentence":0,"label":"LOC","start":6,"end":7,"text":"Rome"}`,
		`test.sentence.verify 576 ORG 0 ,"entity":{"sentence":0,"label":"ORG","start":0,"end":2,"text":"Ada Li"}`,
		`test.sentence.verify 1088 PER 1 ,"entity":{"sentence":1,"label":"PER","start":0,"end":2,"text":"Ada Li"}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	list[0].Row = 1 << 23
	err = func() error {
		job := verify.Questions{Source: "x", Labels: conll(t), Template: wording(t, verify.Templates[0])}
		_, err := job.Write(t.Context(), nil, list[:1])
		return err
	}()
	if err == nil || err.Error() != "sentence 8388608: only the entities of the first 2097152 sentences can be verified" {
		t.Errorf("got %v", err)
	}
}

func TestARefusedEntityIsDroppedFromItsLabelAlone(t *testing.T) {
	j := aboutSentences(t)
	list, err := verify.Candidates(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	prompts, out := asked(t, verify.Questions{Source: j.Source()}, list)
	for name, in := range map[string]string{
		"a run":   said(prompts[0], "no") + said(prompts[3], "yes"),
		"a batch": batch(prompts[0], "no") + batch(prompts[3], "yes") + string(out),
	} {
		j := aboutSentences(t)
		v := verify.NewVerdicts(j.Source(), nil)
		if _, err := v.Read("v", strings.NewReader(in)); err != nil {
			t.Fatal(err)
		}
		n, err := v.Apply(t.Context(), j)
		if d := cmp.Diff(verify.Tally{Yes: 1, No: 1, NotAsked: 3}, n); d != "" || err != nil {
			t.Fatal(name, d, err)
		}
		rest, err := verify.Candidates(t.Context(), j)
		if d := cmp.Diff(list[1:], rest); d != "" || err != nil {
			t.Error(name, d, err)
		}
	}
	for want, in := range map[string]string{
		"sentence 1 (from 0) has no PER entity \"Ada Li\" at tokens 1 to 2": strings.Replace(said(prompts[4], "no"), `"start":0,"end":2`, `"start":1,"end":3`, 1),
		"an answer without the entity":                                      batch(prompts[0], "no"),
		"must contain sentence, label, start, end and text":                 strings.Replace(said(prompts[0], "no"), `"sentence":0,"label":"PER"`, `"sentence":0`, 1),
		`asks about the label "PER", but its entity is of "ORG"`:            strings.Replace(said(prompts[0], "no"), `"sentence":0,"label":"PER"`, `"sentence":0,"label":"ORG"`, 1),
		"does not belong to a question about these results":                 strings.Replace(said(prompts[0], "no"), "test.sentence.verify/", "test.verify/", 1),
	} {
		j := aboutSentences(t)
		v := verify.NewVerdicts(j.Source(), nil)
		_, err := v.Read("v", strings.NewReader(in))
		if err == nil {
			_, err = v.Apply(t.Context(), j)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if e, ok := errors.AsType[*verify.StaleError](err); ok != strings.HasPrefix(want, "sentence") || ok && !e.Whole {
			t.Errorf("%v: stale %v", err, ok)
		}
	}
}
