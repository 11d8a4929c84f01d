package corpus

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"nertools/pkg/english"
	"nertools/pkg/record"
)

// ReadCSV reads documents without entities from the column how.TextColumn of a CSV file.
// The first record names the columns; fields are separated by tabs if it contains any,
// otherwise by semicolons if it contains any outside quotation marks but no comma, otherwise
// by commas. A field in quotation marks may contain separators, line breaks, which are kept
// as they are, and doubled quotation marks. The id of a document is its field in
// how.IDColumn or, without one, the name of the file and the line. Errors are
// [*fault.Error] with the line.
func ReadCSV(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	c := &table{r: bufio.NewReaderSize(r, 64<<10), texts: newTexts(name, how)}
	return all(func() (*Sentence, error) { return c.next(c.document) })
}

type table struct {
	texts
	r        *bufio.Reader
	line     int // where the record begins that was read last, from 1
	breaks   int // line breaks read
	comma    byte
	header   []string
	text, id int // columns; id is -1 in a file without ids
}

// document returns the document of the next record.
func (c *table) document() (*document, error) {
	if c.header == nil {
		if err := c.begin(); err != nil {
			return nil, err
		}
	}
	fields, err := c.record()
	if err != nil {
		return nil, err
	}
	if len(fields) != len(c.header) {
		return nil, c.fault(c.line, fmt.Errorf("%s, but the first line names %s", english.Count(len(fields), "field"), english.Count(len(c.header), "column")), "put a field that contains the separator or a quotation mark into quotation marks")
	}
	d := &document{id: fmt.Sprintf("%s:%d", c.name, c.line), text: fields[c.text], line: c.line}
	if c.id >= 0 {
		if d.id = fields[c.id]; d.id == "" {
			return nil, c.fault(c.line, fmt.Errorf("no id in the column %q", c.header[c.id]), "")
		}
	}
	return d, nil
}

// begin reads the names of the columns.
func (c *table) begin() (err error) {
	if mark, err := c.r.Peek(len(record.ByteOrderMark)); err == nil && string(mark) == record.ByteOrderMark {
		_, _ = c.r.Discard(len(mark)) // cannot fail: it was peeked
	}
	head, _ := c.r.Peek(c.r.Size())
	first, _, _ := strings.Cut(string(head), "\n")
	c.comma = ','
	switch {
	case strings.Contains(first, "\t"):
		c.comma = '\t'
	case !strings.Contains(first, ",") && strings.Contains(first, ";"):
		c.comma = ';'
	}
	if c.header, err = c.record(); err != nil {
		return err
	}
	if c.text, err = c.column(cmp.Or(c.TextColumn, "text")); err != nil {
		return err
	}
	if c.id, err = c.column(cmp.Or(c.IDColumn, "id")); err != nil && c.IDColumn != "" {
		return err
	}
	return nil
}

// ErrNoColumn means that a CSV file does not have the column with the text or the id.
var ErrNoColumn = errors.New("no such column")

// column returns the column with the given name, or one that differs from it in case.
func (c *table) column(name string) (int, error) {
	i := slices.Index(c.header, name)
	if i < 0 {
		i = slices.IndexFunc(c.header, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
	}
	if i < 0 {
		return -1, c.fault(1, fmt.Errorf("%w: %q (columns: %s)", ErrNoColumn, name, strings.Join(c.header, ", ")), "")
	}
	return i, nil
}

// record returns the fields of the next record that is not a blank line, or io.EOF.
func (c *table) record() (fields []string, err error) {
	for len(fields) == 0 || len(fields) == 1 && fields[0] == "" {
		if fields, err = c.fields(); err != nil {
			return nil, err
		}
	}
	for _, f := range fields {
		if !utf8.ValidString(f) {
			return nil, c.fault(c.line, errUTF8, "convert the file, for example with iconv")
		}
	}
	return fields, nil
}

// fields reads the next record.
func (c *table) fields() (fields []string, err error) {
	c.line = c.breaks + 1
	var field []byte
	size, quoted, closed := 0, false, false
	for {
		b, err := c.r.ReadByte()
		if size++; size > record.MaxLine {
			return nil, c.fault(c.line, fmt.Errorf("a record of more than %d MiB", record.MaxLine>>20), "is a quotation mark missing?")
		}
		switch {
		case errors.Is(err, io.EOF) && quoted:
			return nil, c.fault(c.line, errors.New("a field without its closing quotation mark"), "double a quotation mark inside a field")
		case errors.Is(err, io.EOF) && size == 1:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return append(fields, string(field)), nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", c.name, err)
		case b == '\n':
			c.breaks++
		}
		switch {
		case quoted && b == '"':
			if next, err := c.r.Peek(1); err == nil && next[0] == '"' {
				_, _ = c.r.Discard(1) // cannot fail: it was peeked
				field = append(field, '"')
				continue
			}
			quoted, closed = false, true
		case quoted:
			field = append(field, b)
		case b == c.comma:
			fields, field, closed = append(fields, string(field)), nil, false
		case b == '\n':
			if n := len(field); !closed && n > 0 && field[n-1] == '\r' {
				field = field[:n-1]
			}
			return append(fields, string(field)), nil
		case b == '\r' && closed:
		case closed:
			return nil, c.fault(c.line, fmt.Errorf("%q behind the closing quotation mark of a field", b), "double a quotation mark inside a field")
		case b == '"' && len(field) == 0:
			quoted = true
		default:
			field = append(field, b)
		}
	}
}
