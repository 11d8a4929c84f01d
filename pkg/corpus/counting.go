package corpus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/segment"
)

// Counting says what offsets of characters count. Tools in Python, such as spaCy and Prodigy,
// count code points, and so does brat since April 2020 (nlplab/brat commit db78d872, issue 1115),
// before that UTF-16. doccano's editor counts UTF-16, or grapheme clusters if the project says
// so (doccano/v-annotator, TextSelectionHandler.ts; doccano issue 2290). Label Studio counts
// code points since late 2021, before that UTF-16 (label-studio issue 1347). Read 2026-11-26.
type Counting uint8

// The ways to count.
const (
	Detected   Counting = iota // what the tool counts that wrote the file, or what makes offsets agree with the marked texts
	CodePoints                 // Unicode code points, as Python counts
	UTF16                      // units of UTF-16, as JavaScript and Java count: an emoji has two
	Graphemes                  // grapheme clusters (UAX #29)
	oneCRLF                    // code points, but CR LF is one
)

// Countings are the names of the ways to count, in their order.
var Countings = []string{"", "codepoints", "utf16", "graphemes"}

// starts returns the bytes at which the characters of text begin, and its length. It is -1
// inside a pair of UTF-16 units.
func (c Counting) starts(text string) []int {
	starts := make([]int, 0, len(text)+1)
	switch c {
	case Graphemes:
		for clusters := graphemes.FromString(text); clusters.Next(); {
			starts = append(starts, clusters.Start())
		}
	default:
		for i, r := range text {
			if c == oneCRLF && r == '\n' && i > 0 && text[i-1] == '\r' {
				continue
			}
			starts = append(starts, i)
			if c == UTF16 && r > 0xffff {
				starts = append(starts, -1)
			}
		}
	}
	return append(starts, len(text))
}

// A mark is an entity of a text as a file states it.
type mark struct {
	markup.Span
	text  string // what it marks, as the file says; "" if it does not
	label string
	n     int           // in the document's list
	parts []markup.Span // of an entity in several parts; nil if it has just one
}

// addMarks adds marks to d. Unless the caller knows what they count, it is the first of the
// ways with which they are in the text, and mark what they are said to mark.
func (r *texts) addMarks(d *document, marks []mark, ways ...Counting) error {
	if len(marks) == 0 {
		return nil
	}
	if r.Offsets != Detected {
		ways = []Counting{r.Offsets}
	}
	var first error
	for _, way := range ways {
		found, err := inText(d.text, marks, way)
		if first == nil {
			first = err
		}
		if err != nil {
			continue
		}
		if way == UTF16 && len(ways) > 1 && ways[0] == UTF16 && splitsWords(d.text, found) {
			for _, other := range []Counting{CodePoints, Graphemes} {
				if better, err := inText(d.text, marks, other); err == nil && !splitsWords(d.text, better) {
					way, found = other, better
					break
				}
			}
		}
		if r.Offsets == Detected {
			r.remarkOn(way, d.text, marks, found)
		}
		for i, m := range marks {
			label, err := r.label(m.label)
			if err != nil && d.list == "" {
				return &badMark{err, m.n}
			}
			if err != nil {
				return d.about(element{n: m.n}, err)
			}
			if m.inPieces(d.text, way) {
				r.Remarks.Add("read entities in several parts with what is between these")
			}
			d.entities = append(d.entities, element{found[i], label, m.n})
		}
		return nil
	}
	if bad, ok := errors.AsType[*badMark](first); ok && d.list != "" {
		return d.about(element{n: bad.n}, bad.error)
	}
	return first
}

// inPieces reports whether there is more than white space between the parts of m, which is in
// text.
func (m *mark) inPieces(text string, way Counting) bool {
	if len(m.parts) < 2 {
		return false
	}
	starts := way.starts(text)
	for i, part := range m.parts[1:] {
		if end := m.parts[i].End; end < part.Start && strings.TrimFunc(text[starts[end]:starts[part.Start]], segment.IsSpace) != "" {
			return true
		}
	}
	return false
}

// remarkOn reports which way of counting was chosen, if it matters.
func (r *texts) remarkOn(way Counting, text string, marks []mark, found []segment.Range) {
	other := CodePoints
	if way == CodePoints {
		return
	}
	if list, err := inText(text, marks, other); err == nil && slices.Equal(list, found) {
		return
	}
	switch way {
	case UTF16:
		r.Remarks.Add("read offsets as UTF-16 units, of which an emoji has two")
	case Graphemes:
		r.Remarks.Add("read offsets as grapheme clusters, of which an emoji is one, and CR LF too")
	case oneCRLF:
		r.Remarks.Add("read offsets as if CR LF were one character")
	}
}

// splitsWords reports whether one of the ranges begins or ends inside a word, or with white
// space.
func splitsWords(text string, list []segment.Range) bool {
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }
	edge := func(at int) bool {
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at:])
		return word(before) && word(after)
	}
	return slices.ContainsFunc(list, func(p segment.Range) bool {
		return edge(p.Start) || edge(p.End) || p != trimmedSpace(text, p)
	})
}

// badMark is the error of a mark.
type badMark struct {
	error
	n int
}

func (b *badMark) Unwrap() error { return b.error }

// inText returns the bytes of the marks.
func inText(text string, marks []mark, way Counting) ([]segment.Range, error) {
	starts := way.starts(text)
	list := make([]segment.Range, len(marks))
	for i, m := range marks {
		if m.End >= len(starts) {
			return nil, &badMark{misplaced("it ends at %d, but the text has %s", m.End, english.Count(len(starts)-1, "character")), m.n}
		}
		p := segment.Range{Start: starts[m.Start], End: starts[m.End]}
		if p.Start < 0 || p.End < 0 {
			return nil, &badMark{misplaced("it begins or ends inside a character"), m.n}
		}
		got := text[p.Start:p.End]
		if len(m.parts) > 1 {
			got = ""
			for _, part := range m.parts {
				from, to := starts[part.Start], starts[part.End]
				if from < 0 || to < from {
					return nil, &badMark{misplaced("it begins or ends inside a character"), m.n}
				}
				got += text[from:to]
			}
		}
		if !sameText(got, m.text) {
			return nil, &badMark{fault.WithHint(fmt.Errorf("characters %d to %d are %q, not %q", m.Start, m.End, got, m.text), "correct the offsets, or the text of the entity"), m.n}
		}
		list[i] = p
	}
	return list, nil
}

// sameText reports whether a file that says that an entity is text can mean got: tools
// change white space, and some write \n for a line break.
func sameText(got, text string) bool {
	if text == "" || got == text {
		return true
	}
	bare := func(s string) string {
		return strings.Map(func(r rune) rune {
			if segment.IsSpace(r) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(s, string(utf8.RuneError)))
	}
	text = strings.NewReplacer(`\r`, "", `\n`, "", `\t`, "").Replace(text)
	return bare(strings.NewReplacer(`\r`, "", `\n`, "", `\t`, "").Replace(got)) == bare(text)
}
