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
	from, to int // bytes of the answer: the whole element of the array
}

// listStarts is how many brackets of an answer are tried.
const listStarts = 16

// list gives the entries of a structured answer.
func list(answer string) (entries []entry, ok bool) {
	from := 0
	for tries := 0; tries < listStarts; {
		i := strings.IndexAny(answer[from:], "[{")
		if i < 0 {
			return nil, false
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
		end := from + int(d.InputOffset())
		const fence = "` \t\r\n"
		array := gjson.Parse(answer[from:end])
		alone := strings.Trim(strings.TrimSuffix(strings.TrimRight(answer[:from], fence), "json")+answer[end:], fence) == ""
		if array.IsObject() {
			array, alone = entities(array), true
		}
		if entries, ok := elements(array, from); ok && (alone || len(entries) > 0) {
			return entries, true
		}
		from = end
	}
	return nil, false
}

// entities gives the member "entities" of an object, or else its only array.
func entities(object gjson.Result) (array gjson.Result) {
	if array = object.Get("entities"); array.Exists() {
		return array
	}
	arrays := 0
	object.ForEach(func(_, value gjson.Result) bool {
		if value.IsArray() {
			array = value
			arrays++
		}
		return true
	})
	if arrays != 1 {
		return gjson.Result{}
	}
	return array
}

// plausible reports whether what begins with a bracket may be a list or an
// object, so that the brackets of a sentence cost no time.
func plausible(s string) bool {
	rest := strings.TrimLeft(s[1:], " \t\r\n")
	return rest != "" && (rest[0] == '"' || s[0] == '[' && (rest[0] == ']' || rest[0] == '{'))
}

// elements gives the strings of an array, unless it holds anything else. The array
// was parsed from what stands at base.
func elements(array gjson.Result, base int) (entries []entry, ok bool) {
	if !array.IsArray() {
		return nil, false
	}
	ok = true
	array.ForEach(func(_, value gjson.Result) bool {
		text := value
		for _, member := range [...]string{"text", "entity", "name"} {
			if value.IsObject() && text.Type != gjson.String {
				text = value.Get(member)
			}
		}
		from := base + value.Index
		entries = append(entries, entry{text.Str, from, from + len(value.Raw)})
		ok = text.Type == gjson.String
		return ok
	})
	return entries, ok
}

// onlyStars reports whether no string is marked by "@@" or "##".
func (a *answer) onlyStars() bool {
	return !slices.ContainsFunc(a.marks, func(m mark) bool { return a.signs[m.open].kind != '*' })
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
	for i := range entries {
		m := mark{open: 2 * i, close: 2*i + 1, region: -1}
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
