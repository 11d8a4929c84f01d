package markup

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// entry is a string of a structured answer.
type entry struct {
	text     string
	from, to int  // bytes of the answer: the whole element of the array
	odd      bool // it was marked
}

// listStarts is how many brackets of an answer are tried.
const listStarts = 16

// list gives the entries of a structured answer, and whether it is nothing else.
// Objects with the member "entities" go before other ones and arrays, and of those
// the last, with all that stand right before it as JSON lines do; of the others
// the first counts.
func list(answer string) (entries []entry, alone, ok bool) {
	rest := "" // what is between the JSON values
	objects, empty := false, false
	from, end := 0, 0
	if i := strings.LastIndex(answer, thought); i >= 0 {
		from = i + len(thought)
		end = from
	}
	for tries := 0; tries < listStarts; {
		i := strings.IndexAny(answer[from:], "[{")
		if i < 0 {
			break
		}
		from += i
		if !plausible(answer[from:]) {
			from++
			continue
		}
		tries++
		var value json.RawMessage
		d := json.NewDecoder(strings.NewReader(answer[from:]))
		if d.Decode(&value) != nil {
			from++
			continue
		}
		between := answer[end:from]
		rest += between
		end = from + int(d.InputOffset())
		array, object := entities(gjson.Parse(answer[from:end]))
		list, isList := elements(array, from, 0)
		switch {
		case !isList:
		case object && objects && strings.Trim(between, ", \t\r\n") == "":
			entries = append(entries, list...)
		case object, !ok && (len(list) > 0 || answer[from] == '{'):
			entries, ok, objects = list, true, object
		case !ok:
			empty = true
		}
		from = end
	}
	rest = strings.Trim(rest+answer[end:], ", \t\r\n`")
	alone = rest == "" || rest == "json"
	return entries, alone, ok || empty && alone
}

// thought ends what some models write before their answer.
const thought = "</think>"

// unwrap takes off the marks of entries that have some. It reports false if an
// entry is marked in another way: then the answer is no list.
func unwrap(entries []entry, known *signTokens) bool {
	for i := range entries {
		e := &entries[i]
		if !strings.Contains(e.text, Open) || known.known[strings.ToLower(e.text)] {
			continue
		}
		inner, begins := strings.CutPrefix(e.text, Open)
		inner, ends := strings.CutSuffix(inner, Close)
		if !begins || !ends || strings.Contains(inner, Open) {
			return false
		}
		e.text, e.odd = inner, true
	}
	return true
}

// entities gives an array, or the member "entities" of an object, or else its only
// array.
func entities(value gjson.Result) (array gjson.Result, member bool) {
	if !value.IsObject() {
		return value, false
	}
	if array = value.Get("entities"); array.Exists() {
		return array, true
	}
	arrays := 0
	value.ForEach(func(_, value gjson.Result) bool {
		if value.IsArray() {
			array = value
			arrays++
		}
		return true
	})
	if arrays != 1 {
		return gjson.Result{}, false
	}
	return array, false
}

// plausible reports whether what begins with a bracket may be a list or an
// object, so that the brackets of a sentence cost no time.
func plausible(s string) bool {
	rest := strings.TrimLeft(s[1:], " \t\r\n")
	return rest != "" && (rest[0] == '"' || s[0] == '[' && (strings.IndexByte("]{[", rest[0]) >= 0))
}

// elements gives the strings of an array and of arrays in it. It has to have one
// unless it is empty. The array was parsed from what stands at base.
func elements(array gjson.Result, base, depth int) (entries []entry, ok bool) {
	const deepest = 3
	if !array.IsArray() || depth == deepest {
		return nil, false
	}
	empty := true
	array.ForEach(func(_, value gjson.Result) bool {
		empty = false
		text := value
		for _, member := range [...]string{"text", "entity", "name"} {
			if value.IsObject() && text.Type != gjson.String {
				text = value.Get(member)
			}
		}
		if text.Type == gjson.String {
			from := base + value.Index
			entries = append(entries, entry{text: text.Str, from: from, to: from + len(value.Raw)})
		}
		inner, _ := elements(value, base, depth+1)
		entries = append(entries, inner...)
		return true
	})
	return entries, empty || len(entries) > 0
}

// unmarked reports whether no string is marked by "@@" or "##".
func (a *answer) unmarked() bool {
	return !slices.ContainsFunc(a.marks, func(m mark) bool { return a.signs[m.open].kind != '*' && !m.mention })
}

// readList takes entries for marked strings, one below the other.
func (a *answer) readList(entries []entry) {
	a.damage, a.signs, a.marks = 0, a.signs[:0], a.marks[:0]
	var b strings.Builder
	for _, e := range entries {
		from := b.Len()
		b.WriteString(e.text)
		a.signs = append(a.signs, sign{from: from, to: from}, sign{from: b.Len(), to: b.Len()})
		b.WriteByte('\n')
	}
	a.text = b.String()
	a.cut()
	for i, e := range entries {
		m := mark{open: 2 * i, close: 2*i + 1, region: -1, odd: e.odd}
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
func (s *Source) placeList() {
	type option struct {
		mark int
		*place
	}
	a := &s.answer
	var options []option
	same := map[*reading]int{} // how many entries read so
	for i := range a.marks {
		m := &a.marks[i]
		if m.reason != 0 {
			continue
		}
		rd := s.reading(m)
		k := same[rd]
		same[rd]++
		places := rd.strictest()
		// Backwards, so that of one entry only one can be in a rising sequence.
		for at := min(len(places), k+listReach) - 1; at >= max(0, k-listReach); at-- {
			options = append(options, option{i, &places[at]})
		}
	}
	follows := func(x, y option) bool { return x.End <= y.Start }
	endsFirst := func(x, y option) bool { return x.End < y.End }
	for _, o := range longestChain(options, follows, endsFirst) {
		s.placeEntry(o.mark, o.Span, same)
	}
	least := 0 // where the entry before begins
	for i := range a.marks {
		m := &a.marks[i]
		if m.reason == 0 && !m.found {
			rd := s.reading(m)
			if p, ok := s.choose(rd, a.signs[m.open].at, a.signs[m.close].at, s.letters.starts[least]); ok {
				s.placeEntry(i, p.Span, same)
			} else {
				m.reason = rd.missing()
			}
		}
		if m.found {
			least = m.span.Start
		}
	}
}

// placeEntry places an entry. That is certain if the list has one for each place.
func (s *Source) placeEntry(i int, sp Span, same map[*reading]int) {
	m := &s.answer.marks[i]
	rd := s.reading(m)
	m.span = sp
	s.take(i, m, s.looseness(m, sp), len(rd.places) == same[rd])
}

// strikeEntries removes entries from their array, each with the comma before it.
func strikeEntries(answer string, entries []entry, drop func(i int) bool) string {
	var b strings.Builder
	b.WriteString(answer[:entries[0].from])
	first := true
	for i, e := range entries {
		if drop(i) {
			continue
		}
		if !first {
			b.WriteString(answer[entries[i-1].to:e.from])
		}
		first = false
		b.WriteString(answer[e.from:e.to])
	}
	b.WriteString(answer[entries[len(entries)-1].to:])
	return b.String()
}
