package markup_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/google/go-cmp/cmp"

	"nertools/pkg/markup"
	"nertools/pkg/tags"
)

// A labelled span is an entity of a sentence.
type labelled struct {
	markup.Span
	Label string
}

func (e labelled) String() string { return fmt.Sprintf("%d:%d %s", e.Start, e.End, e.Label) }

// inOrder sorts entities as [markup.Alignment] has them, without those that repeat another.
func inOrder(list []labelled, asked []string) []labelled {
	slices.SortFunc(list, func(a, b labelled) int {
		if c := a.Span.Compare(b.Span); c != 0 {
			return c
		}
		return slices.Index(asked, a.Label) - slices.Index(asked, b.Label)
	})
	return slices.Compact(list)
}

// entities returns what an alignment found.
func entities(a markup.Alignment) (list []labelled) {
	for _, f := range a.Found {
		list = append(list, labelled{f.Span, f.Label})
	}
	return list
}

// bounds returns where the units of a sentence begin and end in its text.
func bounds(text string, unit markup.Unit) (from, to []int) {
	if unit == markup.Char {
		for i, r := range text {
			from, to = append(from, i), append(to, i+len(string(r)))
		}
		return from, to
	}
	at := 0
	for _, token := range strings.Fields(text) {
		at += strings.Index(text[at:], token)
		from, to = append(from, at), append(to, at+len(token))
		at += len(token)
	}
	return from, to
}

// tagged returns the sentence with its entities in tags.
func tagged(text string, unit markup.Unit, list []labelled) string {
	var spans []markup.Span
	var labels []string
	for _, e := range list {
		spans, labels = append(spans, e.Span), append(labels, e.Label)
	}
	var sentence markup.Slicer
	sentence.Reset(text, unit)
	return string(sentence.AppendTagged(nil, spans, labels))
}

// alphabets are words of random sentences. The second has tags of the labels asked for.
var alphabets = [][]string{
	{"Ada", "Bob", "Bank", "of", "Oslo", "in", ".", "(", "京", "กรุงเทพ", "a@@b", "C##"},
	{"Ada", "of", "<PER>", "</PER>", "<LOC>", "</LOC>x", "<b>", "a<PER>", "<PER><PER>", "<", ">"},
}

// random returns a sentence, and entities of it that tags of the labels asked for can mark:
// those whose end tags are equal do not cross.
func random(r *rand.Rand, unit markup.Unit, words []string, asked []string) (text string, list []labelled) {
	var tokens []string
	for range 1 + r.IntN(8) {
		tokens = append(tokens, words[r.IntN(len(words))])
	}
	text = strings.Join(tokens, " ")
	from, to := bounds(text, unit)
	edges := map[int]bool{0: true} // where letters begin and end
	for letters := graphemes.FromString(text); letters.Next(); {
		edges[letters.End()] = true
	}
	for range r.IntN(5) {
		start := r.IntN(len(from))
		e := labelled{markup.Span{Start: start, End: start + 1 + r.IntN(min(5, len(from)-start))}, asked[r.IntN(len(asked))]}
		inner := text[from[e.Start]:to[e.End-1]]
		crosses := slices.ContainsFunc(list, func(o labelled) bool {
			return tags.End(o.Label) == tags.End(e.Label) && (o.Start < e.Start && e.Start < o.End && o.End < e.End || e.Start < o.Start && o.Start < e.End && e.End < o.End)
		})
		if !crosses && strings.TrimSpace(inner) == inner && edges[from[e.Start]] && edges[to[e.End-1]] {
			list = append(list, e)
		}
	}
	return text, inOrder(list, asked)
}

func TestACopyOfTheSentenceWithTagsReadsBackExactly(t *testing.T) {
	q := allLabels()
	q.Asked = append(q.Asked, "PER.Group", "work of art", `"1"`)
	for _, unit := range []markup.Unit{markup.Token, markup.Char} {
		for n, words := range alphabets {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			var s subject
			for range 5_000 {
				text, want := random(r, unit, words, q.Asked)
				answer := tagged(text, unit, want)
				s.ResetUnit(text, unit)
				a := s.Align(&s.Original, answer, q)
				got := entities(a)
				if a.Class != markup.Same || a.Damage != 0 || len(a.Unused) > 0 {
					t.Fatalf("unit %d, sentence %q, answer %q: %s", unit, text, answer, describe(a))
				}
				// Where the sentence has such tags, the answer may be that to several lists of
				// entities.
				if n > 0 && len(got) == len(want) && tagged(text, unit, got) == answer {
					continue
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("unit %d, sentence %q, answer %q: %s", unit, text, answer, d)
				}
			}
		}
	}
}

