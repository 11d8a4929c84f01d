package markup

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A listing is what an answer lists.
type listing struct {
	entries []entry
	damage  Damage
	alone   bool // the answer is nothing else
	ok      bool // it can be read
	evident bool // if not: it is meant as a list
	nested  bool // the places of the entries in the answer are not known
}

// listStarts is how many brackets of an answer are tried.
const listStarts = 16

// candidate is a value of an answer that can be read as a list.
type candidate struct {
	listing
	object bool // an object with members that name entities, or a list behind a label
	final  bool // the line before it calls it the answer
	line   bool // it ends a line, of which it is all but a name
}

// list reads a structured answer.
//
// Objects whose members name entities go before other ones and arrays, and of those
// the last counts, with all right before it, as in JSON lines. Of
// others the last that is called the answer counts, or else the first.
func (al *Aligner) list(answer string) (l listing) {
	if inner, ok := encoded(answer); ok {
		if l = al.list(inner); l.ok {
			l.nested = true
			for i := range l.entries {
				l.entries[i].odd = true
			}
			l.damage |= MendedList
			return l
		}
	}
	rest := "" // what is between the values
	from, end := 0, 0
	var found []candidate
	lists := 0
	brackets := listBrackets[:3]
	if strings.IndexByte(answer, wide) >= 0 {
		brackets = listBrackets
	}
	for tries := 0; tries < listStarts; {
		i := strings.IndexAny(answer[from:], brackets)
		if i < 0 {
			break
		}
		from += i
		quoted := plausible(answer[from:])
		if !quoted && !(leads(answer[:from]) && unquoted(answer[from:])) {
			from++
			continue
		}
		tries++
		v, mended, words, ok := readValue(answer, from)
		if !ok || v.to == from {
			l.evident = l.evident || (quoted || isFence(answer[:from])) && !al.has(answer[from:min(len(answer), from+2)])
			from++
			continue
		}
		between := answer[end:from]
		r := lister{aligner: al, answer: answer, lists: lists}
		label, between, headed := al.question.heading(between) // PER: ["Ada"]
		said := al.question.unsaid()
		if headed {
			said = al.question.claim(label)
		}
		line := isLine(answer, from, v.to)
		switch {
		case al.has(answer[from:v.to]): // text of the original
			between += answer[from:v.to]
		case !r.list(&v, said):
			l.evident = l.evident || (quoted && v.hasArray() || line) && !al.isSentence(answer[from:v.to])
		case words && !(line && r.holdsWord()) && r.hasWord():
			l.evident = l.evident || r.holdsWord()
		default:
			if v.cut {
				r.damage |= CutOff
			} else if mended {
				r.damage |= MendedList
			}
			for i := range r.entries {
				r.entries[i].odd = r.entries[i].odd || mended || v.cut
			}
			c := candidate{listing: listing{entries: r.entries, damage: r.damage, nested: r.nested, ok: true}}
			c.object, c.final, c.line = headed || v.kind == anObject && r.named, isFinal(answer[:from]), line
			if n := len(found); n > 0 && isFence(between) && found[n-1].follows(&c) {
				found[n-1].add(&c)
			} else {
				found = append(found, c)
			}
		}
		lists = r.lists
		rest += between
		from, end = v.to, v.to
	}
	evident, alone := l.evident, isFence(rest+answer[end:])
	if c := counts(found, alone); c != nil {
		l = c.listing
	}
	l.alone, l.evident = alone, evident || strings.Contains(answer, "```json")
	return l
}

// beginsAsList reports whether an answer begins as one does that is a list and nothing
// else.
func beginsAsList(answer string) bool {
	answer = strings.TrimLeft(answer, ", \t\r\n`]})")
	return answer != "" && strings.IndexByte("[{(\"'\xef", answer[0]) >= 0 || isFence(firstToken(answer))
}

