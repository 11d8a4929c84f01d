package markup

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// answer is an answer taken apart: its letters, and where they are marked.
type answer struct {
	text    string
	letters letters // without the signs of marks
	damage  Damage
	signs   []sign
	atoms   []atom // of the region aligned last
	marks   []mark // by open sign
	stack   []int  // the marks that are open, innermost last
	others  []otherMark
	inList  bool     // it is an entry of a list
	labels  []string // those asked for, and others that marks name
	asked   int      // how many of labels were asked for
}

// sign is a run of signs in an answer: a mark, or several next to each other.
type sign struct {
	kind     byte // '@', '#' or '*'; '<' for one of another notation
	from, to int  // the bytes of the mark, without signs that are text
	n        int  // how many "@", "#" or "*" there are
	odd      bool // some are full-width or escaped
	other    int  // number of the mark in another notation, from 1
	at       int  // how many letters are before it
	rawAt    int
	marks    int // that begin or end here
}

// mark is a string that the answer marks.
type mark struct {
	open, close int    // signs; close is -1 if absent
	odd         bool   // not as [AppendMarked] writes it, whatever is around it
	left, right bool   // a sign has text on its outer side
	region      int    // that holds it, or -1
	found       bool   // at span
	again       bool   // found before at span, in another copy of the original
	mention     bool   // it may be that the signs are only spoken of: "between @@ and ##"
	stray       bool   // they are
	use         use    // of a mark in another notation
	dropped     bool   // it need not be that of an entity
	reason      Reason // why it is neither
	span        Span
	how         How
	label       int32 // that it names: its position in answer.labels, from 1; 0 for none
}

// claim returns what the answer says about the label of a mark.
func (a *answer) claim(m *mark) claim {
	if m.label == 0 {
		return claim{reason: m.reason}
	}
	return claim{a.labels[m.label-1], m.reason}
}

// setClaim makes said what the answer says about the label of a mark.
func (a *answer) setClaim(m *mark, said claim) {
	m.reason, m.label = said.reason, 0
	if said.label == "" {
		return
	}
	i := slices.Index(a.labels[:a.asked], said.label)
	if i < 0 {
		i = len(a.labels)
		a.labels = append(a.labels, said.label)
	}
	m.label = int32(i + 1)
}

// read takes text apart. The original's tokens tell signs that are text from marks.
func (a *answer) read(text string, al *Aligner) {
	a.text, a.damage = text, 0
	a.labels, a.asked = append(a.labels[:0], al.question.Asked...), len(al.question.Asked)
	a.signs, a.marks, a.stack, a.others = a.signs[:0], a.marks[:0], a.stack[:0], a.others[:0]
	marks := a.scan(text, '@', '#', &al.original.signs)
	switch {
	case al.question.ofSentence():
		a.readLabelled(al, marks)
	case marks:
		if a.hasTags(al) {
			a.damage |= OtherMarkup
		}
	case a.readOther(al):
		a.sortSigns()
	case !al.original.signs.stars && strings.Contains(text, "**"):
		a.signs = a.signs[:0]
		a.scan(text, '*', '*', &al.original.signs)
	default:
		a.readEmphases(al)
		a.sortSigns()
	}
	a.cut()
	a.pair()
	if al.question.ofSentence() {
		a.unlabelled()
	}
}

// scan finds the signs and reports whether one of kind begin is a mark.
func (a *answer) scan(text string, begin, end byte, known *signTokens) (marks bool) {
	var last chunk
	odd := begin == '@' && known.maySpellOdd(text)
	for i := 0; i < len(text); {
		c := text[i]
		if c != begin && c != end && (!odd || c != '\\' && c != wide) {
			i++
			continue
		}
		if odd {
			if sg := known.oddSign(text, i); sg.to > 0 {
				if sg.n > 1 {
					a.signs = append(a.signs, sg)
					a.damage |= OtherMarkup
					marks = marks || sg.kind == begin
				}
				i = sg.to
				continue
			}
			if c == '\\' || c == wide {
				i++
				continue
			}
		}
		n := count(text[i:], c)
		if n > 1 {
			left, right := known.literal(&last, text, i, n)
			if n -= left + right; n > 1 {
				a.signs = append(a.signs, sign{kind: c, from: i + left, to: i + left + n, n: n})
				marks = marks || c == begin
			}
			n += left + right
		}
		i += n
	}
	return marks
}

// wide is the first byte of full-width signs.
const wide = '\xef'