// Several entities of one label need not: their order counts too.
func TestAnObjectWithOneEntityOfEachLabelReadsBackAsFirstOccurrences(t *testing.T) {
	q := allLabels()
	for _, unit := range []markup.Unit{markup.Token, markup.Char} {
		r := rand.New(rand.NewPCG(3, 1))
		var s subject
		for range 5_000 {
			text, list := random(r, unit, alphabets[0], q.Asked)
			from, to := bounds(text, unit)
			type entry struct {
				Text  string `json:"text"`
				Label string `json:"label"`
			}
			entries := []entry{}
			var want []labelled
			for _, e := range list {
				if slices.ContainsFunc(want, func(o labelled) bool { return o.Label == e.Label }) {
					continue
				}
				x := entry{text[from[e.Start]:to[e.End-1]], e.Label}
				first := e
				for start := 0; start < e.Start; start++ {
					end := start + e.End - e.Start
					if text[from[start]:to[end-1]] == x.Text {
						first.Start, first.End = start, end
						break
					}
				}
				if unit == markup.Char && x.Text != strings.TrimFunc(x.Text, isLetter) {
					continue // a list has no parts of words
				}
				entries, want = append(entries, x), append(want, first)
			}
			answer, err := json.Marshal(map[string][]entry{"entities": entries})
			if err != nil {
				t.Fatal(err)
			}
			s.ResetUnit(text, unit)
			a := s.Align(&s.Original, string(answer), q)
			if d := cmp.Diff(inOrder(want, q.Asked), entities(a)); d != "" || a.Class != markup.List || len(a.Unused) > 0 {
				t.Fatalf("unit %d, sentence %q, answer %s: %s: %s", unit, text, answer, describe(a), d)
			}
		}
	}
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// Label answers and answers about all labels that say the same mean the same.
func TestAnAnswerAboutAllLabelsMeansWhatItsLabelAnswersMean(t *testing.T) {
	q := allLabels()
	q.Asked = append(q.Asked, "MISC")
	var s subject
	for text, gold := range newsEntities(t) {
		s.Reset(text)
		type entry struct {
			Text  string `json:"text"`
			Label string `json:"label"`
		}
		entries := []entry{}
		var want [2][]labelled // of marked sentences, and of lists
		for _, label := range q.Asked {
			var spans []markup.Span
			list := []string{}
			for _, e := range gold {
				if e.Label == label {
					spans = append(spans, e.Span)
					list = append(list, s.text(e.Span))
				}
			}
			one := markup.Question{Label: label, Labels: q.Labels}
			object, err := json.Marshal(map[string][]string{"entities": list})
			if err != nil {
				t.Fatal(err)
			}
			for i, answer := range []string{marked(s.Tokens, spans), string(object)} {
				for _, f := range s.Align(&s.Original, answer, one).Found {
					want[i] = append(want[i], labelled{f.Span, label})
				}
			}
		}
		for _, e := range gold {
			entries = append(entries, entry{s.text(e.Span), e.Label})
		}
		object, err := json.Marshal(map[string][]entry{"entities": entries})
		if err != nil {
			t.Fatal(err)
		}
		for i, answer := range []string{tagged(strings.Join(s.Tokens, " "), markup.Token, gold), string(object)} {
			got := entities(s.Align(&s.Original, answer, q))
			if d := cmp.Diff(inOrder(want[i], q.Asked), got); d != "" {
				t.Errorf("sentence %q, answer %q: %s", text, answer, d)
			}
			if d := cmp.Diff(gold, got); i == 0 && d != "" {
				t.Errorf("sentence %q, answer %q: %s", text, answer, d)
			}
		}
	}
}

// newsEntities returns the entities of each sentence of the sample data.
func newsEntities(t *testing.T) map[string][]labelled {
	t.Helper()
	all := map[string][]labelled{}
	for _, x := range news(t) {
		for _, sp := range x.spans {
			all[x.text] = append(all[x.text], labelled{sp, x.label})
		}
	}
	q := allLabels()
	for text := range all {
		all[text] = inOrder(all[text], append(q.Asked, "MISC"))
	}
	if len(all) < 10 {
		t.Fatalf("%d sentences have entities", len(all))
	}
	return all
}

// FuzzAlignSentence checks the law for any answer to a question about all labels.
func FuzzAlignSentence(f *testing.F) {
	f.Add("the <PER> tag and <b>bold</b> , said Ada", "the <PER> tag and <ORG><b>bold</b></ORG> , said <PER>Ada</PER>", false)
	f.Add("<PER><PER> </PER>x", "y <PER><PER></PER><PER> <LOC></PER>x</LOC>", true)
	f.Add("Ana met Bob in Lima", "<PER>Ana <LOC>met</PER> [ORG: Bob]</LOC> &lt;LOC&gt;in</> <MISC>Lima</MISC> <mark>Ana</mark>", false)
	f.Add("Ana met Bob", `[{"text":"Ana","label":["PER","ORG"]},{"entity":"B-PER","word":"met"},{"entity":"I-PER","word":"Bob"}]`, true)
	f.Add("Ana met Bob", `{"PER":["Ana",{"text":"<LOC>met</LOC>"}],"DATE":["Bob"],"Bob":"ORG"} PER: ["Ana`, false)
	f.Add("Ana met Bob", "**PER:** Ana, Bob\nDATE: met - Bob (ORG)", false)
	f.Add("安娜去北京", "<PER>安娜</PER>去<LOC>北京", true)
	f.Add("Ana met Bob", "Ana met <PER>Bob</PER>\n@@Ana## <LOC>met</LOC> <LOC>Bob</LOC> <LOC>Bob</LOC>", false)
	f.Add("0", "[0]<LOC>", false) // a tag that is also the label of a bracket
	f.Fuzz(func(t *testing.T, original, answer string, chars bool) {
		var s subject
		s.Reset(original)
		if chars {
			s.ResetUnit(original, markup.Char)
		}
		q := allLabels()
		q.Shown = func(text string) bool { return strings.Contains(text, "a") }
		a := s.Align(&s.Original, answer, q)
		for _, found := range a.Found {
			if !chars && !reads(&s.Original, found) || chars && !readsChars(original, found) {
				t.Errorf("original %q, answer %q: %+v", original, answer, found)
			}
			if !slices.Contains(q.Asked, found.Label) || found.How != markup.Exact && found.How != markup.Repaired {
				t.Errorf("original %q, answer %q: %+v", original, answer, found)
			}
		}
		if d := cmp.Diff(inOrder(entities(a), q.Asked), entities(a)); d != "" {
			t.Errorf("original %q, answer %q: order or duplicates: %s", original, answer, d)
		}
		for _, u := range a.Unused {
			asked := slices.Contains(q.Asked, u.Label)
			if u.Reason == 0 || u.Reason == markup.OtherLabel || (u.Text == "") != (u.Reason == markup.Blank) ||
				u.Reason == markup.NotAsked && (asked || u.Label == "") || u.Reason == markup.NoLabel && u.Label != "" {
				t.Errorf("original %q, answer %q: %+v", original, answer, u)
			}
		}
		if d := cmp.Diff(a, s.Align(&s.Original, answer, q)); d != "" {
			t.Errorf("original %q, answer %q: twice: %s", original, answer, d)
		}
	})
}

// sentenceDamages are ways in which answers about all labels go wrong. Through those that are
// harmless every entity is found.
var sentenceDamages = []struct {
	name     string
	harmless bool
	do       func(r *rand.Rand, answer string) string
}{
	{"tags in lower case", true, func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("PER>", "per>", "LOC>", "loc>", "ORG>", "org>", "MISC>", "misc>").Replace(s)
	}},
	{"names of labels", true, func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("PER>", "Person>", "LOC>", "locations>").Replace(s)
	}},
	{"attributes", true, func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("<PER>", `<entity type="PER">`, "</PER>", "</entity>", "<LOC>", "<LOC id=1>").Replace(s)
	}},
	{"escaped", true, func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(s)
	}},
	{"square brackets", true, func(_ *rand.Rand, s string) string { return strings.NewReplacer("<", "[", ">", "]").Replace(s) }},
	{"spaces inside tags", true, func(_ *rand.Rand, s string) string { return strings.NewReplacer(">", "> ", "</", " </").Replace(s) }},
	{"bold around", true, func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("<PER>", "<b><PER>", "</PER>", "</PER></b>").Replace(s)
	}},
	{"chatter", true, func(_ *rand.Rand, s string) string { return "The labeled sentence: \"" + s + "\" I hope this helps." }},
	{"said twice", true, func(_ *rand.Rand, s string) string { return s + "\n\n" + s }},
	{"punctuation together", true, func(_ *rand.Rand, s string) string {
		return strings.NewReplacer(" .", ".", " ,", ",", "( ", "(", " )", ")").Replace(s)
	}},
	{"upper case", false, func(_ *rand.Rand, s string) string { return strings.ToUpper(s) }},
	{"no ends", false, func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, "</PER>", "") }},
	{"marks without labels", false, func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("<PER>", "@@", "</PER>", "##").Replace(s)
	}},
	{"cut off", false, func(r *rand.Rand, s string) string { return s[:r.IntN(len(s)+1)] }},
	{"a word dropped", false, func(r *rand.Rand, s string) string {
		f := strings.Fields(s)
		i := r.IntN(len(f))
		return strings.Join(slices.Delete(f, i, i+1), " ")
	}},
	{"anything moved", false, func(r *rand.Rand, s string) string {
		b := []byte(s)
		for range 1 + len(b)/10 {
			i, j := r.IntN(len(b)), r.IntN(len(b))
			b[i], b[j] = b[j], b[i]
		}
		return string(b)
	}},
}

