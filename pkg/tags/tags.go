// Package tags reads and writes text in which spans are wrapped in tags, such as "I took
// <DRUG>aspirin</DRUG>."
//
// A tag consists of "<", an optional "/", a name, optional attributes (type="DRUG",
// type='DRUG' or type=DRUG), an optional "/", and ">". A name is a letter followed by
// letters, digits, "_", "-", "." and ":"; several words without "=" are one name ("<WORK
// OF ART>"). The case of tag and attribute names is ignored. A tag has at most 512 bytes;
// everything else is text.
//
// Spans may be nested and may cross. An end tag ends the most recent open span of the
// same name.
//
// With [Options.Escapes], "&lt;", "&gt;" and "&amp;" in the text mean "<", ">" and "&",
// and all other characters mean themselves. [Append] writes either form.
package tags

import (
	"cmp"
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Tag is a tag in the input.
type Tag struct {
	Name     string // as written
	Attrs    []Attr // in order; attributes without a value are omitted
	End      bool   // "</PER>"
	Empty    bool   // "<PER/>"
	Square   bool   // "[PER]"
	From, To int    // byte range in the input
	Span     int    // index of the span that the tag starts or ends, or -1
}

// An Attr is an attribute of a tag: its name and value.
type Attr struct{ Name, Value string }

// Attr returns the value of the first of the named attributes that the tag has.
func (t *Tag) Attr(names ...string) (value string, ok bool) {
	for _, name := range names {
		for _, a := range t.Attrs {
			if strings.EqualFold(a.Name, name) {
				return a.Value, true
			}
		}
	}
	return "", false
}

// Label returns the value of the attribute "type", "label" or "class", or the tag's name
// if it has none of them.
func (t *Tag) Label() string {
	if value, ok := t.Attr("type", "label", "class"); ok && value != "" {
		return value
	}
	return t.Name
}

// An Element is a part of the text that is wrapped in tags. It is never empty.
type Element struct {
	Label      string
	Start, End int // byte range in the text, half-open
}

// Kind says what is wrong with a tag.
type Kind uint8

// The kinds of [Flaw].
const (
	Unclosed Kind = iota + 1 // a start tag without an end tag
	Stray                    // an end tag without a start tag
	Crossing                 // an end tag while a span inside it is still open
	Blank                    // tags with nothing between them
)

// String returns "unclosed", "stray", "crossing" or "blank".
func (k Kind) String() string {
	return [...]string{"", "unclosed", "stray", "crossing", "blank"}[k]
}

// A Flaw is something wrong with a tag.
type Flaw struct {
	Kind Kind
	Tag  int // index of the tag; for Blank, of the start tag
}

// A Parsed is the result of [Parse].
type Parsed struct {
	Text     string    // the input without the tags
	Spans    []Element // sorted by Start, longer ones first
	Tags     []Tag     // those that were removed, in order
	Problems []Flaw    // sorted by tag
}

// Options control what counts as a tag.
type Options struct {
	// Label returns the label of the span that t starts, and whether t is a known tag;
	// unknown tags are text. It is called for start tags and for end tags without an open
	// span. If nil, all tags are known and [Tag.Label] is the label.
	Label func(t *Tag) (label string, known bool)

	// Text reports whether t is text, whatever its name: neither the start nor the end of
	// a span. If nil, none is.
	Text func(t *Tag) bool

	// Escapes resolves "&lt;", "&gt;" and "&amp;" in the text.
	Escapes bool

	// Loose also accepts tags as models write them: "&lt;PER&gt;", "\<PER\>", "＜PER＞",
	// "<\/PER>", [PER], and "</>", which ends the last open span.
	Loose bool
}

// Parse removes the tags from input and returns the text, the spans and the tags.
func Parse(input string, o Options) Parsed {
	p := parser{input: input, o: o, open: map[string][]int{}}
	from := 0 // of the text not copied yet
	for i := 0; i < len(input); {
		c := input[i]
		if c != '<' && (c != '&' && c != '\\' && c != '[' && c != '\xef' || !o.Loose && (c != '&' || !o.Escapes)) {
			i++
			continue
		}
		if t, ok := p.tag(i); ok {
			p.text.WriteString(input[from:i])
			if p.add(t) {
				i, from = t.To, t.To
			} else {
				from = i
				i++
			}
			continue
		}
		if o.Escapes && c == '&' {
			if char, size := escaped(input[i:]); size > 0 {
				p.text.WriteString(input[from:i])
				p.text.WriteByte(char)
				i += size
				from = i
				continue
			}
		}
		i++
	}
	p.text.WriteString(input[from:])
	return p.finish()
}

// escapes are the references that [Options.Escapes] resolves.
var escapes = [...]struct {
	name string
	char byte
}{{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}}

func escaped(s string) (char byte, size int) {
	for _, e := range escapes {
		if strings.HasPrefix(s, e.name) {
			return e.char, len(e.name)
		}
	}
	return 0, 0
}

type parser struct {
	input string
	o     Options
	text  strings.Builder
	out   Parsed
	spans []span
	open  map[string][]int // spans by lower-case tag name, innermost last
	stack []int            // spans that may be open, innermost last
}

type span struct {
	Element
	tag    int // the tag that starts it
	closed bool
}

// add handles a tag. It returns false if the tag is text.
func (p *parser) add(t Tag) bool {
	if p.o.Text != nil && p.o.Text(&t) {
		return false
	}
	name := strings.ToLower(t.Name)
	t.Span = -1
	if t.End {
		i := p.ended(name)
		if i < 0 {
			if t.Name == "" || !p.known(&t) {
				return false
			}
			p.problem(Stray, len(p.out.Tags))
		} else {
			p.end(i, len(p.out.Tags))
			t.Span = i
		}
		p.out.Tags = append(p.out.Tags, t)
		return true
	}
	label, known := p.label(&t)
	if !known {
		return false
	}
	i := len(p.spans)
	p.spans = append(p.spans, span{Element: Element{Label: label, Start: p.text.Len()}, tag: len(p.out.Tags), closed: t.Empty})
	t.Span = i
	if t.Empty {
		p.spans[i].End = p.spans[i].Start
	} else {
		p.open[name] = append(p.open[name], i)
		p.stack = append(p.stack, i)
	}
	p.out.Tags = append(p.out.Tags, t)
	return true
}

func (p *parser) label(t *Tag) (string, bool) {
	if p.o.Label == nil {
		return t.Label(), true
	}
	return p.o.Label(t)
}

func (p *parser) known(t *Tag) bool { _, ok := p.label(t); return ok }

func (p *parser) problem(kind Kind, tag int) {
	p.out.Problems = append(p.out.Problems, Flaw{kind, tag})
}

// ended returns the span that an end tag of this name ends, or -1.
func (p *parser) ended(name string) int {
	if name == "" {
		p.trim()
		if len(p.stack) == 0 {
			return -1
		}
		i := p.stack[len(p.stack)-1]
		name = strings.ToLower(p.out.Tags[p.spans[i].tag].Name)
	}
	open := p.open[name]
	if len(open) == 0 {
		return -1
	}
	p.open[name] = open[:len(open)-1]
	return open[len(open)-1]
}

// end ends span i at a tag.
func (p *parser) end(i, tag int) {
	s := &p.spans[i]
	s.End, s.closed = p.text.Len(), true
	p.trim()
	if n := len(p.stack); n > 0 && p.stack[n-1] > i {
		p.problem(Crossing, tag)
	}
}

// trim removes closed spans from the top of the stack.
func (p *parser) trim() {
	for n := len(p.stack); n > 0 && p.spans[p.stack[n-1]].closed; n-- {
		p.stack = p.stack[:n-1]
	}
}

func (p *parser) finish() Parsed {
	p.out.Text = p.text.String()
	place := make([]int, len(p.spans)) // in the result
	order := make([]int, 0, len(p.spans))
	for i, s := range p.spans {
		place[i] = -1
		switch {
		case !s.closed:
			p.problem(Unclosed, s.tag)
		case s.Start == s.End:
			p.problem(Blank, s.tag)
		default:
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return outerFirst(p.spans[a].Element, p.spans[b].Element) })
	for n, i := range order {
		place[i] = n
		p.out.Spans = append(p.out.Spans, p.spans[i].Element)
	}
	for i := range p.out.Tags {
		if t := &p.out.Tags[i]; t.Span >= 0 {
			t.Span = place[t.Span]
		}
	}
	slices.SortStableFunc(p.out.Problems, func(a, b Flaw) int { return cmp.Compare(a.Tag, b.Tag) })
	return p.out
}

// longest is the maximum length of a tag in bytes.
const longest = 512

// tag reads the tag that starts at i.
func (p *parser) tag(i int) (t Tag, ok bool) {
	r := reader{s: p.input[i:min(len(p.input), i+longest)], loose: p.o.Loose}
	if !r.begin() {
		return Tag{}, false
	}
	t = Tag{Square: r.square}
	t.End = r.skip("/") || r.loose && r.skip(`\/`)
	var words []string
	valued := false
	for {
		r.spaces(len(words) > 0)
		if r.end() {
			break
		}
		if r.skip("/") && r.end() {
			t.Empty = true
			break
		}
		name := r.name()
		if name == "" {
			return Tag{}, false
		}
		words = append(words, name)
		at := r.at
		r.spaces(true)
		if !r.skip("=") {
			r.at = at
			continue
		}
		r.spaces(true)
		value, ok := r.value()
		if !ok || len(words) == 1 {
			return Tag{}, false
		}
		t.Attrs = append(t.Attrs, Attr{name, value})
		valued = true
	}
	switch {
	case len(words) == 0 && (!t.End || t.Empty || !p.o.Loose), t.End && (t.Empty || valued):
		return Tag{}, false
	case valued:
		t.Name = words[0]
	default:
		t.Name = strings.Join(words, " ")
	}
	t.From, t.To = i, i+r.at
	return t, true
}

// reader reads a tag.
type reader struct {
	s      string
	at     int
	loose  bool
	square bool
	closer string
}

func (r *reader) skip(s string) bool {
	if !strings.HasPrefix(r.s[r.at:], s) {
		return false
	}
	r.at += len(s)
	return true
}

// brackets are the brackets of a tag; only the first pair is always accepted.
var brackets = [...][2]string{{"<", ">"}, {"&lt;", "&gt;"}, {`\<`, `\>`}, {"＜", "＞"}, {"[", "]"}}

func (r *reader) begin() bool {
	for i, b := range brackets {
		if (i == 0 || r.loose) && r.skip(b[0]) {
			r.closer, r.square = b[1], b[0] == "["
			return true
		}
	}
	return false
}

// end reads the closing bracket. After an opening bracket with a backslash, the closing
// bracket may lack one.
func (r *reader) end() bool {
	return r.skip(r.closer) || r.closer == `\>` && r.skip(">")
}

func (r *reader) spaces(may bool) {
	for may && r.at < len(r.s) && strings.IndexByte(" \t\r\n", r.s[r.at]) >= 0 {
		r.at++
	}
}

// name reads a name, or returns "".
func (r *reader) name() string {
	from := r.at
	for r.at < len(r.s) {
		c, size := utf8.DecodeRuneInString(r.s[r.at:])
		letter := unicode.IsLetter(c) || c == '_'
		if !letter && (r.at == from || !unicode.IsNumber(c) && !unicode.IsMark(c) && !strings.ContainsRune("-.:", c)) {
			break
		}
		r.at += size
	}
	return r.s[from:r.at]
}

// quotes may enclose an attribute's value; the first two pairs are always accepted.
var quotes = [...][2]string{{`"`, `"`}, {"'", "'"}, {`\"`, `\"`}, {`\'`, `\'`}, {"“", "”"}, {"&quot;", "&quot;"}}

// value reads the value of an attribute.
func (r *reader) value() (string, bool) {
	for i, q := range quotes {
		if (i < 2 || r.loose) && r.skip(q[0]) {
			value, _, ok := strings.Cut(r.s[r.at:], q[1])
			r.at += len(value) + len(q[1])
			return html.UnescapeString(value), ok
		}
	}
	from := r.at
	for r.at < len(r.s) && strings.IndexByte(" \t\r\n\"'<>[]&\\/=", r.s[r.at]) < 0 && !strings.HasPrefix(r.s[r.at:], "＞") {
		r.at++
	}
	return r.s[from:r.at], r.at > from
}

// outerFirst sorts elements by start, longer ones first.
func outerFirst(a, b Element) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
}

