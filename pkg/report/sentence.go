package report

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/score"
)

// A sign is one of the properties by which sentences can be filtered.
type sign struct {
	Letter  string // in the page's data
	Sign    string // for readers who can't see the colour or the line
	Name    string
	Class   string // of the mark
	Meaning string
}

var (
	correct    = sign{"c", "", "correct", "", "the words and the label are those of gold"}
	missed     = sign{"m", "−", "missed", "missed", "in gold only"}
	spurious   = sign{"s", "+", "spurious", "spurious", "predicted only"}
	boundary   = sign{"b", "↔", "wrong boundary", "boundary", "the label is right and some of the words"}
	wrongLabel = sign{"l", "≠", "wrong label", "label", "the words are right"}
	found      = sign{"f", "", "found", "", "predicted; there is no gold to compare with"}
	repaired   = sign{"r", "~", "repaired", "", "predicted; marks, spacing, letters or place had to be mended"}
	unused     = sign{"u", "?", "not used", "", "marked in an answer, but not used; the reason is beside it"}
	unanswered = sign{"n", "∅", "no answer", "", "a label whose question has no answer"}
)

// signs lists them all in the order in which they are shown; the first four are errors.
var signs = []sign{missed, spurious, boundary, wrongLabel, correct, found, repaired, unused, unanswered}

const errorLetters = "msbl"

var signOf = map[score.Relation]sign{score.Correct: correct, score.Missed: missed, score.Spurious: spurious, score.WrongBoundary: boundary, score.WrongLabel: wrongLabel}

// A mark is an entity as drawn.
type mark struct {
	corpus.Entity        // counted in tokens; see [body.cut]
	where         string // in its document, if that is known
	gold          bool
	sign          sign
	lane          int // 0 is nearest to the words
}

// body renders one sentence after another, and counts what they contain.
type body struct {
	labels    []string
	known     map[string]int
	out       []byte
	sentences int
	hasGold   bool
	items     map[string]int // number of items, by letter
	holding   map[string]int // number of sentences with such an item, by letter; "" for an error of any kind
	reasons   map[markup.Reason]int
	at        corpus.Offsets // of the current sentence
	documents bool           // its document is known
	marks     []mark
	open      []mark   // at a token
	above     []int    // end of the last gold mark in each lane
	below     []int    // the same for predicted marks
	seen      []string // items of the current sentence
}

func newBody(labels []string) *body {
	b := &body{known: map[string]int{}, items: map[string]int{}, holding: map[string]int{}, reasons: map[markup.Reason]int{}}
	for _, name := range labels {
		b.label(name)
	}
	return b
}

// label returns the number of a label.
func (b *body) label(name string) int {
	i, ok := b.known[name]
	if !ok {
		i = len(b.labels)
		b.known[name] = i
		b.labels = append(b.labels, name)
	}
	return i
}

// holds records that the current sentence has an item of a label, or with "" of none.
func (b *body) holds(s sign, label string) {
	item := s.Letter
	if label != "" {
		item += strconv.Itoa(b.label(label))
	}
	if !slices.Contains(b.seen, item) {
		b.seen = append(b.seen, item)
	}
}

func (b *body) add(s *Prediction) {
	b.sentences++
	b.hasGold = b.hasGold || s.HasGold
	b.marks, b.seen = b.marks[:0], b.seen[:0]
	if s.Unit == markup.Char {
		b.at.Reset(&s.Sentence)
	}
	b.documents = s.Position.Document != ""
	notes := b.entities(s)
	for _, u := range s.Unused {
		b.holds(unused, u.Label)
		b.items[unused.Letter]++
		b.reasons[u.Reason]++
		quote := ""
		if u.Text != "" {
			quote = "<q><bdi>" + text(u.Text) + "</bdi></q>, "
		}
		notes = appendNote(notes, unused, b.chip(u.Label), quote, reasonMeanings[u.Reason])
	}
	if len(s.Unanswered) > 0 {
		var chips []string
		for _, l := range s.Unanswered {
			b.holds(unanswered, l)
			b.items[unanswered.Letter]++
			chips = append(chips, b.chip(l))
		}
		notes = appendNote(notes, unanswered, strings.Join(chips, " "))
	}
	b.tally()

	n := strconv.Itoa(b.sentences)
	b.write(`<article class="s" id="s`, n, `" tabindex="-1" data-i="`, strings.Join(b.seen, " "), `"><a href="#s`, n, `"`)
	if s.Position.Document != "" {
		all := markup.Span{End: utf8.RuneCountInString(s.Text)}
		b.write(` title="`, text(s.Position.Document), ", ", b.inDocument(all), `"`)
	}
	b.write(`><bdi>`, text(cmp.Or(s.ID, n)), `</bdi></a>`)
	tokens, gaps := s.Tokens, []string(nil)
	if s.Unit == markup.Char {
		tokens, gaps = b.cut(s)
	}
	b.lanes()
	b.words(tokens, gaps)
	if len(notes) > 0 {
		b.write("<ul>")
		b.out = append(b.out, notes...)
		b.write("</ul>")
	}
	b.write("</article>\n")
}

