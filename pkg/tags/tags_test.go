package tags_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/tags"
)

// describe writes a text as "text: label string; label string! problem tag".
func describe(input string, x tags.Parsed) string {
	var parts []string
	for _, s := range x.Spans {
		parts = append(parts, s.Label+" "+x.Text[s.Start:s.End])
	}
	out := x.Text + ": " + strings.Join(parts, "; ")
	for _, p := range x.Problems {
		t := x.Tags[p.Tag]
		out += fmt.Sprintf("! %v %s", p.Kind, input[t.From:t.To])
	}
	return out
}

// known are the labels that the tests know, and "b".
func known(t *tags.Tag) (string, bool) {
	label := strings.ToUpper(t.Label())
	return label, slices.Contains([]string{"PER", "LOC", "B", "WORK OF ART", "人"}, label)
}

func TestTagsBecomeSpans(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"none", "Ada wrote .", "Ada wrote .: "},
		{"empty", "", ": "},
		{"one", "<PER>Ada</PER> wrote .", "Ada wrote .: PER Ada"},
		{"two", "<PER>Ada</PER> in <LOC>Oslo</LOC>", "Ada in Oslo: PER Ada; LOC Oslo"},
		{"case", "<Per>Ada</pER>", "Ada: PER Ada"},
		{"spaces in tags", "<PER >Ada</PER\n>", "Ada: PER Ada"},
		{"spaces in spans", "<PER> Ada </PER>", " Ada : PER  Ada "},
		{"attribute", `<entity type="PER">Ada</entity>`, "Ada: PER Ada"},
		{"attribute in single quotes", `<e id='7' label='PER'>Ada</e>`, "Ada: PER Ada"},
		{"attribute without quotes", `<e class=PER hidden>Ada</e>`, "Ada: PER Ada"},
		{"attribute with references", `<e type="P&#69;R">Ada</e>`, "Ada: PER Ada"},
		{"attribute with brackets", `<e title="a>b<c" type="PER">Ada</e>`, "Ada: PER Ada"},
		{"several words", `<Work of Art>Hamlet</work  of art>`, "Hamlet: WORK OF ART Hamlet"},
		{"letters beyond ASCII", `<人>王</人>`, "王: 人 王"},
		{"nested", "<PER><LOC>Oslo</LOC> Ada</PER>", "Oslo Ada: PER Oslo Ada; LOC Oslo"},
		{"nested, one label", "<PER>a<PER>b</PER>c</PER>", "abc: PER abc; PER b"},
		{"nested, one place", "<PER><LOC>a</LOC></PER>", "a: PER a; LOC a"},
		{"side by side", "<PER>a</PER><PER>b</PER>", "ab: PER a; PER b"},
		{"unknown", "<i>Ada</i> <PER>Bob</PER>", "<i>Ada</i> Bob: PER Bob"},
		{"unknown in known", "<PER>a<i>b</PER>", "a<i>b: PER a<i>b"},
		{"unclosed", "<PER>Ada wrote", "Ada wrote: ! unclosed <PER>"},
		{"unclosed in another", "<PER>Ada <LOC>wrote</PER>", "Ada wrote: PER Ada wrote! unclosed <LOC>! crossing </PER>"},
		{"stray", "Ada</PER> wrote", "Ada wrote: ! stray </PER>"},
		{"another end", "<PER>Ada</LOC>", "Ada: ! unclosed <PER>! stray </LOC>"},
		{"crossing", "<PER>a<LOC>b</PER>c</LOC>", "abc: PER ab; LOC bc! crossing </PER>"},
		{"blank", "<PER></PER>Ada", "Ada: ! blank <PER>"},
		{"empty tag", "<PER/>Ada <PER />", "Ada : ! blank <PER/>! blank <PER />"},
		{"an end without a name is text", "<PER>Ada</> x</PER>", "Ada</> x: PER Ada</> x"},
		{"no tags", `a < b > c <5> <> </> < PER> <PER <PER="x"> <PER x=> <PER "> <PER/ > </PER/> </PER x=y>`,
			`a < b > c <5> <> </> < PER> <PER <PER="x"> <PER x=> <PER "> <PER/ > </PER/> </PER x=y>: `},
		{"escapes are text", "&lt;PER&gt; &amp; &#60;", "&lt;PER&gt; &amp; &#60;: "},
		{"other brackets are text", `[PER]a[/PER] \<PER\>a\</PER\> ＜PER＞a＜/PER＞`, `[PER]a[/PER] \<PER\>a\</PER\> ＜PER＞a＜/PER＞: `},
		{"a tag that is too long", "<PER x=" + strings.Repeat("y", 600) + ">Ada", "<PER x=" + strings.Repeat("y", 600) + ">Ada: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, describe(c.input, tags.Parse(c.input, tags.Options{Label: known}))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTagsAsModelsWriteThem(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"references", "&lt;PER&gt;Ada&lt;/PER&gt; &lt;i&gt; &amp;", "Ada &lt;i&gt; &amp;: PER Ada"},
		{"backslashes", `\<PER\>Ada\</PER\> \<PER>Bob\</PER>`, "Ada Bob: PER Ada; PER Bob"},
		{"a backslash as in JSON", `<e type=\"PER\">Ada<\/e>`, "Ada: PER Ada"},
		{"full width", "＜PER＞Ada＜/PER＞", "Ada: PER Ada"},
		{"square", "[PER]Ada[/PER] [1] [x]", "Ada [1] [x]: PER Ada"},
		{"typographic quotes", "<e type=“PER”>Ada</e>", "Ada: PER Ada"},
		{"an end without a name", "<PER>Ada <LOC>Oslo</></> </>", "Ada Oslo </>: PER Ada Oslo; LOC Oslo"},
		{"mixed", "<PER>Ada&lt;/PER&gt;", "Ada: PER Ada"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, describe(c.input, tags.Parse(c.input, tags.Options{Label: known, Loose: true}))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEscapesAreResolvedOnce(t *testing.T) {
	const input = "AT&amp;T &amp;lt; &lt;b&gt; &nbsp; & <b>x</b>"
	x := tags.Parse(input, tags.Options{Escapes: true})
	if d := cmp.Diff("AT&T &lt; <b> &nbsp; & x: b x", describe(input, x)); d != "" {
		t.Error(d)
	}
}

func TestTagsTellWhereTheyStand(t *testing.T) {
	const input = `x<PER a="b">Ada</PER> </PER>`
	want := []tags.Tag{
		{Name: "PER", Attrs: []tags.Attr{{Name: "a", Value: "b"}}, From: 1, To: 12, Span: 0},
		{Name: "PER", End: true, From: 15, To: 21, Span: 0},
		{Name: "PER", End: true, From: 22, To: 28, Span: -1},
	}
	if d := cmp.Diff(want, tags.Parse(input, tags.Options{}).Tags); d != "" {
		t.Error(d)
	}
}

func TestAppendWrapsSpans(t *testing.T) {
	for _, c := range []struct {
		text  string
		spans []tags.Element
		want  string
	}{
		{"a<b & c", nil, "a&lt;b &amp; c"},
		{"Ada & Bob", []tags.Element{{"PER", 6, 9}, {"PER", 0, 3}}, "<PER>Ada</PER> &amp; <PER>Bob</PER>"},
		{"ab", []tags.Element{{"X", 0, 1}, {"Y", 0, 2}, {"Z", 1, 2}}, "<Y><X>a</X><Z>b</Z></Y>"},
		{"abc", []tags.Element{{"X", 0, 2}, {"Y", 1, 3}}, "<X>a<Y>b</X>c</Y>"},
		{"ab", []tags.Element{{`1 "&`, 0, 2}}, `<entity type="1 &#34;&amp;">ab</entity>`},
	} {
		if got := string(tags.Append(nil, c.text, c.spans, true)); got != c.want {
			t.Errorf("%q %v: got %q, want %q", c.text, c.spans, got, c.want)
		}
	}
	if got := string(tags.Append(nil, "a<b & c", []tags.Element{{"X", 2, 3}}, false)); got != "a<<X>b</X> & c" {
		t.Errorf("without escapes: %q", got)
	}
}

func TestStartAndEndAreTheTagsOfAppend(t *testing.T) {
	for _, label := range []string{"PER", "WORK OF ART", `1 "&`, "人"} {
		if got, want := tags.Start(label)+"x"+tags.End(label), string(tags.Append(nil, "x", []tags.Element{{label, 0, 1}}, false)); got != want {
			t.Errorf("%q, but Append writes %q", got, want)
		}
	}
}

// FuzzParse checks, for any input, that the text is what the tags leave, and that
// spans lie in it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"<PER>Ada</PER> met <LOC>B</PER>o</LOC>b", "<a b='c'>x<a/></A></>", "&lt;PER&gt;x\\</PER\\>[b]y[/b]&amp;", "＜a＞ <a =>", "<a b=<a b=\"<a b='", "<<a>></a>",
	} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, input string, how uint8) {
		o := tags.Options{Loose: how&1 != 0, Escapes: how&2 != 0}
		if how&4 != 0 {
			o.Label = known
		}
		x := tags.Parse(input, o)
		rest, at := "", 0
		for i, tag := range x.Tags {
			if tag.From < at || tag.To <= tag.From || tag.To > len(input) || tag.Span < -1 || tag.Span >= len(x.Spans) {
				t.Fatalf("%q: tag %d: %+v", input, i, tag)
			}
			rest += input[at:tag.From]
			at = tag.To
		}
		rest += input[at:]
		if !o.Escapes && rest != x.Text {
			t.Errorf("%q: got text %q, the tags leave %q", input, x.Text, rest)
		}
		for i, s := range x.Spans {
			if s.Start < 0 || s.Start >= s.End || s.End > len(x.Text) {
				t.Errorf("%q: %+v", input, s)
			}
			if i > 0 && (x.Spans[i-1].Start > s.Start || x.Spans[i-1].Start == s.Start && x.Spans[i-1].End < s.End) {
				t.Errorf("%q: order of %v", input, x.Spans)
			}
		}
		for _, p := range x.Problems {
			if p.Kind == 0 || p.Tag < 0 || p.Tag >= len(x.Tags) {
				t.Errorf("%q: %+v", input, p)
			}
		}
	})
}

// FuzzAppend checks that writing and reading are inverse.
func FuzzAppend(f *testing.F) {
	f.Add("I took aspirin & <b>", "DRUG", "my label", uint16(2), uint16(5), uint16(7), uint16(9))
	f.Add("&lt;&amp;lt;", "a", "entity", uint16(0), uint16(3), uint16(1), uint16(2))
	f.Add("\xff\x00", "\"'", "é", uint16(0), uint16(1), uint16(0), uint16(1))
	f.Fuzz(func(t *testing.T, text, label1, label2 string, a, b, c, d uint16) {
		var spans []tags.Element
		n := uint16(min(len(text), 60_000) + 1)
		for _, s := range []tags.Element{{label1, int(a % n), int(b % n)}, {label2, int(c % n), int(d % n)}} {
			crosses := func(o tags.Element) bool {
				return o.Start < s.Start && s.Start < o.End && o.End < s.End || s.Start < o.Start && o.Start < s.End && s.End < o.End
			}
			if s.Start < s.End && s.Label != "" && len(s.Label) < 50 && !slices.ContainsFunc(spans, crosses) {
				spans = append(spans, s)
			}
		}
		written := string(tags.Append(nil, text, spans, true))
		got := tags.Parse(written, tags.Options{Escapes: true})
		slices.SortStableFunc(spans, func(a, b tags.Element) int {
			if a.Start != b.Start {
				return a.Start - b.Start
			}
			return b.End - a.End
		})
		if got.Text != text || !slices.Equal(got.Spans, spans) || got.Problems != nil {
			t.Errorf("%q %+v became %q, which is %+v", text, spans, written, got)
		}
	})
}

