package mrc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/mrc"
)

func TestRowsOfOneSentenceAreFoundTogether(t *testing.T) {
	q := func(id, context, label string) string {
		return strings.Replace(row(context, label), "{", fmt.Sprintf(`{"qas_id": %q, `, id), 1)
	}
	for _, c := range []struct {
		name string
		rows []string
		want []mrc.Group
	}{
		{"by qas_id", []string{q("0.1", "a", "PER"), q("0.2", "a", "LOC"), q("7.1", "b", "PER"), q("7.2", "b", "LOC")},
			[]mrc.Group{{ID: "0", Rows: []int{0, 1}}, {ID: "7", Rows: []int{2, 3}}}},
		{"by qas_id, not side by side", []string{q("0.1", "a", "PER"), q("1.1", "b", "PER"), q("0.2", "a", "LOC"), q("1.2", "b", "LOC")},
			[]mrc.Group{{ID: "0", Rows: []int{0, 2}}, {ID: "1", Rows: []int{1, 3}}}},
		{"the same text twice", []string{q("0.1", "a", "PER"), q("0.2", "a", "LOC"), q("1.1", "a", "PER"), q("1.2", "a", "LOC")},
			[]mrc.Group{{ID: "0", Rows: []int{0, 1}}, {ID: "1", Rows: []int{2, 3}}}},
		{"files put together", []string{q("0.1", "a", "PER"), q("0.1", "b", "PER"), q("0.2", "a", "LOC"), q("0.2", "b", "LOC"), q("0.1", "a", "PER")},
			[]mrc.Group{{ID: "0", Rows: []int{0, 2}}, {ID: "0~2", Rows: []int{1, 3}}, {ID: "0~3", Rows: []int{4}}}},
		{"from 0 again", []string{q("0.1", "a", "PER"), q("0.2", "a", "LOC"), q("1.1", "b", "PER"), q("0.1", "c", "PER"), q("1.2", "b", "LOC"), q("2.1", "d", "PER"), q("0.3", "a", "ORG")},
			[]mrc.Group{{ID: "0", Rows: []int{0, 1, 6}}, {ID: "1", Rows: []int{2, 4}}, {ID: "0~2", Rows: []int{3}}, {ID: "2", Rows: []int{5}}}},
		{"numbers of another form", []string{q("0.1", "a", "PER"), q("00.1", "b", "PER"), q("1~2.1", "c", "PER"), q("1.1", "d", "PER"), q("1.1", "e", "PER")},
			[]mrc.Group{{ID: "0", Rows: []int{0}}, {ID: "00", Rows: []int{1}}, {ID: "1~2", Rows: []int{2}}, {ID: "1", Rows: []int{3}}, {ID: "1~3", Rows: []int{4}}}},
		{"a dot in S", []string{q("doc.3.1", "a", "PER"), q("doc.3.2", "a", "LOC")}, []mrc.Group{{ID: "doc.3", Rows: []int{0, 1}}}},
		{"without qas_id", []string{row("a", "PER"), row("a", "LOC"), row("a", "PER"), row("b", "PER"), row("a", "LOC")},
			[]mrc.Group{{ID: "0", Rows: []int{0, 1}}, {ID: "1", Rows: []int{2}}, {ID: "2", Rows: []int{3}}, {ID: "3", Rows: []int{4}}}},
		{"a qas_id of another form", []string{q("x", "a", "PER"), q("y", "a", "LOC")}, []mrc.Group{{ID: "0", Rows: []int{0, 1}}}},
		{"some with, some without", []string{q("1.1", "a", "PER"), row("a", "PER"), row("a", "LOC"), q("1.2", "a", "LOC")},
			[]mrc.Group{{ID: "1", Rows: []int{0, 3}}, {ID: "1~2", Rows: []int{1, 2}}}},
		{"escaped", []string{q("0.1", "a\t\"b\"", "PER"), q("0.2", "a\t\"b\"", "LOC")}, []mrc.Group{{ID: "0", Rows: []int{0, 1}}}},
	} {
		f := open(t, write(t, "mrc-ner.test", "["+strings.Join(c.rows, ",\n")+"]"))
		got, err := f.Sentences()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func BenchmarkSentences(b *testing.B) {
	var rows []string
	for i := range 20_000 {
		rows = append(rows, strings.Replace(row(fmt.Sprintf("%s number %d .", strings.Repeat("The council met again . ", 5), i/4), string(rune('A'+i%4))), "{", fmt.Sprintf(`{"qas_id": "%d.%d", `, i/4, i%4), 1))
	}
	f := open(b, write(b, "mrc-ner.test", "["+strings.Join(rows, ",\n")+"]"))
	for b.Loop() {
		if got, err := f.Sentences(); err != nil || len(got) != 5000 {
			b.Fatal(len(got), err)
		}
	}
}
