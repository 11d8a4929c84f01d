package corpus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// Annotations are the entities of a text that are in a file of their own, as the annotation
// tool brat keeps them (https://brat.nlplab.org/standoff.html).
type Annotations struct {
	Name string            // of the file, for errors
	In   io.Reader         // the file
	Of   map[string]string // labels of types that stand for them, see [BratLabels]; may be nil
}

// ReadBrat reads a document, the whole of r, with the entities of a. Its sentences are those
// of [ReadText].
//
// The offsets of brat count code points; if the marked texts show it, they are read in
// another way, see [Counting]. An entity in several parts extends from the first to the last
// one. Triggers of events are no entities. They, relations and attributes are skipped.
func ReadBrat(name string, r io.Reader, a Annotations, how Reading) iter.Seq2[*Sentence, error] {
	b := &bratReader{texts: newTexts(name, how)}
	return all(func() (*Sentence, error) {
		return b.next(func() (*document, error) {
			if b.begun {
				return nil, io.EOF
			}
			b.begun = true
			return b.document(r, a)
		})
	})
}

type bratReader struct {
	texts
	begun bool
}

func (b *bratReader) document(r io.Reader, a Annotations) (*document, error) {
	text, err := readAll(b.name, r)
	if err != nil {
		return nil, err
	}
	if err := b.checkText(text); err != nil {
		return nil, err
	}
	d := &document{id: b.name, text: text, line: 1}
	marks, err := b.marks(a)
	if err != nil {
		return nil, err
	}
	body := strings.TrimPrefix(text, record.ByteOrderMark)
	for _, from := range []string{text, body} { // some programs count a byte order mark, others don't
		d.text, d.entities = from, nil
		if err = b.addMarks(d, marks, CodePoints, UTF16, oneCRLF); err == nil {
			break
		}
	}
	if bad, ok := errors.AsType[*badMark](err); ok {
		return nil, &fault.Error{File: a.Name, Line: bad.n, Err: bad.error}
	}
	if err != nil {
		return nil, &fault.Error{File: a.Name, Err: err}
	}
	if d.text != text { // the offsets in the file of the text count it
		for i := range d.entities {
			d.entities[i].Start += len(record.ByteOrderMark)
			d.entities[i].End += len(record.ByteOrderMark)
		}
		d.text = text
	}
	return d, nil
}

// bratLines are what the lines of a file are about that are no entities.
var bratLines = map[byte]string{'R': "relation", '*': "relation", 'E': "event", 'A': "attribute", 'M': "attribute", 'N': "normalization"}

// bratID matches the id of an annotation.
var bratID = regexp.MustCompile(`^(\*|[A-Z][0-9]+\S*)$`)

// marks returns the entities of a; n of each is its line.
func (b *bratReader) marks(a Annotations) (marks []mark, err error) {
	const hint = "a line is T1, a tab, LABEL START END, a tab, and the text"
	lines := record.NewLines(a.Name, a.In)
	ids := map[string]int{} // of entities -> index
	triggers := map[string]bool{}
	skipped := map[string]int{}
	for line, err := range lines.All() {
		if err != nil {
			return nil, err
		}
		if !utf8.Valid(line) {
			return nil, lines.Fault(errUTF8, "convert the file, for example with iconv")
		}
		fields := strings.SplitN(string(line), "\t", 3)
		if kind := line[0]; kind != 'T' {
			noun := bratLines[kind]
			switch {
			case kind == '#':
				continue
			case noun == "" || !bratID.MatchString(fields[0]):
				return nil, lines.Fault(fmt.Errorf("unknown annotation %q", fields[0]), hint)
			}
			skipped[noun]++
			if kind == 'E' && len(fields) > 1 {
				trigger, _, _ := strings.Cut(fields[1], " ")
				if _, id, ok := strings.Cut(trigger, ":"); ok {
					triggers[id] = true
				}
			}
			continue
		}
		if len(fields) < 2 {
			return nil, lines.Fault(errors.New("an entity without a place"), hint)
		}
		name, places, _ := strings.Cut(strings.TrimSpace(fields[1]), " ")
		m := mark{label: name, n: lines.Line()}
		if label, ok := a.Of[name]; ok {
			m.label = label
		}
		parts, ok := bratPlaces(places)
		if !ok || name == "" {
			return nil, lines.Fault(fmt.Errorf("%q is not a label and a place", fields[1]), hint)
		}
		m.Span = parts[0]
		for _, part := range parts {
			m.End = max(m.End, part.End)
		}
		if len(fields) == 3 {
			m.text = strings.TrimSuffix(fields[2], "\r")
		}
		m.parts = parts
		ids[fields[0]] = len(marks)
		marks = append(marks, m)
	}
	for _, noun := range slices.Sorted(maps.Keys(skipped)) {
		b.Remarks.Skip(skipped[noun], noun)
	}
	var gone []int
	for id := range triggers {
		if i, ok := ids[id]; ok {
			gone = append(gone, i)
		}
	}
	slices.Sort(gone)
	for _, i := range slices.Backward(gone) {
		marks = slices.Delete(marks, i, i+1)
	}
	b.Remarks.Skip(len(gone), "event trigger")
	return marks, nil
}

// bratPlaces parses places such as "0 3" and "0 3;5 8", which it sorts.
func bratPlaces(s string) (list []markup.Span, ok bool) {
	for part := range strings.SplitSeq(s, ";") {
		from, to, _ := strings.Cut(strings.TrimSpace(part), " ")
		start, err1 := strconv.ParseUint(from, 10, 31)
		end, err2 := strconv.ParseUint(strings.TrimSpace(to), 10, 31)
		if err1 != nil || err2 != nil || start >= end {
			return nil, false
		}
		list = append(list, markup.Span{Start: int(start), End: int(end)})
	}
	slices.SortFunc(list, markup.Span.Compare)
	return list, len(list) > 0
}

// standsFor matches the comment of [WriteBrat] on a label that brat does not allow.
var standsFor = regexp.MustCompile(`^# (\S+) stands for (".*")$`)

// BratLabels returns the labels of types, as the file annotation.conf that [WriteBrat]
// makes has them.
func BratLabels(conf io.Reader) (map[string]string, error) {
	labels := map[string]string{}
	lines := bufio.NewScanner(conf)
	for lines.Scan() {
		if m := standsFor.FindStringSubmatch(lines.Text()); m != nil {
			if label, err := strconv.Unquote(m[2]); err == nil && label != "" {
				labels[m[1]] = label
			}
		}
	}
	return labels, lines.Err()
}