// heading returns the label at the end of text, before a colon, and the
// text before it.
func (q *Question) heading(text string) (label, before string, ok bool) {
	const marks = "*_`\"' \t\r\n"
	head := strings.TrimRight(text, marks)
	last, size := utf8.DecodeLastRuneInString(head)
	if !q.named() || !isColon(last) && last != '=' {
		return "", text, false
	}
	head = strings.TrimRight(head[:len(head)-size], marks)
	at := strings.LastIndexFunc(head, func(r rune) bool { return !inWord(r) && r != '_' && r != '-' }) + 1
	if label = head[at:]; label == "" || !q.mayName(label) {
		return "", text, false
	}
	return label, strings.TrimRight(head[:at], marks), true
}

// follows reports whether c continues the list before it.
func (before *candidate) follows(c *candidate) bool {
	return before.object == c.object && len(before.entries) > 0 && len(c.entries) > 0
}

func (before *candidate) add(c *candidate) {
	before.entries = append(before.entries, c.entries...)
	before.damage |= c.damage
	before.nested = before.nested || c.nested
}

// hasArray reports whether there is an array in v.
func (v *value) hasArray() bool {
	return v.kind == anArray || slices.ContainsFunc(v.items, func(m item) bool { return m.value.hasArray() })
}

// counts returns the candidate that counts.
func counts(found []candidate, alone bool) *candidate {
	for i := len(found) - 1; i >= 0; i-- {
		if found[i].object {
			return &found[i]
		}
	}
	for i := len(found) - 1; i >= 0; i-- {
		if found[i].final {
			return &found[i]
		}
	}
	for i := range found {
		if len(found[i].entries) > 0 {
			return &found[i]
		}
	}
	for i := range found {
		if alone || found[i].line || found[i].damage != 0 {
			return &found[i]
		}
	}
	return nil
}

// has reports whether text, with its brackets, occurs in the original: then it is text of
// the answer too.
func (al *Aligner) has(text string) bool {
	return al.original.brackets && al.reads(text)
}

// listBrackets are those that a list can begin with, the ASCII ones first.
const listBrackets = "[{(［｛（"

// isFence reports whether text is nothing but what may be around a list, or
// between lists.
func isFence(text string) bool {
	text = strings.Trim(text, ", \t\r\n`]})")
	if len(text) > len("plaintext") {
		return false
	}
	switch strings.ToLower(text) {
	case "", "json", "jsonl", "python", "text", "plaintext", "yaml":
		return true
	}
	return false
}

// isLine reports whether a value is the end of a line that has nothing but a name
// and a colon before it.
func isLine(answer string, from, to int) bool {
	after, _, _ := strings.Cut(answer[to:], "\n")
	return leads(answer[:from]) && strings.Trim(after, "*_`. \t\r") == ""
}

// leads reports whether a list may follow text: at the beginning of a line or a
// sentence, or behind a colon.
func leads(text string) bool {
	const reach = 32 // of white space
	from := max(0, len(text)-reach)
	near := text[from:]
	i := strings.LastIndexByte(near, '\n')
	line := strings.TrimRight(near[i+1:], "*_` \t")
	last, _ := utf8.DecodeLastRuneInString(line)
	return line == "" && (i >= 0 || from == 0) || strings.ContainsRune(":：.!?。", last) && line != ""
}

// finals are words that call what follows the answer.
var finals = []string{"answer", "final", "output", "result", "答案", "结果"}

// isFinal reports whether the line before a value calls it the answer.
func isFinal(before string) bool {
	const reach = 64
	before = strings.TrimRight(before[max(0, len(before)-reach):], "*_` \t\r\n")
	before = strings.ToLower(before[strings.LastIndexByte(before, '\n')+1:])
	if i := strings.LastIndexAny(before, ".!?]}"); i >= 0 {
		before = before[i+1:]
	}
	return slices.ContainsFunc(finals, func(word string) bool { return strings.Contains(before, word) })
}

