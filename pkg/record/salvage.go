package record

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"nertools/pkg/english"
	"nertools/pkg/fault"
)

// A Salvage reads a file of records, one JSON object per line, some of whose lines may be
// damaged. A damaged line never costs a readable one. Damage that can be repaired in only
// one way is mended: a byte order mark, a record spread over several lines, several
// records on one line, the torn beginning of a record in front of a whole one, unescaped
// control characters, a list of records, gzip compression. Every other damaged line is
// broken.
type Salvage struct {
	Name string // file name for errors
	Hint string // remedy for errors of Take that have none

	// Take is called with every line. An error ends the reading and is returned as a
	// fault of this line, unless [Damaged] marked it.
	Take func(Line) error

	// Broken, if not nil, is called with every broken line, but not with mended ones.
	Broken func(BrokenLine)

	// Nothing accepts a file without a single readable line. Otherwise the first broken
	// line of such a file is an error: it is probably the wrong file.
	Nothing bool

	// Strict mends nothing, and treats every broken line as an error unless it is torn.
	Strict bool
}

// A Line is one line of a file, or a record mended from a damaged line.
type Line struct {
	Text   []byte // valid until Take returns
	Number int    // from 1
	At     int64  // byte offset in the file
	Mended bool   // Text differs from the bytes at At
}

// A BrokenLine is a line that could not be read, or only after mending.
type BrokenLine struct {
	Number int    // from 1; 0 for the whole file
	ID     string // id or custom_id, if it could still be read
	Torn   bool   // the writer was stopped: the file's last line has no newline, or the line contains NUL bytes
	Mended bool   // it could be read nevertheless
	Err    error  // what is wrong with it
}

// maxNamed is how many broken lines a [Findings] lists.
const maxNamed = 10

// Findings lists the damage in a file.
type Findings struct {
	File   string
	Broken int          // lines that could not be read, torn ones excluded
	Mended int          // lines that had to be mended
	Torn   int          // number of the last torn line; 0 if absent
	Lines  []BrokenLine // the first few of them
}

// Damaged marks err as the error of a damaged line: [Salvage] continues with the other
// lines. An [OtherKind] is returned unchanged.
func Damaged(err error) error {
	if _, other := errors.AsType[OtherKind](err); err == nil || other {
		return err
	}
	return &damagedError{err}
}

type damagedError struct{ error }

func (e *damagedError) Unwrap() error { return e.error }

// An OtherKind is the error of an intact line of the wrong kind.
type OtherKind string

func (e OtherKind) Error() string { return string(e) }

// Read reads the file. If it returns an error, Findings is the damage found so far.
func (s *Salvage) Read(in io.Reader) (Findings, error) {
	r := salvaging{Salvage: s, damage: Findings{File: s.Name}}
	if s.Strict {
		r.lines = NewLines(s.Name, in)
		return r.damage, r.strict()
	}
	in, packed, err := unpack(in)
	if errors.Is(err, errUTF16) {
		return r.damage, &fault.Error{File: s.Name, Err: err, Hint: "save it as UTF-8"}
	}
	if err != nil {
		return r.damage, fmt.Errorf("read %s: %w", s.Name, err)
	}
	r.lines, r.packed = NewLines(s.Name, in), packed != nil
	err = r.read()
	if packed != nil && packed.damage != nil && err == nil {
		r.broken(BrokenLine{Err: fmt.Errorf("its compressed data is damaged or cut off: %w", packed.damage)})
	}
	if err == nil && r.first != nil && r.taken == 0 && !s.Nothing {
		return Findings{File: s.Name}, &fault.Error{File: s.Name, Line: r.first.Number, Err: r.first.Err, Hint: cmp.Or(fault.Hint(r.first.Err), s.Hint)}
	}
	return r.damage, err
}