func TestDamagedAnswersAboutAllLabelsYieldNoSpanThatTheSentenceDoesNotHold(t *testing.T) {
	q := allLabels()
	q.Asked = append(q.Asked, "MISC")
	r := rand.New(rand.NewPCG(5, 5))
	var s subject
	sentences := newsEntities(t)
	for _, d := range sentenceDamages {
		entities, right := 0, 0
		for _, text := range slices.Sorted(maps.Keys(sentences)) {
			gold := sentences[text]
			s.Reset(text)
			answer := d.do(r, tagged(text, markup.Token, gold))
			a := s.Align(&s.Original, answer, q)
			entities += len(gold)
			for _, f := range a.Found {
				if !reads(&s.Original, f) || !slices.Contains(q.Asked, f.Label) {
					t.Errorf("%s: sentence %q, answer %q: %+v", d.name, text, answer, f)
				}
				if slices.Contains(gold, labelled{f.Span, f.Label}) {
					right++
				} else if d.harmless {
					t.Errorf("%s: sentence %q, answer %q: %+v", d.name, text, answer, f)
				}
			}
			if d.harmless && len(a.Found) != len(gold) {
				t.Errorf("%s: sentence %q, answer %q: %s", d.name, text, answer, describe(a))
			}
		}
		t.Logf("%-22s of %d entities %3d found", d.name, entities, right)
	}
}