// plausible reports whether what begins with a bracket may be a list or an object, so
// that the brackets of a sentence cost no time.
func plausible(s string) bool {
	bracket, size := utf8.DecodeRuneInString(s)
	rest := strings.TrimLeft(s[size:], " \t\r\n")
	if bracket == '(' || bracket == '（' || rest == "" {
		return false
	}
	c, _ := utf8.DecodeRuneInString(rest)
	r := valueReader{text: rest}
	return r.quote() != "" || c == closers[bracket] || c == '{' || c == '[' || c == '('
}

// unquoted is [plausible] for what leads a line, where words need no quotes and
// there may be a tuple.
func unquoted(s string) bool {
	bracket, size := utf8.DecodeRuneInString(s)
	r := valueReader{text: strings.TrimLeft(s[size:], " \t\r\n")}
	if bracket == '(' || bracket == '（' {
		return r.quote() != ""
	}
	return r.text != ""
}

// encoded returns the list that an answer holds as a string, or with its quotes
// escaped as in one.
func encoded(answer string) (string, bool) {
	text := strings.Trim(answer, " \t\r\n`")
	text = strings.TrimSpace(strings.TrimPrefix(text, "json"))
	if strings.HasPrefix(text, `[\"`) || strings.HasPrefix(text, `{\"`) {
		text = `"` + text + `"`
	}
	r := valueReader{text: text}
	if closing := r.quote(); closing == "" || !strings.HasPrefix(closing, text[:1]) {
		return "", false
	}
	var v value
	if !r.string(&v) || v.cut || strings.TrimSpace(text[v.to:]) != "" {
		return "", false
	}
	inner := strings.TrimSpace(v.text)
	return inner, strings.HasPrefix(inner, "[") || strings.HasPrefix(inner, "{") || strings.HasPrefix(inner, `"[`) || strings.HasPrefix(inner, `"{`)
}

// placeListing places what a listing has. It reports false if that is no list.
func (al *Aligner) placeListing(l *listing) bool {
	if !al.unwrap(l.entries) {
		return false
	}
	al.regions = al.regions[:0]
	al.answer.readList(l)
	al.placeList()
	return true
}

// unwrap takes off the marks of entries that have some. It reports false if "@@" or
// "##" are elsewhere in one: then the answer is no list.
func (al *Aligner) unwrap(entries []entry) bool {
	for i := range entries {
		e := &entries[i]
		if !strings.ContainsAny(e.text, "@#*<[_`＠\\") || al.original.signs.known[plainly(e.text)] {
			continue
		}
		a := answer{inList: true}
		a.read(e.text, al)
		switch whole := len(a.marks) == 1 && a.marks[0].close == len(a.signs)-1 && a.signs[0].from == 0 && a.signs[a.marks[0].close].to == len(e.text); {
		case whole && !al.holds(e.text):
			e.text, e.odd = a.plain(&a.marks[0]), true
			e.claim = al.question.inherit(e.claim, a.claim(&a.marks[0]))
		case strings.Contains(e.text, Open) && !(al.question.ofSentence() && al.holds(e.text)):
			return false
		}
	}
	return true
}

// unmarked reports whether no string is marked by "@@" or "##".
func (a *answer) unmarked() bool {
	return !slices.ContainsFunc(a.marks, func(m mark) bool {
		return a.signs[m.open].kind != '*' && m.use != isEmphasis && m.use != isEntity && !m.mention
	})
}

// plainlyUnmarked reports whether no string is marked but by emphasis.
func (a *answer) plainlyUnmarked() bool {
	return !slices.ContainsFunc(a.marks, func(m mark) bool { return m.use != isEmphasis })
}