// salvaging is the state of [Salvage.Read].
type salvaging struct {
	*Salvage
	lines  *Lines
	ahead  []rawLine // read but not processed yet
	end    error     // of reading, after those lines
	damage Findings
	packed bool        // the file is compressed
	first  *BrokenLine // the first line that is not torn and contained no record
	taken  int         // lines that could be read
}

// A rawLine is a line exactly as in the file.
type rawLine struct {
	text   []byte
	number int
	at     int64
	torn   bool
	nuls   bool  // the text had NUL bytes at its ends
	err    error // set if the line is too long
}

func (r *salvaging) strict() error {
	for line, err := range r.lines.All() {
		if errors.Is(err, ErrNUL) {
			r.torn(rawLine{number: r.lines.line}, "")
			continue
		}
		if err != nil {
			return err
		}
		err = r.Take(Line{Text: line, Number: r.lines.line, At: r.lines.start})
		damaged, isDamage := errors.AsType[*damagedError](err)
		switch {
		case err == nil && r.lines.nuls:
			r.torn(rawLine{number: r.lines.line}, "")
		case err == nil:
		case (r.lines.nuls || bytes.IndexByte(line, 0) >= 0) && isDamage:
			r.torn(rawLine{number: r.lines.line}, findID(line))
		case r.lines.torn && isDamage && !ValidJSON(line):
			r.broken(BrokenLine{Number: r.lines.line, Torn: true, Err: damaged.error})
		default:
			return r.fault(r.lines.line, err)
		}
	}
	return nil
}

