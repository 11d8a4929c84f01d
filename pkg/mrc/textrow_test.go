package mrc_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

func TestTextRowsAreReadBackAsTheyWereWritten(t *testing.T) {
	var file bytes.Buffer
	w := mrc.NewWriter(&file, []mrc.Query{{Label: "DRUG", Words: "Which?"}, {Label: "DOSE"}})
	for _, s := range []corpus.Sentence{
		{
			Text: "Zoë took “aspirin” (10\u00a0mg)!", Unit: markup.Char, Position: record.Position{Document: "a/é.txt", Chars: 7, Bytes: 11},
			Entities: []corpus.Entity{{Span: markup.Span{Start: 10, End: 17}, Label: "DRUG"}, {Span: markup.Span{Start: 20, End: 25}, Label: "DOSE"}, {Span: markup.Span{Start: 10, End: 18}, Label: "DRUG"}},
		},
		{ID: "x.y", Text: "None.", Unit: markup.Char},
	} {
		if err := w.Add(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const want = "[\n" +
		`{"context": "Zoë took “aspirin” (10` + "\u00a0" + `mg)!", "document": "a/é.txt", "entity_label": "DRUG", "form": "text", "offset": 7, "offset_bytes": 11, "qas_id": "0.1", "query": "Which?", "spans": [[10, 17], [10, 18]]},` + "\n" +
		`{"context": "Zoë took “aspirin” (10` + "\u00a0" + `mg)!", "document": "a/é.txt", "entity_label": "DOSE", "form": "text", "offset": 7, "offset_bytes": 11, "qas_id": "0.2", "spans": [[20, 25]]},` + "\n" +
		`{"context": "None.", "entity_label": "DRUG", "form": "text", "qas_id": "x.y.1", "query": "Which?", "spans": []},` + "\n" +
		`{"context": "None.", "entity_label": "DOSE", "form": "text", "qas_id": "x.y.2", "spans": []}` + "\n]\n"
	if d := cmp.Diff(want, file.String()); d != "" {
		t.Fatal(d)
	}
	f := open(t, write(t, "mrc-ner.notes", file.String()))
	var got []string
	for i := range f.Len() {
		var r mrc.Row
		if err := f.Decode(i, &r); err != nil || r.Unit != markup.Char || f.Unit(i) != markup.Char || r.Unpaired != 0 {
			t.Error(r, err)
		}
		p, err := f.Position(i)
		if err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprint(r.Label, ":", r.Spans, p))
	}
	if d := cmp.Diff([]string{"DRUG:[{10 17} {10 18}] {a/é.txt 7 11}", "DOSE:[{20 25}] {a/é.txt 7 11}", "DRUG:[] { 0 0}", "DOSE:[] { 0 0}"}, got); d != "" {
		t.Error(d)
	}
	sentences, err := f.Sentences()
	if d := cmp.Diff([]mrc.Group{{ID: "0", Rows: []int{0, 1}}, {ID: "x.y", Rows: []int{2, 3}}}, sentences); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestRowsOfBothFormsShareAFile(t *testing.T) {
	f := open(t, write(t, "mrc-ner.test", `[
{"context": "Ada left .", "entity_label": "PER", "qas_id": "0.1", "start_position": [0], "end_position": [0], "spans": [[9, 9]], "document": 5},
{"context": "Ada left .", "entity_label": "LOC", "qas_id": "0.2", "form": "text", "spans": [ [ 0 , 3 ] , [9,10]] , "start_position": null},
{"context": "Ada left .", "entity_label": "ORG", "qas_id": "0.3", "form": null, "start_position": [1], "end_position": [1]}]`))
	var got []string
	for i := range f.Len() {
		var r mrc.Row
		if err := f.Decode(i, &r); err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprint(r.Unit, r.Spans))
	}
	if d := cmp.Diff([]string{"0 [{0 1}]", "1 [{0 3} {9 10}]", "0 [{1 2}]"}, got); d != "" {
		t.Error(d)
	}
	sentences, err := f.Sentences()
	if d := cmp.Diff([]mrc.Group{{ID: "0", Rows: []int{0, 2}}, {ID: "0~2", Rows: []int{1}}}, sentences); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestAWrongTextRowIsRefused(t *testing.T) {
	for _, c := range []struct{ members, want string }{
		{`"form": "text"`, `no "spans" in a text row`},
		{`"form": "text", "spans": null`, `no "spans" in a text row`},
		{`"form": "html", "spans": []`, `unknown form "html"`},
		{`"form": 1, "spans": []`, `unknown form 1`},
		{`"form": "", "spans": []`, `unknown form ""`},
		{`"form": "text", "spans": [], "start_position": [], "end_position": []`, "positions of tokens in a text row"},
		{`"form": "text", "spans": [], "end_position": 3`, "positions of tokens in a text row"},
		{`"form": "text", "spans": [], "span_position": ["0;1"]`, "positions of tokens in a text row"},
		{`"form": "text", "spans": 5`, `"spans" is not a list of pairs of whole numbers: 5`},
		{`"form": "text", "spans": [0, 2]`, `"spans" is not a list of pairs of whole numbers: [0, 2]`},
		{`"form": "text", "spans": [[0, 2], 5]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [[0, 2], "a"]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [[0]]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [[0, 1, 2]]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [[0, 1.5]]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [[-1, 1]]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [["0", "1"]]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [[0, 99999999999999999999]]`, `"spans" is not a list of pairs`},
		{`"form": "text", "spans": [[0, 2], [2, 5]]`, "the span [2,5] is not in the sentence of 4 characters"},
		{`"form": "text", "spans": [[2, 2]]`, "the span [2,2] is not in the sentence of 4 characters"},
		{`"form": "text", "spans": [[3, 2]]`, "the span [3,2] is not in the sentence of 4 characters"},
		{`"form": "text", "spans": [], "document": 7`, `"document" is not a string`},
		{`"form": "text", "spans": [], "document": "d"`, `a "document" without "offset" and "offset_bytes", whole numbers from 0`},
		{`"form": "text", "spans": [], "document": "d", "offset": 1`, `a "document" without "offset"`},
		{`"form": "text", "spans": [], "document": "d", "offset": 1, "offset_bytes": "1"`, `a "document" without "offset"`},
		{`"form": "text", "spans": [], "document": "d", "offset": -1, "offset_bytes": 1`, `a "document" without "offset"`},
	} {
		path := write(t, "mrc-ner.test", "[\n"+`{"context": "an \u00e9", "entity_label": "PER", `+c.members+"}\n]")
		f, err := mrc.Open(path)
		if err == nil {
			f.Close()
		}
		checkFault(t, err, path, 2, "row 0: "+c.want)
	}
}
