package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
)

// ReadCoNLL reads sentences from r, one token per line; errors use name as the file name.
// It keeps one sentence in memory at a time; the caller may keep the sentences. It stops
// at the first error; bad input is a [*fault.Error] with the line.
//
// Columns are separated by tabs if the line contains any, otherwise by spaces. The first
// column is the token, another one the tag. A sentence ends at a blank line or at a line
// whose first column is -DOCSTART-, which is skipped; but inside a sentence, a line of
// -DOCSTART-, a tab and a tag is a token. Comments are skipped, too: a line before the
// first token of a sentence that begins with "#", has no tab, and either has a column "="
// ("# id = 7"), or has no tag column, or has one that is neither O nor contains a hyphen
// ("#begin document"). Text is the tokens joined by single spaces, so tokens must not
// contain spaces; ID is empty.
//
// A tag is O, or a letter, a hyphen and a label. One rule covers IOB1, IOB2 (BIO), IOE1,
// IOE2, BIOES, BILOU and BMEWO, and deviations from them: B, S, U and W start an entity;
// I, M, E and L continue an entity of the same label if the previous token left it open,
// and otherwise start one; E, L, S, U and W close the entity.
func ReadCoNLL(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	c := &conll{reader: newReader(name, r, how)}
	return all(c.sentences)
}

type conll struct {
	reader
	held []byte // a line that was read but belongs to the next sentence

	// The current sentence:
	text     []byte
	ends     []int // of the tokens in text
	entities []Entity
	open     bool // the last entity may continue
	first    int  // line number of the first token
}

// sentences returns the next sentence, or io.EOF.
func (c *conll) sentences() (*Sentence, error) {
	c.text, c.ends, c.entities, c.open = c.text[:0], c.ends[:0], nil, false
	for {
		line, blank, err := c.line()
		switch begun := len(c.ends) > 0; {
		case errors.Is(err, io.EOF) && begun:
			return c.sentence()
		case err != nil:
			return nil, err
		case begun && blank:
			c.held = line
			return c.sentence()
		case begun && isMark(line) && !isTaggedMark(line):
			return c.sentence()
		case !begun && (isMark(line) || c.isComment(line)):
			continue
		}
		if err := c.token(line); err != nil {
			return nil, err
		}
	}
}

// line returns the next non-blank line, and whether blank lines precede it.
func (c *conll) line() (line []byte, blank bool, err error) {
	if c.held != nil {
		line, c.held = c.held, nil
		return line, false, nil
	}
	before := c.Line()
	line, err = c.Next()
	return trim(line), c.Line() > before+1, err
}

// trim removes spaces at both ends, and the carriage return of a last line that does not
// end in a newline.
func trim(s []byte) []byte {
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return s
}

// isMark reports whether the first column is the document separator.
func isMark(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(docstart))
	return ok && (len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t')
}

// isTaggedMark reports whether the line is a token that looks like the document
// separator.
func isTaggedMark(line []byte) bool {
	tag, ok := bytes.CutPrefix(line, []byte(docstart+"\t"))
	return ok && bytes.IndexByte(tag, '\t') < 0 && isTag(tag)
}

func (c *conll) isComment(line []byte) bool {
	if line[0] != '#' || separator(line) != ' ' {
		return false
	}
	if bytes.Contains(line, []byte(" = ")) {
		return true
	}
	tag := line[bytes.LastIndexByte(line, ' ')+1:]
	if c.Column > 0 {
		tag, _ = column(line, ' ', c.Column)
	}
	return string(tag) != "O" && bytes.IndexByte(tag, '-') < 0
}

// separator returns the character that separates the columns of line.
func separator(line []byte) byte {
	if bytes.IndexByte(line, '\t') >= 0 {
		return '\t'
	}
	return ' '
}

// column returns the n-th column of line, from 1, and how many columns were seen.
func column(line []byte, separator byte, n int) (col []byte, columns int) {
	for columns = 1; ; columns++ {
		end := bytes.IndexByte(line, separator)
		switch {
		case columns == n && end >= 0:
			return line[:end], n
		case columns == n:
			return line, n
		case end < 0:
			return nil, columns
		}
		line = line[end+1:]
		if separator == ' ' {
			line = bytes.TrimLeft(line, " ")
		}
	}
}

// token adds the token in line.
func (c *conll) token(line []byte) error {
	if !utf8.Valid(line) {
		return c.Fault(errors.New("not UTF-8"), "convert the file, for example with iconv")
	}
	by := separator(line)
	token, _ := column(line, by, 1)
	if token = trim(token); len(token) == 0 {
		return c.Fault(errors.New("an empty token"), "the first column must be the token")
	}
	tag, err := c.tag(line, by)
	if err != nil {
		return err
	}
	n := len(c.ends)
	if n == 0 {
		c.first = c.Line()
	} else {
		c.text = append(c.text, ' ')
	}
	c.text = append(c.text, token...)
	c.ends = append(c.ends, len(c.text))
	return c.mark(n, tag)
}

func (c *conll) tag(line []byte, separator byte) ([]byte, error) {
	if c.Column > 0 {
		tag, columns := column(line, separator, c.Column)
		if columns < c.Column {
			return nil, c.Fault(fmt.Errorf("no column %d: the line has %d", c.Column, columns), "name the column of the tags")
		}
		return trim(tag), nil
	}
	last := bytes.LastIndexByte(line, separator)
	if last < 0 {
		return nil, c.Fault(fmt.Errorf("no tag after the token %q", line), "a line is a token and its tag, separated by a tab or a space")
	}
	return trim(line[last+1:]), nil
}

// mark adds token n with the given tag to an entity, if any.
func (c *conll) mark(n int, tag []byte) error {
	if !isTag(tag) {
		return c.Fault(fmt.Errorf("%q is not a tag", tag), "a tag is O, or one of B I E S L U M W, a hyphen and a label; if it is in another column, name that column")
	}
	if string(tag) == "O" {
		c.open = false
		return nil
	}
	label, err := c.label(string(tag[2:]))
	if err != nil {
		return c.Fault(err, "")
	}
	goesOn := strings.IndexByte("IMEL", tag[0]) >= 0
	if last := len(c.entities) - 1; goesOn && c.open && c.entities[last].Label == label {
		c.entities[last].End++
	} else {
		c.entities = append(c.entities, Entity{Span: markup.Span{Start: n, End: n + 1}, Label: label})
	}
	c.open = strings.IndexByte("BIM", tag[0]) >= 0
	return nil
}

func isTag(tag []byte) bool {
	return string(tag) == "O" || len(tag) >= 3 && tag[1] == '-' && strings.IndexByte("BIESLUMW", tag[0]) >= 0
}

func (c *conll) sentence() (*Sentence, error) {
	text := string(c.text)
	s := &Sentence{Text: text, Tokens: markup.AppendTokens(make([]string, 0, len(c.ends)), text), Entities: c.entities}
	start := 0
	for i, end := range c.ends {
		if token := text[start:end]; i == len(s.Tokens) || s.Tokens[i] != token {
			return nil, &fault.Error{File: c.name, Line: c.first + i, Err: fmt.Errorf("the token %q contains white space", token),
				Hint: "join its parts, for example with _, or make each a token"}
		}
		start = end + 1
	}
	return s, nil
}