// maySpellOdd reports whether text may have signs that are full-width or escaped:
// "＠＠" or "\@\@". What the original has so is text.
func (k *signTokens) maySpellOdd(text string) bool {
	return !k.wide && (strings.Contains(text, "＠＠") || strings.Contains(text, "＃＃")) ||
		!k.escaped && (strings.Contains(text, `\@`) || strings.Contains(text, `\#`))
}

// oddSign reads a run of signs of one kind of which at least one is full-width or
// escaped. The sign's end is 0 if no sign begins at i.
func (k *signTokens) oddSign(text string, i int) sign {
	sg := sign{from: i}
	odd := 0
	for to := i; ; sg.n++ {
		kind, size := k.unit(text[to:])
		if size == 0 || sg.n > 0 && kind != sg.kind {
			sg.to = to
			break
		}
		if size > 1 {
			odd++
		}
		sg.kind = kind
		to += size
	}
	if odd == 0 || k.slashes && odd < sg.n && strings.Contains(text[sg.from:sg.to], `\`) {
		return sign{}
	}
	sg.odd = true
	return sg
}

// unit reads one sign: "@", "＠" or "\@".
func (k *signTokens) unit(s string) (kind byte, size int) {
	switch {
	case s == "":
	case s[0] == '@' || s[0] == '#':
		return s[0], 1
	case !k.escaped && len(s) > 1 && s[0] == '\\' && (s[1] == '@' || s[1] == '#'):
		return s[1], 2
	case !k.wide && strings.HasPrefix(s, "＠"):
		return '@', len("＠")
	case !k.wide && strings.HasPrefix(s, "＃"):
		return '#', len("＃")
	}
	return 0, 0
}

// cut makes the letters of the text without its marks.
func (a *answer) cut() {
	a.letters.reset()
	from := 0
	for i := range a.signs {
		sg := &a.signs[i]
		a.letters.addText(a.text[from:sg.from])
		sg.at, sg.rawAt = len(a.letters.text), len(a.letters.raw)
		from = sg.to
	}
	a.letters.addText(a.text[from:])
}

// pair finds which sign ends what.
func (a *answer) pair() {
	for i := range a.signs {
		switch a.signs[i].kind {
		case '@':
			a.at(i)
		case '#':
			a.hash(i)
		case '*':
			a.damage |= ExtraSigns
			if len(a.stack) > 0 {
				a.end(i)
			} else {
				a.begin(i)
			}
		}
	}
	// What is still open never ends.
	for _, m := range a.stack {
		a.marks[m].close = -1
	}
	kept := a.marks[:0]
	for _, m := range a.marks {
		sg := &a.signs[m.open]
		switch {
		case m.close >= 0:
			kept = append(kept, m)
		case sg.marks > 1:
			sg.marks--
		case strings.TrimFunc(a.following(m.open), blank) == "":
			a.damage |= Stray
		default:
			a.damage |= Unbalanced
			m.reason = Unclosed
			kept = append(kept, m)
		}
	}
	a.marks = kept
	a.addOthers()
	a.look()
}

// deepest is how many entities may be open at a time. Of more, the outer ones have
// no end: together they would be of quadratic length.
const deepest = 16

func (a *answer) begin(i int) {
	if len(a.stack) == deepest {
		a.marks[a.stack[0]].close = -1
		a.stack = slices.Delete(a.stack, 0, 1)
	}
	a.stack = append(a.stack, len(a.marks))
	a.marks = append(a.marks, mark{open: i})
	a.signs[i].marks++
}

func (a *answer) end(i int) {
	last := len(a.stack) - 1
	m := &a.marks[a.stack[last]]
	m.close = i
	a.signs[i].marks++
	if a.signs[m.open].kind != '@' || a.signs[i].kind != '#' {
		m.odd = true
		if a.signs[i].kind != '*' {
			a.damage |= Unbalanced
		}
	}
	a.stack = a.stack[:last]
}

// at decides whether "@@" begins an entity or, by mistake, ends one.
func (a *answer) at(i int) {
	closing, opening := a.shape(i)
	next := a.kindOf(i + 1)
	switch open := len(a.stack) > 0; {
	case open && (closing || !opening && next != '#'):
		a.end(i)
	case closing && next != '#':
		a.damage |= Stray
	default:
		a.begin(i)
		if a.double(i) {
			a.begin(i)
		}
	}
}

// double reports whether "@@@@" begins two entities: what follows ends both, and
// all that begin inside.
func (a *answer) double(i int) bool {
	const reach = 64
	if a.signs[i].n != 2*len(Open) {
		return false
	}
	open := 0
	for _, sg := range a.signs[i:min(len(a.signs), i+reach)] {
		n := sg.n / len(Open)
		if sg.kind == '#' {
			n = -n
		}
		if open += n; open <= 0 {
			break
		}
	}
	return open == 0
}

// hash decides whether "##" ends an entity or, by mistake, begins one.
func (a *answer) hash(i int) {
	if len(a.stack) == 0 {
		if _, opening := a.shape(i); opening && a.kindOf(i+1) == '#' {
			a.begin(i)
		} else {
			a.damage |= Stray
		}
		return
	}
	a.end(i)
	if a.signs[i].n >= 2*len(Close) && len(a.stack) > 0 {
		a.end(i)
	}
}

func (a *answer) kindOf(i int) byte {
	if i < len(a.signs) {
		return a.signs[i].kind
	}
	return 0
}

// shape reports whether a sign is where one ends an entity, or where one begins one. In the middle of a word and between spaces it does neither.
func (a *answer) shape(i int) (closing, opening bool) {
	before, after, _ := a.around(i)
	return !isSpace(before) && (isSpace(after) || unicode.IsPunct(after)),
		!isSpace(after) && (isSpace(before) || unicode.IsPunct(before) && !unicode.IsPunct(after))
}

// around returns the characters on either side of a sign that can be seen, a space
// at an end of the text, and whether others are between.
func (a *answer) around(i int) (before, after rune, hidden [2]bool) {
	sg := a.signs[i]
	before, after = ' ', ' '
	for from := sg.from; from > 0; {
		r, size := utf8.DecodeLastRuneInString(a.text[:from])
		if !invisible(r) {
			before = r
			break
		}
		from -= size
		hidden[0] = true
	}
	for to := sg.to; to < len(a.text); {
		r, size := utf8.DecodeRuneInString(a.text[to:])
		if !invisible(r) {
			after = r
			break
		}
		to += size
		hidden[1] = true
	}
	return before, after, hidden
}

// following returns what is between a sign and the next one.
func (a *answer) following(i int) string {
	to := len(a.text)
	if i+1 < len(a.signs) {
		to = a.signs[i+1].from
	}
	return a.text[a.signs[i].to:to]
}

// look notes what is wrong with the marks that are paired.
func (a *answer) look() {
	outer := -1
	a.marks = slices.CompactFunc(a.marks, func(x, y mark) bool { // "@@@@X####"
		same := x.open == y.open && x.close == y.close
		if same {
			a.signs[x.open].marks--
			a.signs[x.close].marks--
		}
		return same
	})
	for i := range a.marks {
		m := &a.marks[i]
		if m.close < 0 {
			continue
		}
		before, first, hiddenBefore := a.around(m.open)
		last, after, hiddenAfter := a.around(m.close)
		if a.signs[m.open].at == a.signs[m.close].at {
			a.damage |= EmptyMarks
			m.reason = Blank
			continue
		}
		if m.use != isText {
			if isSpace(first) || isSpace(last) {
				a.damage |= Spaced
				m.odd = true
			}
			a.lookOutside(m)
			m.odd = m.odd || hiddenBefore[0] || hiddenAfter[1]
			continue
		}
		if outer >= 0 && m.close <= a.marks[outer].close {
			a.damage |= Unbalanced
			m.odd, a.marks[outer].odd = true, true
		} else {
			outer = i
		}
		if isSpace(first) || isSpace(last) {
			a.damage |= Spaced
			m.odd = true
			m.mention = isSpace(first) && isSpace(last) && isLowerWord(a.text[a.signs[m.open].to:a.signs[m.close].from])
		}
		m.left, m.right = !isSpace(before), !isSpace(after)
		m.odd = m.odd || hiddenBefore[0] || hiddenAfter[1]
		for _, sg := range []sign{a.signs[m.open], a.signs[m.close]} {
			if sg.n != len(Open)*sg.marks {
				a.damage |= ExtraSigns
				m.odd = true
			}
			m.odd = m.odd || sg.odd
		}
	}
}

// lookOutside notes what is close to a mark in another notation. Others of
// these do not count.
func (a *answer) lookOutside(m *mark) {
	first, last := m.open, m.close
	for first > 0 && a.signs[first-1].kind == '<' && a.signs[first-1].to == a.signs[first].from {
		first--
	}
	for last+1 < len(a.signs) && a.signs[last+1].kind == '<' && a.signs[last].to == a.signs[last+1].from {
		last++
	}
	before, _, _ := a.around(first)
	_, after, _ := a.around(last)
	m.left, m.right = !isSpace(before), !isSpace(after)
}

// isLowerWord reports whether text is one word, of lower-case letters.
func isLowerWord(text string) bool {
	text = strings.TrimFunc(text, blank)
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLower(r) }) < 0
}

// plain returns the text of a mark without the signs in it.
func (a *answer) plain(m *mark) string {
	if m.close < 0 {
		return firstToken(strings.TrimLeftFunc(a.following(m.open), blank))
	}
	from, to := a.signs[m.open].to, a.signs[m.close].from
	if m.close == m.open+1 {
		return strings.TrimFunc(a.text[from:to], isSpace)
	}
	return strings.TrimFunc(a.without(from, to, m.open+1), isSpace)
}

// context returns a mark with up to three tokens on either side, without signs, if
// there is one. They are of its line, and behind a colon before it,
// where a sentence may begin.
func (a *answer) context(m *mark) (text string, ok bool) {
	const tokens, reach = 3, 256
	from, to := a.signs[m.open].from, a.signs[m.close].to
	first, _ := slices.BinarySearchFunc(a.signs, from-reach, func(sg sign, at int) int { return cmp.Compare(sg.from, at) })
	before := a.without(max(0, from-reach), from, first)
	before = before[strings.LastIndexByte(before, '\n')+1:]
	after, _, _ := strings.Cut(a.without(to, min(len(a.text), to+reach), m.close+1), "\n")
	start, end := len(before), 0
	for range tokens {
		rest := strings.TrimRightFunc(before[:start], isSpace)
		if strings.HasSuffix(rest, ":") {
			break
		}
		start = len(rest) - len(strings.TrimLeftFunc(rest[max(0, strings.LastIndexFunc(rest, isSpace)):], isSpace))
		rest = strings.TrimLeftFunc(after[end:], isSpace)
		end = len(after) - len(rest) + len(firstToken(rest))
	}
	before, after = before[start:], after[:end]
	return strings.Trim(before+a.plain(m)+after, "\"`“”"), strings.TrimFunc(before+after, isSpace) != ""
}

// firstToken returns a text up to its first white space.
func firstToken(text string) string {
	if i := strings.IndexFunc(text, isSpace); i >= 0 {
		return text[:i]
	}
	return text
}

// without returns the text of a range without signs, of which i is the first.
func (a *answer) without(from, to, i int) string {
	var b strings.Builder
	for ; i < len(a.signs) && a.signs[i].from < to; i++ {
		b.WriteString(a.text[from:a.signs[i].from])
		from = a.signs[i].to
	}
	b.WriteString(a.text[min(from, to):to])
	return b.String()
}

// signTokens are the tokens of an original that hold signs.
type signTokens struct {
	any     bool
	stars   bool            // one holds "**"
	wide    bool            // one holds "＠＠" or "＃＃"
	escaped bool            // one holds "\\@" or "\\#"
	slashes bool            // one holds a backslash
	known   map[string]bool // in lower case: the tokens, also without punctuation around, and with a space and a neighbour
	lengths map[int]bool    // of known, so that not all that is long is looked up
	words   bool            // known also has what is between punctuation in the tokens
}

// chunk is what an answer has between white space.
type chunk struct {
	to      int
	a, b    int // the token of the original in it, if there is one
	literal bool
}

func (k *signTokens) reset(tokens []string, unit Unit) {
	*k = signTokens{known: k.known, lengths: k.lengths, words: unit == Char}
	clear(k.known)
	clear(k.lengths)
	for i, t := range tokens {
		k.stars = k.stars || strings.Contains(t, "**")
		k.wide = k.wide || strings.Contains(t, "＠＠") || strings.Contains(t, "＃＃")
		k.escaped = k.escaped || strings.Contains(t, `\@`) || strings.Contains(t, `\#`)
		k.slashes = k.slashes || strings.Contains(t, `\`)
		if !strings.ContainsAny(t, "@#") {
			continue
		}
		if k.known == nil {
			k.known, k.lengths = map[string]bool{}, map[int]bool{}
		}
		before, after := "", ""
		if i > 0 {
			before = tokens[i-1]
		}
		if i+1 < len(tokens) {
			after = tokens[i+1]
		}
		k.any = true
		for _, text := range [...]string{t, strings.TrimFunc(t, punctuation), before + " " + t, t + " " + after} {
			text = plainly(text)
			k.add(text)
		}
		if k.words {
			for word := range strings.FieldsFuncSeq(t, punctuation) {
				if strings.ContainsAny(word, "@#") {
					k.add(plainly(word))
				}
			}
		}
	}
}

func (k *signTokens) add(text string) {
	k.known[text] = true
	k.lengths[len(text)] = true
}

// punctuation reports whether r is punctuation and no sign, or invisible.
func punctuation(r rune) bool { return unicode.IsPunct(r) && r != '@' && r != '#' || invisible(r) }

// plainly returns text in lower case, without what is invisible.
func plainly(text string) string {
	if strings.IndexFunc(text, invisible) >= 0 {
		text = strings.Map(func(r rune) rune {
			if invisible(r) {
				return -1
			}
			return r
		}, text)
	}
	return strings.ToLower(text)
}

// literal returns how many of the n signs at i are text: on the left and on the
// right of the mark, or all of them. The signs of a text are asked in its order.
func (k *signTokens) literal(last *chunk, text string, i, n int) (left, right int) {
	if !k.any || text[i] == '*' {
		return 0, 0
	}
	if i >= last.to {
		*last = k.chunk(text, i)
	}
	switch {
	case !last.literal:
		return 0, 0
	case text[i] == '@':
		return 0, overlap(i, i+n, last.a, last.b)
	default:
		return overlap(i, i+n, last.a, last.b), 0
	}
}

// chunk finds the token in what is around i, punctuation around it aside.
func (k *signTokens) chunk(text string, i int) chunk {
	from, to := wordAt(text, i)
	if k.words {
		from = i - len(lastPart(text[from:i]))
		if n := strings.IndexFunc(text[i:to], punctuation); n >= 0 {
			to = i + n
		}
	}
	c := chunk{to: to}
	if c.a, c.b, c.literal = k.token(text, from, to); !c.literal {
		from = to - len(strings.TrimLeftFunc(text[from:to], punctuation))
		to = from + len(strings.TrimRightFunc(text[from:to], punctuation))
		c.a, c.b, c.literal = k.token(text, from, to)
	}
	return c
}

// lastPart returns what follows the last punctuation in text.
func lastPart(text string) string {
	i := strings.LastIndexFunc(text, punctuation)
	if i < 0 {
		return text
	}
	return text[i+sizeAt(text, i):]
}

// token finds a token in a range of the text that holds nothing else but marks.
func (k *signTokens) token(text string, from, to int) (a, b int, ok bool) {
	for _, strip := range [...][2]int{{0, 0}, {2, 2}, {2, 0}, {0, 2}, {4, 4}, {4, 2}, {2, 4}, {4, 0}, {0, 4}} {
		a, b = from+strip[0], to-strip[1]
		if a >= b || strings.Trim(text[from:a], "@") != "" || strings.Trim(text[b:to], "#") != "" {
			continue
		}
		token := plainly(text[a:b])
		if k.lengths[len(token)] && k.known[token] && (strings.Trim(token, "@#") != "" || k.beside(text, from, to, token)) {
			return a, b, true
		}
	}
	return 0, 0, false
}

// beside reports whether a token of the text that is nothing but signs has the
// same neighbour as in the original, on one side at least.
func (k *signTokens) beside(text string, from, to int, token string) bool {
	before := strings.TrimRightFunc(text[:from], isSpace)
	if before != "" {
		at, _ := wordAt(before, len(before)-1)
		before = before[at:]
	}
	after := unmarked(firstToken(strings.TrimLeftFunc(text[to:], isSpace)))
	return k.known[plainly(unmarked(before))+" "+token] || k.known[token+" "+plainly(after)]
}

func unmarked(token string) string {
	return strings.TrimSuffix(strings.TrimPrefix(token, Open), Close)
}

// overlap returns how many places two ranges share.
func overlap(a0, a1, b0, b1 int) int { return max(0, min(a1, b1)-max(a0, b0)) }

// wordAt returns the bounds of what is around i between white space.
func wordAt(text string, i int) (from, to int) {
	for from = i; from > 0; {
		r, size := utf8.DecodeLastRuneInString(text[:from])
		if isSpace(r) {
			break
		}
		from -= size
	}
	for to = i; to < len(text) && spaceAt(text, to) == 0; {
		to++
	}
	return from, to
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }
