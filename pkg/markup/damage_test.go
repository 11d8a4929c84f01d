package markup_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"nertools/pkg/markup"
)

// damage is a way in which answers go wrong. It gets the tokens of a sentence
// and the spans marked in it.
type damage struct {
	name string
	do   func(r *rand.Rand, tokens []string, spans []markup.Span) string
}

func marked(tokens []string, spans []markup.Span) string {
	return string(markup.AppendMarked(nil, tokens, spans))
}

// ofMarks makes damage of what the marks are replaced by.
func ofMarks(begin, end string) func(*rand.Rand, []string, []markup.Span) string {
	return func(_ *rand.Rand, tokens []string, spans []markup.Span) string {
		return strings.NewReplacer(markup.Open, begin, markup.Close, end).Replace(marked(tokens, spans))
	}
}

// ofText makes damage of what a marked sentence is replaced by.
func ofText(do func(r *rand.Rand, s string) string) func(*rand.Rand, []string, []markup.Span) string {
	return func(r *rand.Rand, tokens []string, spans []markup.Span) string { return do(r, marked(tokens, spans)) }
}

// ofList makes damage of how the entities are listed.
func ofList(do func(list []string) string) func(*rand.Rand, []string, []markup.Span) string {
	return func(_ *rand.Rand, tokens []string, spans []markup.Span) string {
		var list []string
		for _, sp := range spans {
			list = append(list, strings.Join(tokens[sp.Start:sp.End], " "))
		}
		return do(list)
	}
}

// ofTokens makes damage of what happens to one token in eight that is not marked.
func ofTokens(do func(r *rand.Rand, token string) []string) func(*rand.Rand, []string, []markup.Span) string {
	return func(r *rand.Rand, tokens []string, spans []markup.Span) string {
		var out []string
		for i, token := range strings.Fields(marked(tokens, spans)) {
			inside := slices.ContainsFunc(spans, func(s markup.Span) bool { return s.Start <= i && i < s.End })
			if !inside && r.IntN(8) == 0 {
				out = append(out, do(r, token)...)
			} else {
				out = append(out, token)
			}
		}
		return strings.Join(out, " ")
	}
}

var damages = []damage{
	{"none", ofMarks("@@", "##")},
	{"punctuation together", ofText(func(_ *rand.Rand, s string) string {
		return strings.NewReplacer(" .", ".", " ,", ",", "( ", "(", " )", ")", " '", "'").Replace(s)
	})},
	{"all together", ofText(func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, " ", "") })},
	{"letters apart", ofText(func(_ *rand.Rand, s string) string { return strings.NewReplacer("-", " - ", ".", " . ").Replace(s) })},
	{"tokens dropped", ofTokens(func(*rand.Rand, string) []string { return nil })},
	{"tokens inserted", ofTokens(func(_ *rand.Rand, t string) []string { return []string{t, "indeed"} })},
	{"tokens replaced", ofTokens(func(*rand.Rand, string) []string { return []string{"something"} })},
	{"tokens doubled", ofTokens(func(_ *rand.Rand, t string) []string { return []string{t, t} })},
	{"upper case", ofText(func(_ *rand.Rand, s string) string { return strings.ToUpper(s) })},
	{"first half", ofText(func(_ *rand.Rand, s string) string {
		f := strings.Fields(s)
		return strings.Join(f[:(len(f)+1)/2], " ")
	})},
	{"second half", ofText(func(_ *rand.Rand, s string) string { f := strings.Fields(s); return strings.Join(f[len(f)/2:], " ") })},
	{"cut off", ofText(func(r *rand.Rand, s string) string { return s[:r.IntN(len(s)+1)] })},
	{"chatter", ofText(func(_ *rand.Rand, s string) string { return "The labeled sentence: \"" + s + "\" I hope this helps." })},
	{"sentence first", func(_ *rand.Rand, tokens []string, spans []markup.Span) string {
		return "Sentence: " + strings.Join(tokens, " ") + "\nMarked: " + marked(tokens, spans)
	}},
	{"said twice", ofText(func(_ *rand.Rand, s string) string { return s + "\n\n" + s })},
	{"spaced", ofMarks("@@ ", " ##")},
	{"closed by @@", ofMarks("@@", "@@")},
	{"opened by ##", ofMarks("##", "##")},
	{"bold", ofMarks("**", "**")},
	{"more signs", ofMarks("@@@", "###")},
	{"never closed", ofMarks("@@", "")},
	{"never opened", ofMarks("", "##")},
	{"one mark gone", ofText(func(r *rand.Rand, s string) string {
		f := strings.SplitAfter(s, "@@")
		i := r.IntN(len(f))
		f[i] = strings.TrimSuffix(f[i], "@@")
		return strings.Join(f, "")
	})},
	{"letters before and after", ofMarks("x@@", "##ed")},
	{"empty marks", ofText(func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, "@@", "@@## @@") })},
	{"stray marks", ofText(func(r *rand.Rand, s string) string {
		i := r.IntN(len(s) + 1)
		return s[:i] + []string{"@@", "##", " ## ", " @@ "}[r.IntN(4)] + s[i:]
	})},
	{"nested", func(r *rand.Rand, tokens []string, spans []markup.Span) string {
		s := marked(tokens, spans)
		return strings.Replace(strings.Replace(s, "@@", "@@@@", 1), "##", "####", 1)
	}},
	{"boundaries moved", func(r *rand.Rand, tokens []string, spans []markup.Span) string {
		var moved []markup.Span
		for _, sp := range spans {
			sp.End = min(len(tokens), sp.End+r.IntN(2))
			if n := len(moved); n == 0 || moved[n-1].End <= sp.Start {
				moved = append(moved, sp)
			}
		}
		return marked(tokens, moved)
	}},
	{"entities misspelt", ofText(func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, "@@", "@@X") })},
	{"tags of the label", ofMarks("<PER>", "</PER>")},
	{"tags of HTML", ofMarks("<mark>", "</mark>")},
	{"tags of HTML, escaped", ofMarks("&lt;b&gt;", "&lt;/b&gt;")},
	{"tags with an attribute", ofMarks(`<entity type="person">`, "</entity>")},
	{"tags of another label", ofMarks("<LOC>", "</LOC>")},
	{"tags never closed", ofMarks("<PER>", "")},
	{"full width", ofMarks("＠＠", "＃＃")},
	{"escaped", ofMarks(`\@\@`, `\#\#`)},
	{"brackets", ofMarks("[PER: ", "]")},
	{"double brackets", ofMarks("[[", "]]")},
	{"italics", ofMarks("_", "_")},
	{"entities listed", ofList(func(list []string) string {
		text, _ := json.Marshal(map[string][]string{"entities": append([]string{}, list...)})
		return string(text)
	})},
	{"entities listed in single quotes", ofList(func(list []string) string { return "['" + strings.Join(list, "', '") + "',]" })},
	{"entities listed by label", ofList(func(list []string) string {
		text, _ := json.Marshal(map[string][]string{"PER": list, "LOC": {"x"}})
		return string(text)
	})},
	{"entities listed with labels", ofList(func(list []string) string {
		var b strings.Builder
		for _, text := range list {
			fmt.Fprintf(&b, "{\"word\": %q, \"type\": \"PER\"}\n", text)
		}
		return b.String()
	})},
	{"entities listed in a string", ofList(func(list []string) string {
		text, _ := json.Marshal(list)
		text, _ = json.Marshal(string(text))
		return string(text)
	})},
	{"a list cut off", ofList(func(list []string) string { return `{"entities": ["` + strings.Join(list, `", "`) })},
	{"anything moved", ofText(func(r *rand.Rand, s string) string {
		b := []byte(s)
		for range 1 + len(b)/10 {
			i, j := r.IntN(len(b)), r.IntN(len(b))
			b[i], b[j] = b[j], b[i]
		}
		return string(b)
	})},
}

