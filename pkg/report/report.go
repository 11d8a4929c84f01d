// Package report presents the results of a run: one HTML file with the scores and the
// sentences behind them, and an SVG chart that compares methods. Both files are
// self-contained: they load nothing.
package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/price"
	"nertools/pkg/score"
)

// A Page is the content of the HTML file. Empty parts are omitted.
type Page struct {
	Title     string   // names of the files reported on
	Labels    []string // in catalogue order, which determines their colours; labels found in addition follow
	Rows      Rows
	Scores    *score.Evaluation // nil without gold
	Answers   Quality
	Costs     []Spending
	Total     string // sum of all Costs, formatted; may be empty
	Prices    string // date of the prices, such as "2026-11-22"; may be empty
	Sentences []Prediction
}

// Rows counts the rows, or the sentences, that were asked about. Rows = OK + Failed + Missing.
type Rows struct {
	Rows, OK, Failed, Missing int
	Sentences                 bool // asked about as a whole, with one question each
}

// Quality counts the answers by form. The zero value is empty.
type Quality struct {
	Classes map[markup.Fidelity]int
	Damage  map[markup.Damage]int // by single kind; an answer can have several
}

// Add counts an answer.
func (a *Quality) Add(x *markup.Alignment) {
	if a.Classes == nil {
		a.Classes, a.Damage = map[markup.Fidelity]int{}, map[markup.Damage]int{}
	}
	a.Classes[x.Class]++
	for _, d := range markup.Damages() {
		if x.Damage&d != 0 {
			a.Damage[d]++
		}
	}
}

// Spending is the number of tokens used by calls of one kind.
type Spending struct {
	collect.Spent
	Money string // formatted; empty if the price is unknown
}

// A Prediction is a sentence with its predicted and gold entities. Entities must be
// within its tokens or characters; neither side may contain duplicates.
type Prediction struct {
	corpus.Sentence
	Gold    []corpus.Entity
	HasGold bool // if false, the gold is unknown, and nothing counts as an error
}

//go:embed page.tmpl
var pageTemplate string

//go:embed page.css
var style string

//go:embed page.js
var script string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"plain":   plain,
	"n":       grouped,
	"sum":     func(x, y int) int { return x + y },
	"percent": func(x float64) string { return strconv.FormatFloat(100*x, 'f', 2, 64) },
}).Parse(pageTemplate))

// NewPage returns a page about results, with the number of rows and the cost.
func NewPage(title string, r *collect.Results, prices *price.Table) *Page {
	sum := r.Sum()
	p := &Page{Title: title, Prices: prices.Date, Rows: Rows{Rows: sum.Rows, OK: sum.OK, Failed: sum.Failed.Rows(), Missing: sum.Missing, Sentences: sum.Sentences}}
	total, known := 0.0, false
	for i, s := range r.Spent() {
		line := Spending{Spent: s}
		amount, ok := s.Cost(prices)
		if ok {
			line.Money = prices.Money(amount)
			total += amount
		}
		known = ok && (known || i == 0)
		p.Costs = append(p.Costs, line)
	}
	if known {
		p.Total = prices.Money(total)
	}
	return p
}

// Add adds a sentence. hasGold says whether its gold entities are known.
func (r *Page) Add(s *annotate.Annotation, hasGold bool) {
	r.Sentences = append(r.Sentences, Prediction{Sentence: s.Sentence, Gold: s.Gold, HasGold: hasGold})
	if s.Whole != nil {
		r.Answers.Add(s.Whole)
		return
	}
	for i := range s.Answers {
		if s.Answers[i].Failure == nil {
			r.Answers.Add(&s.Answers[i].Alignment)
		}
	}
}

// WriteHTML writes the page, which it builds in memory. The same page results in the same
// bytes.
func (r *Page) WriteHTML(w io.Writer) error {
	b := newBody(r.Labels)
	for i := range r.Sentences {
		b.add(&r.Sentences[i])
	}
	rows := scoreRows(r.Scores, b)
	css := style + colours(len(b.labels))
	head := struct {
		*Page
		Policy    string
		Style     template.CSS
		Sentences int
		HasGold   bool
		Scores    []scoreRow
		About     string
		Tables    []table
		Labels    []string
		Kinds     []option
	}{
		Page:      r,
		Policy:    policy(css, script),
		Style:     template.CSS(css),
		Sentences: b.sentences,
		HasGold:   b.hasGold,
		Scores:    rows,
		About:     about(r.Scores),
		Tables:    r.tables(b),
		Labels:    b.labels,
		Kinds:     b.kinds(),
	}
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "head", head); err != nil {
		return fmt.Errorf("make report: %w", err)
	}
	out.Write(b.out)
	if err := pages.ExecuteTemplate(&out, "foot", template.JS(script)); err != nil {
		return fmt.Errorf("make report: %w", err)
	}
	if _, err := out.WriteTo(w); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// policy allows the page to use its own style and script and nothing else. Style
// attributes contain only numbers.
func policy(style, script string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; base-uri 'none'; form-action 'none'; style-src-attr 'unsafe-inline'; style-src " + hash(style) + "; script-src " + hash(script)
}

// colours returns the CSS rules for n labels.
func colours(n int) string {
	var b strings.Builder
	for i := range n {
		c := colourOf(i)
		fmt.Fprintf(&b, ".l%d { --bg: %s; --fg: %s; --mid: %s }\n", i, c.Back, c.Fore, c.Mid)
	}
	return b.String()
}