func (r *salvaging) read() error {
	for {
		raw, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.line(raw)
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next line. Its text is valid until the next call.
func (r *salvaging) next() (rawLine, error) {
	if len(r.ahead) > 0 {
		raw := r.ahead[0]
		r.ahead = r.ahead[1:]
		return raw, nil
	}
	if r.end != nil {
		return rawLine{}, r.end
	}
	text, err := r.lines.any()
	raw := rawLine{text: text, number: r.lines.line, at: r.lines.start, torn: r.lines.torn, nuls: r.lines.nuls}
	if errors.Is(err, errTooLong) {
		raw.err, err = err, nil
	}
	return raw, err
}

// peek returns the n-th line after the current one, if there is one.
func (r *salvaging) peek(n int) (rawLine, bool) {
	for len(r.ahead) <= n {
		if r.end != nil {
			return rawLine{}, false
		}
		text, err := r.lines.any()
		if err != nil && !errors.Is(err, errTooLong) {
			r.end = err
			return rawLine{}, false
		}
		raw := rawLine{text: bytes.Clone(text), number: r.lines.line, at: r.lines.start, torn: r.lines.torn, nuls: r.lines.nuls, err: err}
		r.ahead = append(r.ahead, raw)
	}
	return r.ahead[n], true
}

// ByteOrderMark is what some programs write at the start of a UTF-8 file.
const ByteOrderMark = "\ufeff"

func (r *salvaging) line(raw rawLine) error {
	if raw.err != nil {
		r.broken(BrokenLine{Number: raw.number, Err: raw.err})
		return nil
	}
	text, marked := bytes.CutPrefix(raw.text, []byte(ByteOrderMark))
	if marked {
		raw.at += int64(len(ByteOrderMark))
	}
	if len(bytes.TrimSpace(text)) == 0 {
		if raw.nuls {
			r.torn(raw, "")
		}
		return nil
	}
	err := r.Take(Line{Text: text, Number: raw.number, At: raw.at, Mended: r.packed})
	damaged, isDamage := errors.AsType[*damagedError](err)
	switch {
	case err == nil:
		r.taken++
		if marked {
			r.broken(BrokenLine{Number: raw.number, Mended: true, Err: errors.New("begins with a byte order mark")})
		}
		if raw.nuls {
			r.torn(raw, "")
		}
		return nil
	case !isDamage:
		return r.fault(raw.number, err)
	case ValidJSON(text):
		r.broken(BrokenLine{Number: raw.number, ID: findID(text), Err: damaged.error})
		return nil
	}
	return r.mend(raw, bytes.Clone(text), damaged.error)
}

// recordStart matches the beginning of a record or of a line of a batch.
var recordStart = regexp.MustCompile(`\{\s*"(?:id|custom_id|kind)"\s*:`)

// maxStarts limits how often mend searches a damaged line for a record.
const maxStarts = 100

// mend reads what it can from a line that is not JSON and from the lines that belong to
// it. why says what is wrong with the line.
func (r *salvaging) mend(raw rawLine, text []byte, why error) error {
	var lost []byte // text that could not be read
	torn := false   // the line ends with an incomplete object
	found, spread := 0, 0
	for starts := 0; ; starts++ {
		text = bytes.TrimLeft(text, " \t\r,[]") // accept a list of records as well as lines
		if len(text) == 0 {
			break
		}
		if object, rest, used := r.object(text); object != nil {
			r.skip(used)
			err := r.Take(Line{Text: object, Number: raw.number, At: raw.at, Mended: true})
			switch _, isDamage := errors.AsType[*damagedError](err); {
			case err == nil:
				found++
				r.taken++
				spread = max(spread, used)
			case !isDamage:
				return r.fault(raw.number, err)
			default:
				lost, torn = append(lost, object...), false
			}
			text = rest
			continue
		}
		next := recordStart.FindIndex(text[1:])
		if next == nil || starts == maxStarts {
			lost, torn = append(lost, text...), raw.torn
			break
		}
		lost = append(lost, text[:1+next[0]]...)
		text = text[1+next[0]:]
	}
	switch {
	case raw.nuls || bytes.IndexByte(raw.text, 0) >= 0:
		r.torn(raw, findID(lost))
	case len(bytes.TrimSpace(lost)) > 0:
		r.broken(BrokenLine{Number: raw.number, ID: findID(lost), Torn: torn, Err: why})
	case spread > 0:
		r.broken(BrokenLine{Number: raw.number, Mended: true, Err: fmt.Errorf("a record with a line break in it, spread over %s", english.Count(spread+1, "line"))})
	case found > 1:
		r.broken(BrokenLine{Number: raw.number, Mended: true, Err: fmt.Errorf("%s on one line", english.Count(found, "record"))})
	case found == 1:
		r.broken(BrokenLine{Number: raw.number, Mended: true, Err: errors.New("a record with control characters in it, or punctuation around it")})
	case r.first == nil && !raw.torn:
		r.first = &BrokenLine{Number: raw.number, Err: why} // a bracket of a list
	}
	return nil
}

// skip drops the next n lines, which were already looked at.
func (r *salvaging) skip(n int) { r.ahead = r.ahead[n:] }

// The limits, in lines and bytes, of an object that is spread over several lines.
const (
	maxSpread      = 200
	maxSpreadBytes = 1 << 20
)

// object reads the JSON object at the beginning of text, which may continue on the
// following lines. used is the number of those lines, and rest is the remainder of the
// last one. Control characters inside strings are escaped. If there is no such object,
// object returns nil.
func (r *salvaging) object(text []byte) (object, rest []byte, used int) {
	if text[0] != '{' {
		return nil, nil, 0
	}
	out := make([]byte, 0, len(text)+64)
	depth, inString := 0, false
	for {
		for i := 0; i < len(text); i++ {
			c := text[i]
			if c == 0 {
				return nil, nil, 0 // a gap in the file, not part of the answer
			}
			if inString && c < ' ' {
				out = fmt.Appendf(out, `\u%04x`, c)
				continue
			}
			out = append(out, c)
			switch {
			case inString && c == '\\' && i+1 < len(text):
				i++
				out = append(out, text[i])
			case c == '"':
				inString = !inString
			case inString:
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					if !ValidJSON(out) {
						return nil, nil, 0
					}
					return out, text[i+1:], used
				}
			}
		}
		next, ok := r.peek(used)
		if !ok || next.err != nil || used == maxSpread || len(out)+len(next.text) > maxSpreadBytes || startsRecord(next.text) {
			return nil, nil, 0
		}
		if used++; inString {
			out = append(out, `\n`...)
		} else {
			out = append(out, '\n')
		}
		text = next.text
	}
}

// startsRecord reports whether line begins like a record.
func startsRecord(line []byte) bool {
	line = bytes.TrimLeft(bytes.TrimPrefix(line, []byte(ByteOrderMark)), " \t,[")
	found := recordStart.FindIndex(line[:min(len(line), 64)])
	return found != nil && found[0] == 0
}

var (
	customIDMember = regexp.MustCompile(`"custom_id"\s*:\s*(?:("(?:[^"\\]|\\.)*")|(\d+)\s*[,}])`)
	resultMember   = regexp.MustCompile(`"kind"\s*:\s*"result"`)
	idMember       = regexp.MustCompile(`"id"\s*:\s*("(?:[^"\\]|\\.)*")`)
)

// findID returns the id of the row in a broken line, or "" if it can't be read.
func findID(line []byte) string {
	if m := customIDMember.FindSubmatch(line); m != nil {
		if m[2] != nil {
			return string(m[2])
		}
		return idText(m[1])
	}
	if m := idMember.FindSubmatch(line); m != nil && resultMember.Match(line) {
		return idText(m[1])
	}
	return ""
}

func idText(quoted []byte) string {
	if !ValidJSON(quoted) {
		return ""
	}
	return Unquote(string(quoted))
}

// broken records what is wrong with a line.
func (r *salvaging) broken(b BrokenLine) {
	switch {
	case b.Mended:
		r.damage.Mended++
	case b.Torn:
		r.damage.Torn = b.Number
	default:
		r.damage.Broken++
		if r.first == nil {
			r.first = &b
		}
	}
	if len(r.damage.Lines) < maxNamed {
		r.damage.Lines = append(r.damage.Lines, b)
	}
	if !b.Mended && r.Broken != nil {
		r.Broken(b)
	}
}

// torn records that a power cut left NUL bytes in place of a line or a part of it.
func (r *salvaging) torn(raw rawLine, id string) {
	r.broken(BrokenLine{Number: raw.number, ID: id, Torn: true, Err: ErrNUL})
}

func (r *salvaging) fault(line int, err error) error {
	hint := r.Hint
	if fault.Hint(err) != "" {
		hint = ""
	}
	if damaged, ok := errors.AsType[*damagedError](err); ok {
		err = damaged.error
	}
	return &fault.Error{File: r.Name, Line: line, Err: err, Hint: hint}
}

// String says what is wrong with the line, without the file name.
func (b *BrokenLine) String() string {
	s := b.Err.Error()
	if b.ID != "" {
		s += " (" + strconv.Quote(b.ID) + ")"
	}
	return s
}

// where returns FILE:LINE for a damaged line, or FILE for the whole file.
func (d *Findings) where(b *BrokenLine) string {
	if b.Number == 0 {
		return d.File
	}
	return d.File + ":" + strconv.Itoa(b.Number)
}

// Remarks describes the damage, with one string for each line listed.
func (d *Findings) Remarks() []string {
	var remarks []string
	for i := range d.Lines {
		b := &d.Lines[i]
		switch {
		case b.Torn && !errors.Is(b.Err, ErrNUL):
			remarks = append(remarks, d.where(b)+": skipped the last line: its writer was stopped in the middle of it")
		case b.Mended:
			remarks = append(remarks, d.where(b)+": "+b.String()+": read anyway")
		default:
			remarks = append(remarks, d.where(b)+": "+b.String()+": left out")
		}
	}
	if more := d.Broken + d.Mended + min(d.Torn, 1) - len(d.Lines); more > 0 {
		remarks = append(remarks, fmt.Sprintf("%s: further damaged lines: %d", d.File, more))
	}
	return remarks
}