// Labels that can't be the name of a tag are in an attribute. That is as asked for too.
func TestALabelInAnAttributeIsAsAskedFor(t *testing.T) {
	q := markup.Question{Asked: []string{"work of art", `"1"`, "PER.Group", "人"}}
	var s subject
	s.Reset("they saw Hamlet in Rome in 1999 .")
	list := []labelled{{markup.Span{Start: 0, End: 1}, "PER.Group"}, {markup.Span{Start: 2, End: 3}, "work of art"}, {markup.Span{Start: 2, End: 5}, `"1"`}, {markup.Span{Start: 4, End: 5}, "人"}}
	list = inOrder(list, q.Asked)
	answer := tagged(s.Text, markup.Token, list)
	for answer, want := range map[string]string{
		answer: "same: they 0:1 PER.Group exact; Hamlet in Rome 2:5 \"1\" exact; Hamlet 2:3 work of art exact; Rome 4:5 人 exact",
		strings.TrimSuffix(answer, "in 1999 .") + "in 2000 .": "edited: they 0:1 PER.Group exact; Hamlet in Rome 2:5 \"1\" exact; Hamlet 2:3 work of art exact; Rome 4:5 人 exact",
	} {
		if got := describe(s.Align(&s.Original, answer, q)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", answer, got, want)
		}
	}
}
