package report

import (
	"regexp"
	"strings"
	"testing"

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