// harmless are the damages through which every entity is found.
var harmless = []string{"tags of the label", "tags of HTML", "tags of HTML, escaped", "tags with an attribute", "full width", "escaped", "brackets", "double brackets", "italics",
	"entities listed", "entities listed in single quotes", "entities listed by label", "entities listed with labels", "entities listed in a string"}

type sample struct {
	text  string
	spans []markup.Span
	label string
}

// news gives the rows of the sample data that mark anything.
func news(tb testing.TB) (list []sample) {
	tb.Helper()
	data, err := os.ReadFile("../../examples/news/mrc-ner.train")
	if err != nil {
		tb.Fatal(err)
	}
	var rows []struct {
		Context       string `json:"context"`
		Label         string `json:"entity_label"`
		StartPosition []int  `json:"start_position"`
		EndPosition   []int  `json:"end_position"`
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		tb.Fatal(err)
	}
	for _, row := range rows {
		var spans []markup.Span
		for i, start := range row.StartPosition {
			spans = append(spans, markup.Span{Start: start, End: row.EndPosition[i] + 1})
		}
		if spans, _ = markup.Place(nil, spans, len(strings.Fields(row.Context))); len(spans) > 0 {
			list = append(list, sample{row.Context, spans, row.Label})
		}
	}
	return list
}

func TestDamageNeverYieldsASpanThatTheSentenceDoesNotHold(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	var s subject
	samples := news(t)
	for _, d := range damages {
		marked, right, exact, wrong := 0, 0, 0, 0
		for _, x := range samples {
			s.Reset(x.text)
			answer := d.do(r, s.Tokens, x.spans)
			marked += len(x.spans)
			for _, f := range s.Align(&s.Original, answer, people()).Found {
				if !reads(&s.Original, f) {
					t.Fatalf("%s: original %q, answer %q: %v", d.name, x.text, answer, f)
				}
				if !slices.Contains(x.spans, f.Span) {
					wrong++
					continue
				}
				right++
				if f.How == markup.Exact {
					exact++
				}
			}
			checkStrikeOf(t, &s, answer, people())
		}
		t.Logf("%-26s of %d entities %3d found, %3d of them exact; and %d elsewhere", d.name, marked, right, exact, wrong)
		if slices.Contains(harmless, d.name) && (right != marked || wrong != 0) {
			t.Errorf("%s: of %d entities %d were found, and %d elsewhere", d.name, marked, right, wrong)
		}
		if d.name == "none" && (right != marked || exact != marked || wrong != 0) {
			t.Errorf("of %d entities in undamaged answers %d were found, %d of them exact, and %d elsewhere", marked, right, exact, wrong)
		}
	}
}
