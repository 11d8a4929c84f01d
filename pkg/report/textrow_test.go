package report

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

func TestATextSentenceIsShownAsItIs(t *testing.T) {
	entity := func(start, end int, label string) corpus.Entity {
		return corpus.Entity{Span: markup.Span{Start: start, End: end}, Label: label, How: markup.Exact}
	}
	const words = "Zoë:  “Lipitor”/metformin\r\n(10 <mg>), p\u200bart."
	s := &Prediction{
		Sentence: corpus.Sentence{
			ID: "7", Text: words, Unit: markup.Char, Position: record.Position{Document: `a & "b".txt`, Chars: 100, Bytes: 203},
			Entities: []corpus.Entity{entity(6, 15, "DRUG"), entity(16, 25, "DRUG"), entity(28, 35, "DOSE")},
		},
		Gold: []corpus.Entity{entity(7, 14, "DRUG"), entity(16, 25, "DRUG"), entity(27, 36, "DOSE"), entity(5, 6, "DRUG")}, HasGold: true,
	}
	b := newBody([]string{"DRUG", "DOSE"})
	b.add(s)
	page := string(b.out)
	shown := page[strings.Index(page, "<p "):strings.Index(page, "</p>")]
	shown = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(shown, "")
	if want := text(strings.ReplaceAll(words, "\r", "")); shown != want {
		t.Errorf("got  %q\nwant %q", shown, want)
	}
	for _, want := range []string{
		`title="a &amp; &#34;b&#34;.txt, characters 100 to 144, bytes 203 to 254"`,
		`title="predicted DRUG: correct, characters 116 to 125, bytes 224 to 233"`,
		"predicted", "<bdi>“Lipitor”</bdi>", "<bdi>(10 &lt;mg&gt;)</bdi>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

// testStored shows entities of stored documents, and slices these as doc/formats.md advises
// for JavaScript.
func testStored(t *testing.T, b *window) {
	files := map[string]string{
		"bom.txt":  "\ufeff👩🏽‍💻 took 💊aspirin🇳🇴!\r\n\r\nΗ ασπιρίνη, cafe\u0301 & <b>.\r\n",
		"עברית.md": "החולה נטל אספירין, ו־אקמול. 他服用了阿司匹林。\r\n",
	}
	var list []Prediction
	var want []string
	for _, c := range []struct {
		file, from, to string
		entities       []string
	}{
		{"bom.txt", "👩🏽‍💻", "!", []string{"👩🏽‍💻", "aspirin🇳🇴"}},
		{"bom.txt", "Η", ".", []string{"ασπιρίνη", "cafe\u0301 & <b>"}},
		{"עברית.md", "החולה", ".", []string{"אספירין", "אקמול"}},
		{"עברית.md", "他", "。", []string{"阿司匹林"}},
	} {
		file := files[c.file]
		start := strings.Index(file, c.from)
		end := start + strings.Index(file[start:], c.to) + len(c.to)
		s := Prediction{Sentence: corpus.Sentence{ID: c.from, Text: file[start:end], Unit: markup.Char,
			Position: record.Position{Document: c.file, Chars: utf8.RuneCountInString(strings.TrimPrefix(file[:start], record.ByteOrderMark)), Bytes: start}}}
		for _, entity := range c.entities {
			before, _, _ := strings.Cut(s.Text, entity)
			n := utf8.RuneCountInString(before)
			s.Entities = append(s.Entities, corpus.Entity{Span: markup.Span{Start: n, End: n + utf8.RuneCountInString(entity)}, Label: "X", How: markup.Exact})
			want = append(want, entity, entity)
		}
		list = append(list, s)
	}
	p := b.open(t, &Page{Title: "stored", Labels: []string{"X"}, Sentences: list})
	stored, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	got := eval[[]string](p, `(() => {
		const files = `+string(stored)+`, found = []
		for (const s of document.querySelectorAll("article")) {
			const file = files[s.querySelector("a").title.split(", characters ")[0]]
			const places = new Set([...s.querySelectorAll("b[title]")].map(b => b.title)) // a mark is drawn on each of its words
			for (const place of places) {
				const [start, end, startByte, endByte] = place.split(", characters ")[1].match(/\d+/g).map(Number)
				found.push([...file.replace(/^\ufeff/, "")].slice(start, end).join(""))
				found.push(new TextDecoder().decode(new TextEncoder().encode(file).slice(startByte, endByte)))
			}
		}
		return found
	})()`)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	p.clean()
}