// readList takes entries for marked strings, one below the other.
func (a *answer) readList(l *listing) {
	a.damage, a.signs, a.marks = l.damage, a.signs[:0], a.marks[:0]
	var b strings.Builder
	for _, e := range l.entries {
		from := b.Len()
		b.WriteString(e.text)
		a.signs = append(a.signs, sign{from: from, to: from}, sign{from: b.Len(), to: b.Len()})
		b.WriteByte('\n')
	}
	a.text = b.String()
	a.cut()
	for i, e := range l.entries {
		m := mark{open: 2 * i, close: 2*i + 1, region: -1, odd: e.odd}
		a.setClaim(&m, e.claim)
		if a.signs[m.open].at == a.signs[m.close].at {
			m.reason = Blank
		}
		a.marks = append(a.marks, m)
	}
}

// listReach is how far from the k-th place of a string its k-th entry is sought.
const listReach = 8

// placeList finds the place of each entry: as many as there can be apart from
// each other in the order of the list, then the others near the entry before.
func (al *Aligner) placeList() { al.eachLabel(al.placeListOf) }

// placeListOf is placeList for the entries of one label.
func (al *Aligner) placeListOf(label int32) {
	type option struct{ mark, start, end int32 }
	a := &al.answer
	options := make([]option, 0, len(a.marks))
	same := map[*reading]int{} // how many entries are this string
	for i := range a.marks {
		m := &a.marks[i]
		if m.reason != 0 || m.label != label {
			continue
		}
		rd := al.reading(m)
		k := same[rd]
		same[rd]++
		places := rd.strictest()
		// Backwards, so that of one entry only one can be in a rising sequence.
		for at := min(len(places), k+listReach) - 1; at >= max(0, k-listReach); at-- {
			options = append(options, option{int32(i), int32(places[at].Start), int32(places[at].End)})
		}
	}
	follows := func(x, y option) bool { return x.end <= y.start }
	endsFirst := func(x, y option) bool { return x.end < y.end }
	for _, o := range longestChain(options, follows, endsFirst) {
		al.placeEntry(int(o.mark), Span{int(o.start), int(o.end)}, same)
	}
	expected := 0 // where the entry before begins
	for i := range a.marks {
		m := &a.marks[i]
		if m.label != label {
			continue
		}
		if m.reason == 0 && !m.found {
			rd := al.reading(m)
			if p, ok := al.choose(rd, a.signs[m.open].at, a.signs[m.close].at, expected); ok {
				al.placeEntry(i, p.Span, same)
			} else {
				m.reason = rd.missing()
			}
		}
		if m.found {
			expected, _ = al.original.lettersOf(m.span)
		}
	}
}

// placeEntry places an entry. That is certain if the list has one for each place.
func (al *Aligner) placeEntry(i int, sp Span, same map[*reading]int) {
	m := &al.answer.marks[i]
	rd := al.reading(m)
	m.span = sp
	al.take(i, m, al.looseness(m, sp), len(rd.places) == same[rd] && !rd.more)
}

// strikeEntries removes entries from their lists, each with the comma before it, or
// behind it if it is the first that is left.
func strikeEntries(answer string, entries []entry, drop func(i int) bool) string {
	var b strings.Builder
	at := 0
	for i := 0; i < len(entries); {
		n := i + 1 // of another list
		for n < len(entries) && entries[n].list == entries[i].list {
			n++
		}
		list := entries[i:n]
		b.WriteString(answer[at:list[0].from])
		first := true
		for k, e := range list {
			switch {
			case drop(i+k) && e.lone:
				b.WriteString("null")
				continue
			case drop(i + k):
				continue
			case !first:
				b.WriteString(answer[list[k-1].to:e.from])
			}
			first = false
			b.WriteString(answer[e.from:e.to])
		}
		at = list[len(list)-1].to
		if rest := strings.TrimLeft(answer[at:], " \t\r\n"); first && !list[0].lone && strings.HasPrefix(rest, ",") {
			at = len(answer) - len(rest) + 1
		}
		i = n
	}
	b.WriteString(answer[at:])
	return b.String()
}