// Append appends text with its spans wrapped in tags. With escapes, "<", ">" and "&" of the
// text are escaped. Spans must not be empty. Of spans that start or end at the same place,
// the longer is outside. Spans may cross unless their tags have the same name, because an
// end tag would then end the wrong one.
//
// A label that cannot be a tag name is written as <entity type="...">.
func Append(dst []byte, text string, spans []Element, escapes bool) []byte {
	appendText := func(dst []byte, text string) []byte { return append(dst, text...) }
	if escapes {
		appendText = appendEscaped
	}
	starts := slices.Clone(spans)
	slices.SortStableFunc(starts, outerFirst)
	rank := make([]int, len(starts)) // those that end, in order
	for i := range rank {
		rank[i] = i
	}
	slices.SortStableFunc(rank, func(a, b int) int {
		return cmp.Or(cmp.Compare(starts[a].End, starts[b].End), cmp.Compare(starts[b].Start, starts[a].Start), cmp.Compare(b, a))
	})
	at, begun, ended := 0, 0, 0
	for begun < len(starts) || ended < len(rank) {
		if ended < len(rank) && (begun == len(starts) || starts[rank[ended]].End <= starts[begun].Start) {
			s := &starts[rank[ended]]
			dst = appendText(dst, text[at:s.End])
			at = s.End
			dst = appendEnd(dst, s.Label)
			ended++
		} else {
			s := &starts[begun]
			dst = appendText(dst, text[at:s.Start])
			at = s.Start
			dst = appendStart(dst, s.Label)
			begun++
		}
	}
	return appendText(dst, text[at:])
}

// Start returns the tag that [Append] puts before a span with the label.
func Start(label string) string { return string(appendStart(nil, label)) }

// End returns the tag that [Append] puts behind such a span.
func End(label string) string { return string(appendEnd(nil, label)) }

func appendStart(dst []byte, label string) []byte {
	if isName(label) {
		return append(append(append(dst, '<'), label...), '>')
	}
	return append(append(append(dst, `<entity type="`...), html.EscapeString(label)...), `">`...)
}

func appendEnd(dst []byte, label string) []byte {
	if !isName(label) {
		label = "entity"
	}
	return append(append(append(dst, "</"...), label...), '>')
}

// isName reports whether label can be the name of a tag.
func isName(label string) bool {
	r := reader{s: label}
	return label != "" && len(label) <= longest/2 && r.name() == label
}

// appendEscaped appends text with its "<", ">" and "&" escaped.
func appendEscaped(dst []byte, text string) []byte {
	from := 0
	for i := range len(text) {
		for _, e := range escapes {
			if text[i] == e.char {
				dst = append(dst, text[from:i]...)
				dst = append(dst, e.name...)
				from = i + 1
			}
		}
	}
	return append(dst, text[from:]...)
}
