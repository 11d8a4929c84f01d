package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/score"
)

// One browser serves all tests of the page.
func TestPage(t *testing.T) {
	b := browser(t)
	for _, test := range []struct {
		promise string
		run     func(t *testing.T, b *window)
	}{
		{"filters show what they say", testFilters},
		{"keys lead from sentence to sentence", testKeys},
		{"what a model says stays text", testHostile},
		{"both themes, by the system and by the switch", testThemes},
		{"without JavaScript it can be read", testNoScript},
		{"marks stand over and under their words", testMarks},
		{"offsets in documents are those of the stored files", testStored},
		{"narrow, nothing runs off the page", testNarrow},
		{"many sentences are quick", testMany},
		{"the picture has both themes", testPicture},
		{"it looks well", testLooks},
	} {
		t.Run(test.promise, func(t *testing.T) { test.run(t, b) })
	}
}

// want tells which sentences have an item of one of the kinds and the label
// ("" for any) and hold the text.
func want(list []Prediction, kinds []sign, label, query string) (ids []string) {
	for _, s := range list {
		items := map[[2]string]bool{}
		add := func(kind sign, label string) {
			for _, k := range []string{"", kind.Letter} {
				items[[2]string{k, label}], items[[2]string{k, ""}] = true, true
			}
		}
		for _, d := range score.Compare(s.Gold, s.Entities) {
			kind := map[score.Relation]sign{score.Correct: correct, score.Missed: missed, score.Spurious: spurious, score.WrongBoundary: boundary, score.WrongLabel: wrongLabel}[d.Kind]
			if d.Gold >= 0 {
				add(kind, s.Gold[d.Gold].Label)
			}
			if d.Predicted >= 0 {
				add(kind, s.Entities[d.Predicted].Label)
			}
		}
		for _, e := range s.Entities {
			if e.How == markup.Repaired {
				add(repaired, e.Label)
			}
		}
		for _, u := range s.Unused {
			add(unused, u.Label)
		}
		for _, l := range s.Unanswered {
			add(unanswered, l)
		}
		ok := len(kinds) == 0 && (label == "" || items[[2]string{"", label}])
		for _, k := range kinds {
			ok = ok || items[[2]string{k.Letter, label}]
		}
		if ok && strings.Contains(strings.ToLower(s.Text), strings.ToLower(query)) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

const shownIDs = `[...document.querySelectorAll(".s")].filter((s) => s.checkVisibility()).map((s) => s.querySelector("a").textContent)`

func testFilters(t *testing.T, b *window) {
	list := many(t, 200)
	p := b.open(t, sample(list))
	type choice struct {
		option string
		kinds  []sign
	}
	choices := []choice{{"", nil}, {errorLetters, []sign{missed, spurious, boundary, wrongLabel}}}
	for _, k := range []sign{missed, spurious, boundary, wrongLabel, correct, repaired, unused, unanswered} {
		choices = append(choices, choice{k.Letter, []sign{k}})
	}
	set := func(label int, kind, query string) {
		value := ""
		if label >= 0 {
			value = fmt.Sprint(label)
		}
		eval[bool](p, fmt.Sprintf(`(() => {
			const set = (id, v) => { document.getElementById(id).value = v; if (document.getElementById(id).value !== v) throw id + " has no " + v };
			set("label", %q); set("kind", %q); set("search", %q);
			return document.getElementById("filters").dispatchEvent(new Event("input"));
		})()`, value, kind, query))
	}
	some := 0
	for label := -1; label < len(newsLabels); label++ {
		for _, c := range choices {
			for _, query := range []string{"", "THE", "łódź"} {
				set(label, c.option, query)
				name := ""
				if label >= 0 {
					name = newsLabels[label]
				}
				expected := want(list, c.kinds, name, query)
				got := eval[[]string](p, shownIDs)
				if !slices.Equal(expected, got) {
					t.Errorf("label %q, kind %q, text %q: %s", name, c.option, query, cmp.Diff(expected, got))
				}
				if count, want := eval[string](p, `document.getElementById("count").value`), fmt.Sprintf("%d of 200 sentences", len(got)); count != want {
					t.Errorf("label %q, kind %q, text %q: it says %q, want %q", name, c.option, query, count, want)
				}
				if none := eval[bool](p, `document.getElementById("nothing").checkVisibility()`); none != (len(got) == 0) {
					t.Errorf("%d sentences are shown; that there are none is said: %v", len(got), none)
				}
				if 0 < len(got) && len(got) < len(list) {
					some++
				}
			}
		}
	}
	if some < 50 {
		t.Errorf("only %d of the filters tell sentences apart", some)
	}
	set(0, "m", "łódź")
	p.do(chromedp.Click(chromedp.CSS("button[type=reset]")))
	p.until(`document.getElementById("count").value === "200 of 200 sentences"`)
	p.clean()
}

func testKeys(t *testing.T, b *window) {
	list := many(t, 50)
	p := b.open(t, sample(list))
	at := func(id, position string) {
		t.Helper()
		got := eval[[]string](p, `[document.activeElement.id, document.getElementById("position").textContent]`)
		if diff := cmp.Diff([]string{id, position}, got); diff != "" {
			t.Error(diff)
		}
		if !eval[bool](p, `(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.activeElement.getBoundingClientRect())`) {
			t.Errorf("%s is out of sight", id)
		}
	}
	p.press("k")
	at("s1", "sentence 1 of 50")
	p.press("jnj")
	at("s4", "sentence 4 of 50")
	p.press("p")
	at("s3", "sentence 3 of 50")
	p.press(strings.Repeat("j", 60))
	at("s50", "sentence 50 of 50")

	hits := want(list, nil, "", "council")
	p.press("/")
	p.press("council")
	at("search", "sentence 50 of 50")
	if got := eval[string](p, `document.getElementById("search").value`); got != "council" {
		t.Errorf("the search holds %q", got)
	}
	p.do(chromedp.KeyEvent(kb.Escape))
	p.press("jj")
	at(elementOf(t, hits[1]), fmt.Sprintf("sentence 2 of %d", len(hits)))

	p.do(chromedp.Click(chromedp.CSS("#keys")))
	p.js(`document.activeElement.blur()`)
	p.press("j")
	if got := eval[string](p, `document.getElementById("position").textContent`); got != fmt.Sprintf("sentence 2 of %d", len(hits)) {
		t.Errorf("with keys off, j leads to %q", got)
	}

	// From the top of the page, Tab first comes to what skips the tables.
	p.do(chromedp.Navigate(p.url), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	p.until(`document.activeElement.id === "sentences"`)
	p.clean()
}

// elementOf is the page's name for a sentence of many.
func elementOf(t *testing.T, id string) string {
	return fmt.Sprintf("s%.0f", number(t, id)+1)
}

func testHostile(t *testing.T, b *window) {
	said := strings.TrimSpace(strings.Join(hostile, " "))
	shown := plain(said)
	p := b.open(t, hostileReport(said))
	p.do(chromedp.SendKeys(chromedp.CSS("#search"), "probe"))
	for expression, want := range map[string]string{
		`typeof window.probe`: "undefined",
		`String(document.scripts.length + document.images.length + document.styleSheets.length)`: "2", // its own style and script
		`document.title`: "x" + strings.Join(strings.Fields(shown), " "),
		`document.querySelector("h1").textContent`:                                             "x" + shown,
		`document.querySelector(".s > p").textContent`:                                         shown + " x " + shown,
		`document.querySelector(".s > a").textContent`:                                         shown,
		`document.querySelector(".s q").textContent`:                                           "x" + shown,
		`document.querySelector(".t b").dataset.l.replace(/^\S+ /, "")`:                        shown,
		`document.querySelector("#label option:nth-child(2)").textContent`:                     shown,
		`document.querySelector("[aria-labelledby=costs] tbody th").textContent`:               "x" + shown,
		`document.querySelector("[aria-labelledby=scores] tr:nth-child(5) .chip").textContent`: shown,
		`String(document.querySelectorAll("[onerror], [onmouseover], [autofocus]").length)`:    "0",
		`document.getElementById("count").value`:                                               "1 of 1 sentence",
	} {
		if got := eval[string](p, expression); got != want {
			t.Errorf("%s is\n%q, want\n%q", expression, got, want)
		}
	}
	p.clean()
}

func testPicture(t *testing.T, b *window) {
	var svg bytes.Buffer
	if err := WriteComparisonSVG(&svg, points("random", "bm25", "embedding"), OverDemonstrations); err != nil {
		t.Fatal(err)
	}
	p := b.tab(t, "comparison.svg")
	p.write(svg.Bytes())
	p.size(660, 400)
	for scheme, want := range map[string]string{"light": "rgb(253, 253, 252)", "dark": "rgb(22, 23, 26)"} {
		p.prefer("", scheme)
		if got := eval[string](p, `getComputedStyle(document.querySelector(".paper")).fill`); got != want {
			t.Errorf("%s: the paper is %s, want %s", scheme, got, want)
		}
		p.shoot("comparison-" + scheme)
	}
	p.clean()
}

func testThemes(t *testing.T, b *window) {
	p := b.open(t, sample(news(t)))
	paper := `getComputedStyle(document.body).backgroundColor`
	const light, dark = "rgb(253, 253, 252)", "rgb(22, 23, 26)"
	check := func(what, want string) {
		t.Helper()
		if got := eval[string](p, paper); got != want {
			t.Errorf("%s: the page is %s, want %s", what, got, want)
		}
	}
	choose := func(theme string) {
		eval[bool](p, fmt.Sprintf(`(() => { const s = document.getElementById("theme"); s.value = %q; return s.dispatchEvent(new Event("change")) })()`, theme))
	}
	for _, c := range []struct{ system, chosen, want string }{
		{"light", "", light}, {"dark", "", dark}, {"dark", "light", light}, {"light", "dark", dark}, {"light", "", light},
	} {
		p.prefer("", c.system)
		choose(c.chosen)
		check(fmt.Sprintf("system %s, switch %q", c.system, c.chosen), c.want)
	}
	choose("dark")
	p.prefer("print", "dark")
	check("printed", light)
	if eval[bool](p, `document.getElementById("filters").checkVisibility()`) {
		t.Error("the filters are printed")
	}
	p.clean()
}

func testNoScript(t *testing.T, b *window) {
	p := b.tab(t, "report.html")
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.show(sample(news(t)))
	for selector, visible := range map[string]bool{
		"[aria-labelledby=scores] td": true, ".s > p": true, "noscript p": true, "#filters": false, "#theme": false, ".keys": false, "#nothing": false,
	} {
		if got := eval[bool](p, fmt.Sprintf(`document.querySelector(%q).checkVisibility()`, selector)); got != visible {
			t.Errorf("%s is shown: %v", selector, got)
		}
	}
	p.clean()
}

// A rectangle in the page.
type rect struct{ Left, Top, Right, Bottom float64 }

func testMarks(t *testing.T, b *window) {
	entity := func(start, end int, label string) corpus.Entity {
		return corpus.Entity{Span: markup.Span{Start: start, End: end}, Label: label}
	}
	s := Prediction{HasGold: true, Gold: []corpus.Entity{entity(1, 5, "ORG"), entity(3, 5, "LOC"), entity(4, 5, "A-LONG-LABEL"), entity(6, 7, "PER")}}
	s.ID, s.Tokens = "nested", strings.Fields("the University of New York in V .")
	s.Text = strings.Join(s.Tokens, " ")
	s.Entities = []corpus.Entity{entity(1, 5, "ORG"), entity(2, 4, "LOC")}
	p := b.open(t, &Page{Title: "nested", Labels: []string{"ORG", "LOC"}, Sentences: []Prediction{s}})
	p.size(1280, 800)
	p.shoot("nested")
	rects := func(selector string) []rect {
		return eval[[]rect](p, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => { const r = e.getBoundingClientRect(); return { Left: r.left, Top: r.top, Right: r.right, Bottom: r.bottom } })`, selector))
	}
	// The words' own boxes, without the room for marks around them.
	words := eval[[]rect](p, `[...document.querySelectorAll(".t")].map((e) => { const r = document.createRange(); r.selectNode(e.firstChild); const b = r.getBoundingClientRect(); return { Left: b.left, Top: b.top, Right: b.right, Bottom: b.bottom } })`)
	gold, pred := rects(".gold"), rects(".pred")
	if len(words) != 5 || len(gold) != 8 || len(pred) != 6 {
		t.Fatalf("%d marked words with %d and %d marks, want 5 with 8 and 6", len(words), len(gold), len(pred))
	}
	const slack = 2.5 // the box of a line is higher than its letters
	for _, g := range gold {
		if i := slices.IndexFunc(words, func(w rect) bool { return math.Abs(w.Left-g.Left) < 1 }); i < 0 || g.Bottom > words[i].Top+slack {
			t.Errorf("a gold mark at %+v does not stand above a word", g)
		}
	}
	for _, m := range pred {
		if i := slices.IndexFunc(words, func(w rect) bool { return math.Abs(w.Left-m.Left) < 1 }); i < 0 || m.Top < words[i].Bottom-slack {
			t.Errorf("a predicted mark at %+v does not stand below a word", m)
		}
	}
	for i, g := range gold {
		for _, h := range gold[:i] {
			if g.Left == h.Left && g.Top < h.Bottom && h.Top < g.Bottom {
				t.Errorf("gold marks at %+v and %+v cover each other", g, h)
			}
		}
	}
	// A mark is as wide as what is written on it.
	if w := eval[float64](p, `Math.min(...[...document.querySelectorAll(".t .first.last")].map((e) => e.clientWidth - e.scrollWidth))`); w < 0 {
		t.Errorf("a label is cut by %v pixels", -w)
	}
	p.clean()
}

func testNarrow(t *testing.T, b *window) {
	list := news(t)
	long := &list[3]
	long.Tokens = append([]string{"https://example.org/" + strings.Repeat("long", 60)}, long.Tokens...)
	for _, all := range [][]corpus.Entity{long.Gold, long.Entities} {
		for i := range all {
			all[i].Start, all[i].End = 0, all[i].End+1
		}
	}
	p := b.open(t, sample(list))
	p.size(400, 850)
	if w := eval[int](p, `document.documentElement.scrollWidth`); w > 400 {
		t.Errorf("the page is %d pixels wide", w)
	}
	p.clean()
}

// Times are for people to read: a slow machine is no fault of the page.
func testMany(t *testing.T, b *window) {
	list := many(t, 5000)
	p := b.open(t, sample(list))
	p.size(1280, 900)
	loaded := eval[[]float64](p, `(({ domInteractive, loadEventEnd }) => [domInteractive, loadEventEnd])(performance.getEntriesByType("navigation")[0])`)
	timed := func(do string) float64 {
		return get(p, chromedp.Evaluate[float64](`(async () => {
			const start = performance.now();
			`+do+`;
			await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
			return performance.now() - start;
		})()`, chromedp.EvalAwaitPromise))
	}
	choose := func(id, value string) string {
		return fmt.Sprintf(`document.getElementById(%q).value = %q; document.getElementById("filters").dispatchEvent(new Event("input"))`, id, value)
	}
	t.Logf("5,000 sentences: %d bytes; interactive after %.0f ms, loaded after %.0f ms", len(page(t, sample(list))), loaded[0], loaded[1])
	t.Logf("until painted: first search %.0f ms, search %.0f ms, kind %.0f ms, all again %.0f ms, to the end %.0f ms",
		timed(choose("search", "the")), timed(choose("search", "council")), timed(choose("kind", "m")),
		timed(choose("kind", "")+`;`+choose("search", "")), timed(`document.querySelector(".s:last-of-type").scrollIntoView()`))
	start := time.Now()
	p.press(strings.Repeat("j", 20))
	t.Logf("20 steps by key: %v", time.Since(start))
	if got := eval[string](p, `document.getElementById("position").textContent`); got != "sentence 20 of 5000" {
		t.Errorf("after 20 steps: %q", got)
	}
	p.clean()
}

// testLooks takes pictures for people to look at.
func testLooks(t *testing.T, b *window) {
	if *shots == "" {
		t.Skip("there is no -shots folder for the pictures")
	}
	p := b.open(t, sample(news(t)))
	for _, scheme := range []string{"light", "dark"} {
		p.prefer("", scheme)
		for _, width := range []int64{1280, 400} {
			p.size(width, 900)
			p.js(`scrollTo(0, 0)`)
			p.shoot(fmt.Sprintf("%s-%d-top", scheme, width))
			p.js(`document.getElementById("sentences").scrollIntoView()`)
			p.shoot(fmt.Sprintf("%s-%d-sentences", scheme, width))
		}
	}
	p.clean()
}
