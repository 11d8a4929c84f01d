package report

import (
	"bytes"
	"errors"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/price"
	"nertools/pkg/record"
)

func TestTheSameReportGivesTheSameBytes(t *testing.T) {
	r := sample(news(t))
	if diff := cmp.Diff(page(t, r), page(t, r)); diff != "" {
		t.Error(diff)
	}
}

func page(t testing.TB, r *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnEmptyReportIsAPage(t *testing.T) {
	got := page(t, &Page{})
	for _, part := range []string{`id="scores"`, `id="costs"`, "<section>", "<article", "NaN"} {
		if strings.Contains(got, part) {
			t.Errorf("it has %s", part)
		}
	}
	if !strings.Contains(got, "0 sentences") || !strings.HasSuffix(got, "</html>\n") {
		t.Errorf("it is not whole:\n%s", got)
	}
}

func TestAnErrorOfTheWriterComesBack(t *testing.T) {
	full := errors.New("no room")
	if err := sample(news(t)).WriteHTML(failing{full}); !errors.Is(err, full) {
		t.Errorf("WriteHTML: %v", err)
	}
	if err := WriteComparisonSVG(failing{full}, []Point{{}}, OverDemonstrations); !errors.Is(err, full) {
		t.Errorf("WriteComparisonSVG: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestAnswersAreCountedByClassAndDamage(t *testing.T) {
	var a Quality
	a.Add(&markup.Alignment{Class: markup.Same})
	a.Add(&markup.Alignment{Class: markup.Same, Damage: markup.Glued | markup.Stray})
	a.Add(&markup.Alignment{Class: markup.Empty, Damage: markup.Stray})
	want := Quality{
		Classes: map[markup.Fidelity]int{markup.Same: 2, markup.Empty: 1},
		Damage:  map[markup.Damage]int{markup.Glued: 1, markup.Stray: 2},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
}

func TestAllThatIsCountedHasAMeaning(t *testing.T) {
	for _, c := range markup.Classes() {
		if classMeanings[c] == "" {
			t.Errorf("class %v has none", c)
		}
	}
	for _, d := range markup.Damages() {
		if damageMeanings[d] == "" {
			t.Errorf("damage %v has none", d.Names())
		}
	}
	for _, r := range markup.Reasons() {
		if reasonMeanings[r] == "" {
			t.Errorf("reason %v has none", r)
		}
	}
}

func TestMarksOfOneSideDoNotCoverEachOther(t *testing.T) {
	span := func(start, end int) mark {
		return mark{Entity: corpus.Entity{Span: markup.Span{Start: start, End: end}}}
	}
	for _, c := range []struct {
		name  string
		marks []mark
		want  []int
	}{
		{"apart", []mark{span(0, 2), span(2, 3)}, []int{0, 0}},
		{"nested: the longer next to the words", []mark{span(1, 2), span(0, 3)}, []int{0, 1}},
		{"twice", []mark{span(0, 1), span(0, 1), span(0, 1)}, []int{0, 1, 2}},
		{"crossing, then free again", []mark{span(0, 3), span(2, 5), span(3, 4)}, []int{0, 1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := body{marks: c.marks}
			b.lanes()
			var got []int
			for _, m := range b.marks {
				got = append(got, m.lane)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatActsUnseenIsNamed(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Łódź 東京 👩‍🚀", "Łódź 東京 👩‍🚀"},
		{"a\x00b\x1bc\u0085", "a⟨U+0000⟩b⟨U+001B⟩c⟨U+0085⟩"},
		{"a\u202eb\u2066c", "a⟨U+202E⟩b⟨U+2066⟩c"},
		{"a\u2028b", "a⟨U+2028⟩b"},
		{"a\xff\xc0b", "a\ufffd\ufffdb"},
	} {
		if got := plain(c.in); got != c.want {
			t.Errorf("plain(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// Whatever a text holds, the page has the tags that a harmless text gives it.
func FuzzNothingInATextIsMarkup(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written := text(s)
		if strings.ContainsAny(written, `<>"'`) || !utf8.ValidString(written) {
			t.Fatalf("text(%q) = %q", s, written)
		}
		if got := html.UnescapeString(written); got != plain(s) {
			t.Fatalf("text(%q) reads as %q", s, got)
		}
		tags := func(s string) []string {
			r := hostileReport(s)
			r.Scores = nil
			return regexp.MustCompile(`</?[a-z0-9]+`).FindAllString(page(t, r), -1)
		}
		if s == "" {
			return // a string without a label is shown without its element
		}
		if diff := cmp.Diff(tags("harmless"), tags(s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestColoursCanBeRead(t *testing.T) {
	type theme struct{ paper, raised, ink, soft, focus string }
	var light, dark theme
	for name, of := range map[string]func(*theme) *string{
		"paper":  func(t *theme) *string { return &t.paper },
		"raised": func(t *theme) *string { return &t.raised },
		"ink":    func(t *theme) *string { return &t.ink },
		"soft":   func(t *theme) *string { return &t.soft },
		"focus":  func(t *theme) *string { return &t.focus },
	} {
		m := regexp.MustCompile(`--` + name + `: light-dark\((#\w{6}), (#\w{6})\)`).FindStringSubmatch(style)
		if m == nil {
			t.Fatalf("no colour is called %s", name)
		}
		*of(&light), *of(&dark) = m[1], m[2]
	}
	check := func(least float64, what, a, b string) {
		t.Helper()
		if got := contrast(a, b); got < least {
			t.Errorf("%s: %s and %s differ by %.2f, not %v", what, a, b, got, least)
		}
	}
	const words, shapes = 4.5, 3 // WCAG 2.2, AA: 1.4.3 and 1.4.11
	for _, th := range []theme{light, dark} {
		check(words, "ink on paper", th.ink, th.paper)
		check(words, "ink on raised", th.ink, th.raised)
		check(words, "soft on paper", th.soft, th.paper)
		check(shapes, "focus", th.focus, th.paper)
	}
	seen := map[colour]bool{}
	for i := range 64 {
		c := colourOf(i)
		name := "label " + strconv.Itoa(i)
		check(words, name+", light", c.Fore.Light, c.Back.Light)
		check(words, name+", dark", c.Fore.Dark, c.Back.Dark)
		check(shapes, name+", light bar", c.Mid.Light, light.paper)
		check(shapes, name+", dark bar", c.Mid.Dark, dark.paper)
		if seen[c] {
			t.Errorf("%s looks like an earlier one", name)
		}
		seen[c] = true
	}
}

// contrast is that of WCAG 2.2 between two "#rrggbb".
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(hex string) float64 {
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		panic(err)
	}
	linear := func(c uint64) float64 {
		x := float64(c&0xff) / 255
		if x <= .04045 {
			return x / 12.92
		}
		return math.Pow((x+.055)/1.055, 2.4)
	}
	return .2126*linear(v>>16) + .7152*linear(v>>8) + .0722*linear(v)
}

func TestThousandsStandApart(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

func BenchmarkWriteHTML(b *testing.B) {
	r := sample(many(b, 5000))
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		if err := r.WriteHTML(&out); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(out.Len()))
}

func TestAPageIsMadeOfResults(t *testing.T) {
	line := func(row int, r record.Result) string {
		r.ID, r.Index, r.Total, r.Label, r.Context = record.NewID("test", row, nil), row, 4, "PER", "Ada left"
		return string(record.AppendResult(nil, &r))
	}
	used := record.Usage{Prompt: 1000, Completion: 10}
	results := collect.New(collect.Options{Join: true})
	lines := line(0, record.Result{Output: "@@Ada## left", Model: "m", Usage: used}) + line(1, record.Result{Output: "@@Ada##left", Model: "m", Usage: used}) +
		line(2, record.Result{Failure: &record.Failure{Class: record.Timeout}})
	if _, err := results.Read("r", strings.NewReader(lines)); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(results, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	prices := &price.Table{Date: "2030-01-02", Currency: "USD", Per: 1000, Models: map[string]price.Price{"m": {Input: 1, Output: 2}}}
	p := NewPage("r", results, prices)
	if err := j.Each(t.Context(), func(s *annotate.Annotation) error { p.Add(s, true); return nil }); err != nil {
		t.Fatal(err)
	}
	cost := 2*1.0 + 2*0.02
	want := Page{
		Title: "r", Prices: "2030-01-02", Total: prices.Money(cost), Rows: Rows{Rows: 4, OK: 2, Failed: 1, Missing: 1},
		Costs: []Spending{{Spent: collect.Spent{Model: "m", Calls: 2, Usage: record.Usage{Prompt: 2000, Completion: 20}}, Money: prices.Money(cost)}},
	}
	want.Answers, want.Sentences = p.Answers, p.Sentences
	if d := cmp.Diff(&want, p); d != "" {
		t.Error(d)
	}
	if len(p.Sentences) != 3 || !p.Sentences[0].HasGold || p.Answers.Classes[markup.Same] != 1 || p.Answers.Damage[markup.Glued] != 1 {
		t.Errorf("%d sentences, %+v", len(p.Sentences), p.Answers)
	}
	delete(prices.Models, "m")
	if p := NewPage("r", results, prices); p.Total != "" || p.Costs[0].Money != "" {
		t.Errorf("without a price: %+v", p)
	}
	if p := NewPage("r", collect.New(collect.Options{}), prices); p.Total != "" || p.Costs != nil {
		t.Errorf("without calls: %+v", p)
	}
}

func TestAnAnswerAboutASentenceIsCountedOnceOnAPage(t *testing.T) {
	results := collect.New(collect.Options{Join: true})
	line := record.AppendResult(nil, &record.Result{ID: record.NewID("test.sentence", 0, nil), Total: 2, Labels: []string{"PER", "LOC"},
		Context: "Ada left", Output: `{"entities":[{"text":"Ada","label":"DATE"},{"text":"left"}]}`})
	if _, err := results.Read("r", bytes.NewReader(line)); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(results, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := NewPage("r", results, new(price.Table))
	p.Labels = j.Labels()
	if err := j.Each(t.Context(), func(s *annotate.Annotation) error { p.Add(s, false); return nil }); err != nil {
		t.Fatal(err)
	}
	if n := p.Answers.Classes[markup.List]; n != 1 {
		t.Errorf("counted %d times", n)
	}
	var out bytes.Buffer
	if err := p.WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1 sentence; 2 questions: 1 answered, 0 failed, 1 missing",
		`data-i="u2 u"`, // the label after PER and LOC, and none
		`<bdi class="chip l2">DATE</bdi> <q><bdi>Ada</bdi></q>, the answer gives it a label that was not asked for`,
		`not used: <q><bdi>left</bdi></q>, the answer marks it without naming a label`,
		`<option value="2">DATE</option>`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(out.String(), `<option value="3">`) {
		t.Error("a marked string without a label has one")
	}
}