// tally counts the current sentence under each of its letters.
func (b *body) tally() {
	var letters []string
	for _, item := range b.seen {
		letter := item[:1]
		if strings.Contains(errorLetters, letter) {
			letters = append(letters, "")
		}
		letters = append(letters, letter)
	}
	slices.Sort(letters)
	for _, letter := range slices.Compact(letters) {
		b.holding[letter]++
	}
}

// entities fills b.marks and returns descriptions of the differences.
func (b *body) entities(s *Prediction) (notes []byte) {
	if !s.HasGold {
		for _, e := range s.Entities {
			b.entity(e, false, found)
			b.items[found.Letter]++
		}
		return nil
	}
	for _, d := range score.Compare(s.Gold, s.Entities) {
		kind := signOf[d.Kind]
		var sides []string
		if d.Gold >= 0 {
			e := s.Gold[d.Gold]
			b.entity(e, true, kind)
			sides = append(sides, b.name(s, e))
		}
		if d.Predicted >= 0 {
			e := s.Entities[d.Predicted]
			b.entity(e, false, kind)
			sides = append(sides, b.name(s, e))
		}
		b.items[kind.Letter]++
		switch {
		case d.Kind == score.Correct:
		case len(sides) == 2:
			notes = appendNote(notes, kind, "gold ", sides[0], ", predicted ", sides[1])
		default:
			notes = appendNote(notes, kind, sides[0])
		}
	}
	return notes
}

func (b *body) entity(e corpus.Entity, gold bool, kind sign) {
	m := mark{Entity: e, gold: gold, sign: kind}
	if b.documents {
		m.where = b.inDocument(e.Span)
	}
	b.marks = append(b.marks, m)
	b.holds(kind, e.Label)
	if e.How == markup.Repaired {
		b.holds(repaired, e.Label)
		b.items[repaired.Letter]++
	}
}

// lanes places the marks so that marks on the same side do not overlap: the first and
// longest are nearest to the words.
func (b *body) lanes() {
	slices.SortStableFunc(b.marks, func(x, y mark) int { return x.Span.Compare(y.Span) })
	b.above, b.below = b.above[:0], b.below[:0]
	for i := range b.marks {
		m := &b.marks[i]
		ends := &b.below
		if m.gold {
			ends = &b.above
		}
		for m.lane < len(*ends) && m.Start < (*ends)[m.lane] {
			m.lane++
		}
		if m.lane == len(*ends) {
			*ends = append(*ends, 0)
		}
		(*ends)[m.lane] = m.End
	}
}

// inDocument says where a span of the current sentence is in its document.
func (b *body) inDocument(sp markup.Span) string {
	start, end, startByte, endByte := b.at.InDocument(sp)
	return fmt.Sprintf("characters %d to %d, bytes %d to %d", start, end, startByte, endByte)
}

// cut cuts a text sentence at its white space and wherever a mark begins or ends, and makes
// the marks count these tokens. gaps are the white space before each.
func (b *body) cut(s *Prediction) (tokens, gaps []string) {
	edges := make([]int, 0, 2*len(b.marks)) // in bytes
	for _, m := range b.marks {
		start, end := b.at.Bytes(m.Span)
		edges = append(edges, start, end)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var starts []int
	at := 0
	for _, token := range markup.AppendTokens(nil, s.Text) {
		from := at + strings.Index(s.Text[at:], token)
		gap := s.Text[at:from]
		at = from + len(token)
		for from < at {
			to := at
			for len(edges) > 0 && edges[0] <= from {
				edges = edges[1:]
			}
			if len(edges) > 0 {
				to = min(to, edges[0])
			}
			tokens, gaps, starts = append(tokens, s.Text[from:to]), append(gaps, gap), append(starts, from)
			gap, from = "", to
		}
	}
	b.marks = slices.DeleteFunc(b.marks, func(m mark) bool {
		start, end := b.at.Bytes(m.Span)
		return strings.TrimFunc(s.Text[start:end], unicode.IsSpace) == "" // there is nothing to see
	})
	for i := range b.marks {
		m := &b.marks[i]
		start, end := b.at.Bytes(m.Span)
		m.Start, _ = slices.BinarySearch(starts, start)
		m.End, _ = slices.BinarySearch(starts, end)
	}
	return tokens, gaps
}

// words writes the tokens with the marks above and below them. gaps are the white space
// before each; nil for single spaces.
func (b *body) words(tokens, gaps []string) {
	b.write(`<p dir="auto"`)
	if len(b.marks) > 0 {
		b.write(` style="--g:`, strconv.Itoa(len(b.above)), `;--p:`, strconv.Itoa(len(b.below)), `"`)
	}
	b.write(">")
	next, open := 0, b.open[:0]
	for i := range tokens {
		open = slices.DeleteFunc(open, func(m mark) bool { return m.End <= i })
		for ; next < len(b.marks) && b.marks[next].Start == i; next++ {
			open = append(open, b.marks[next])
		}
		switch {
		case gaps != nil:
			b.write(text(strings.ReplaceAll(gaps[i], "\r", "")))
		case i > 0:
			b.write(" ")
		}
		b.token(tokens, i, open)
	}
	b.open = open
	b.write("</p>")
}

// token writes a token with the marks that cover it.
func (b *body) token(tokens []string, i int, marks []mark) {
	if len(marks) == 0 {
		b.write(text(tokens[i]))
		return
	}
	wide := 0
	for _, m := range marks {
		if m.Start == i {
			wide = max(wide, m.room(tokens))
		}
	}
	b.write(`<span class="t"`)
	if wide > 0 {
		b.write(` style="min-width:`, strconv.Itoa(wide), `ch"`)
	}
	b.write(">", text(tokens[i]))
	for _, m := range marks {
		b.mark(m, i)
	}
	b.write("</span>")
}

// room returns the minimum width of m's first token, in digits of the text, so that the
// label fits over the entity; 0 if it fits anyway. A letter of a label counts as four
// fifths of a digit, a letter of the text as one digit.
func (m mark) room(tokens []string) int {
	rest := 0
	for _, t := range tokens[m.Start+1 : m.End] {
		rest += 1 + utf8.RuneCountInString(t)
	}
	need := (utf8.RuneCountInString(m.caption())*4+4)/5 + 1 - rest
	if need <= utf8.RuneCountInString(tokens[m.Start]) {
		return 0
	}
	return need
}

func (m mark) caption() string {
	s := m.sign.Sign
	if m.How == markup.Repaired {
		s += repaired.Sign
	}
	return strings.TrimSpace(s + " " + m.Label)
}

func (b *body) mark(m mark, i int) {
	side, what := "pred", "predicted"
	if m.gold {
		side, what = "gold", "gold"
	}
	b.write(`<b class="`, side, " l", strconv.Itoa(b.label(m.Label)))
	if i == m.Start {
		b.write(" first")
	}
	if i == m.End-1 {
		b.write(" last")
	}
	if m.sign.Class != "" {
		b.write(" ", m.sign.Class)
	}
	b.write(`"`)
	if m.lane > 0 {
		b.write(` style="--k:`, strconv.Itoa(m.lane), `"`)
	}
	if i == m.Start {
		b.write(` data-l="`, text(m.caption()), `"`)
	}
	b.write(` title="`, what, " ", text(m.Label))
	if m.sign.Letter != found.Letter {
		b.write(": ", m.sign.Name)
	}
	if m.How == markup.Repaired {
		b.write(", ", repaired.Name)
	}
	if m.where != "" {
		b.write(", ", m.where)
	}
	b.write(`"></b>`)
}

func appendNote(dst []byte, s sign, parts ...string) []byte {
	dst = fmt.Appendf(dst, `<li><i aria-hidden="true">%s</i>%s: `, s.Sign, s.Name)
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return append(dst, "</li>"...)
}

func (b *body) chip(label string) string {
	if label == "" {
		return ""
	}
	return fmt.Sprintf(`<bdi class="chip l%d">%s</bdi> `, b.label(label), text(label))
}

// name returns the label and the words of e.
func (b *body) name(s *Prediction, e corpus.Entity) string {
	words := ""
	if s.Unit == markup.Char {
		start, end := b.at.Bytes(e.Span)
		words = s.Text[start:end]
	} else {
		words = strings.Join(s.Tokens[e.Start:e.End], " ")
	}
	return b.chip(e.Label) + "<bdi>" + text(words) + "</bdi>"
}

func (b *body) write(parts ...string) {
	for _, p := range parts {
		b.out = append(b.out, p...)
	}
}

// text escapes s for HTML text or a quoted attribute.
func text(s string) string { return html.EscapeString(plain(s)) }

// plain makes s displayable: bytes that are not UTF-8 become U+FFFD, and invisible
// characters that affect surrounding text (controls, bidirectional embedding and
// override) are replaced by their names.
func plain(s string) string {
	if strings.IndexFunc(s, acts) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if acts(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func acts(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || 0x7f <= r && r < 0xa0 || r == 0x2028 || r == 0x2029 || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}