func TestTheTimeGrowsWithTheInput(t *testing.T) {
	const n = 20_000
	for _, piece := range []string{"<a>", "</a>", "<a>x</b>", `<a b="`, "<a x ", "&lt;", "[a", "<", "<a></a>", `\<a`, "<a><b></a>"} {
		input := strings.Repeat(piece, n)
		x := tags.Parse(input, tags.Options{Loose: true})
		if len(x.Text) > len(input) {
			t.Errorf("%q: text of %d bytes", piece, len(x.Text))
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, input string }{
		{"sentence", "On Monday <PER>Ingrid Solheim</PER> of the <ORG>Bank of Norway</ORG> flew from Oslo to Zürich for talks with the mayor ."},
		{"no tags", strings.Repeat("a b c ", 1000)},
		{"starts", strings.Repeat("<a>", 10_000)},
		{"quotes", strings.Repeat(`<a b="`, 10_000)},
		{"crossing", strings.Repeat("<a>", 5000) + strings.Repeat("<b></a>", 5000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.input)))
			b.ReportAllocs()
			for b.Loop() {
				tags.Parse(c.input, tags.Options{Loose: true})
			}
		})
	}
}

func TestTagsThatTheCallerTakesForTextAreText(t *testing.T) {
	const input = "<PER><PER>Ada</PER></PER> wrote"
	at := map[int]bool{len("<PER>"): true, len("<PER><PER>Ada"): true}
	x := tags.Parse(input, tags.Options{Label: known, Text: func(t *tags.Tag) bool { return at[t.From] }})
	if got, want := describe(input, x), "<PER>Ada</PER> wrote: PER <PER>Ada</PER>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
