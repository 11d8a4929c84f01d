package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
)

// ReadCoNLL reads sentences from r, one token per line; errors use name as the file name.
// It reads the file twice: once to decide how its columns and tags are to be read, and again
// to return one sentence at a time; the caller may keep them. If r is no [io.Seeker], or
// cannot seek, the whole file is kept in memory. It stops at the first error; bad input is a
// [*fault.Error] with the line. If there are several ways to read the file, that error wraps
// a [*LayoutError].
//
// Lines end in LF, CR LF or CR. Columns are separated by tabs if the line contains any,
// otherwise by spaces. The first column is the token, unless that column counts tokens or
// sentences; the last one is the tag, unless only another one holds tags. Reading, a line
// with the names of the columns and the comment "# global.columns" can name others.
//
// A sentence ends at a blank line, at a -DOCSTART- line, where a column that numbers
// sentences changes, and behind a token with the note EndOfSentence. A line that begins
// with "#" is a comment unless it has the columns of a token. In a file that counts its
// tokens, lines for ranges ("1-2") and empty nodes ("8.1") are skipped. Text is the tokens
// joined by single spaces; a token that contains white space becomes several. ID is empty.
//
// A tag is O, or a prefix, a hyphen and a label. One rule covers IOB1, IOB2 (BIO), IOE1,
// IOE2, BIOES, BILOU and BMEWO, and deviations from them: B, S, U and W start an entity;
// I, M, E and L continue an entity of the same label if the previous token left it open,
// and otherwise start one; E, L, S, U and W close the entity. All tags of a column are
// read in the same notation; see doc/formats.md.
func ReadCoNLL(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	return all((&conll{texts: newTexts(name, how), open: again(r)}).next)
}

type conll struct {
	texts
	open func() (io.Reader, error) // begins the file anew
	*layout

	lines *textLines
	held  bool // the last line belongs to the next sentence
	line  int  // its number, from 1
	cells [][]byte
	words []string          // of the last token
	known map[string][]part // tags that were parsed

	// Counts for the remarks:
	headers, comments, marks, ranges, empties, blankTokens, split, several, duplicates, notes, allTokens, sentences int

	// The current sentence:
	text     []byte
	n        int // tokens
	entities []Entity
	unclosed []openEntities // for each column of tags
	previous string         // the cell of the column that numbers sentences
	count    int            // the cell of the column that counts
}

// openEntities are the entities of a column that the next token may continue.
type openEntities struct {
	list  []int // indexes
	next  []int
	stack []bracket // of bracketed tags
}

type bracket struct{ entity, line int }

// fault returns an error about the current line.
func (c *conll) fault(line int, err error, hint string) error {
	if l, ok := errors.AsType[*LayoutError](err); ok {
		hint = remedies[l.Need]
	}
	return &fault.Error{File: c.name, Line: line, Err: err, Hint: hint}
}

// load decides how to read the file, and begins to read it.
func (c *conll) load() error {
	lines, err := c.begin()
	if err != nil {
		return err
	}
	s, err := c.survey(lines, false)
	if err == nil && s.rows == 0 {
		if lines, err = c.begin(); err == nil {
			s, err = c.survey(lines, true)
		}
	}
	if err != nil {
		return err
	}
	if s.rows == 0 {
		c.layout = &layout{token: 1, tags: []tagColumn{{}}}
	} else if c.layout, err = s.decide(&c.Reading); err != nil {
		return c.fault(s.first, err, "")
	}
	c.layout.header = s.headerLine
	if c.tags[0].notation == bare && s.min > 1 && c.BareLabel == "" || c.BareLabel != "" && c.tags[0].notation != bare && s.rows > 0 {
		return c.fault(s.first, c.bareTags(), "")
	}
	if n := lines.lone; n > 0 {
		c.Remarks.Add("took %s for line ends", english.Count(n, "lone carriage return"))
	}
	if c.lines, err = c.begin(); err != nil {
		return err
	}
	c.known = map[string][]part{}
	c.unclosed = make([]openEntities, len(c.tags))
	return nil
}

func (c *conll) bareTags() error {
	if c.BareLabel != "" {
		return fault.WithHint(fmt.Errorf("the tags have labels of their own, so they can't all have the label %q", c.BareLabel), "read the file without that label")
	}
	return &LayoutError{Need: NeedLabel, Problem: "the tags are just B and I, without a label"}
}

// begin returns the lines of the file, from the first one.
func (c *conll) begin() (*textLines, error) {
	r, err := c.open()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.name, err)
	}
	lines := newTextLines(r)
	if head, _ := lines.r.Peek(2); string(head) == "\xff\xfe" || string(head) == "\xfe\xff" { // its error is that of reading on
		return nil, c.fault(0, errors.New("the file is UTF-16"), "convert it to UTF-8, for example with iconv")
	}
	return lines, nil
}

// survey looks at all lines. It leaves out comments, and the lines that a file which
// counts its tokens has for ranges, unless all is set: then only clear comments.
func (c *conll) survey(lines *textLines, all bool) (*survey, error) {
	s := &survey{}
	begins, seen := true, false
	for n := 1; ; n++ {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", c.name, err)
		case bytes.IndexByte(line, 0) >= 0:
			return nil, c.fault(n, errors.New("a NUL byte"), "is this a text file?")
		case !utf8.Valid(line):
			return nil, c.fault(n, errUTF8, "convert the file, for example with iconv")
		}
		if len(bytes.TrimSpace(line)) == 0 {
			begins = true
			continue
		}
		line = trim(line)
		if line[0] == '#' {
			if names, ok := strings.CutPrefix(string(line), "# global.columns ="); ok {
				s.global = strings.Fields(names)
			}
			s.ontonotes = s.ontonotes || bytes.HasPrefix(line, []byte("#begin document"))
			if !all || !isHashToken(line, c.TagColumns) {
				continue
			}
		}
		if isMark(line) {
			begins = true
			continue
		}
		cells := c.columns(line)
		if s.rows == 0 && s.headerLine == "" && isHeader(cells) {
			s.headerLine = string(line)
			for _, cell := range cells {
				s.header = append(s.header, string(cell))
			}
			continue
		}
		if string(line) == s.headerLine || !all && len(cells) >= 3 && isRange(cells[0]) {
			continue
		}
		s.blanks = s.blanks || begins && seen
		s.row(cells, bytes.IndexByte(line, '\t') >= 0, n, begins)
		begins, seen = false, true
	}
}

// isHashToken reports whether a line that begins with "#" reads like a token with its tag
// rather than like a comment.
func isHashToken(line []byte, columns []int) bool {
	cells := appendColumns(nil, line)
	tag := cells[len(cells)-1]
	if len(columns) > 0 && columns[0] <= len(cells) {
		tag = cells[columns[0]-1]
	}
	_, ok := parseTags(nil, prefixed, tag, nil)
	return ok && len(cells) > 1 && len(tag) > 0 && !bytes.Contains(line, []byte(" = "))
}

// columns splits a line into trimmed cells, valid until the next call.
func (c *conll) columns(line []byte) [][]byte {
	c.cells = appendColumns(c.cells[:0], line)
	return c.cells
}

func appendColumns(dst [][]byte, line []byte) [][]byte {
	if bytes.IndexByte(line, '\t') >= 0 {
		for {
			end := bytes.IndexByte(line, '\t')
			if end < 0 {
				return append(dst, trim(line))
			}
			dst = append(dst, trim(line[:end]))
			line = line[end+1:]
		}
	}
	for {
		end := bytes.IndexByte(line, ' ')
		if end < 0 {
			return append(dst, line)
		}
		dst = append(dst, line[:end])
		line = bytes.TrimLeft(line[end:], " ")
	}
}

// trim removes spaces at both ends.
func trim(s []byte) []byte { return bytes.Trim(s, " ") }

// isMark reports whether the first column is the document separator.
func isMark(line []byte) bool {
	if len(line) == 0 || line[0] != '-' {
		return false
	}
	end := bytes.IndexAny(line, " \t")
	if end < 0 {
		end = len(line)
	}
	return isDocstart(line[:end])
}

// isDocstart reports whether a token is a variant of "-DOCSTART-", which separates documents
// in the files of the CoNLL-2003 shared task.
func isDocstart[T []byte | string](token T) bool {
	if len(token) < len("-DOCSTART") || token[0] != '-' {
		return false
	}
	s := strings.ToUpper(string(token))
	rest, ok := strings.CutPrefix(strings.TrimLeft(s, "-"), "DOCSTART")
	return ok && strings.Trim(rest, "-XO") == ""
}

// isTaggedMark reports whether the line is a token that looks like the document
// separator: inside a sentence, with a tab and a tag.
func isTaggedMark(line []byte) bool {
	_, tag, ok := bytes.Cut(line, []byte("\t"))
	if !ok || bytes.IndexByte(tag, '\t') >= 0 || len(tag) == 0 {
		return false
	}
	_, ok = parseTags(nil, prefixed, tag, nil)
	return ok
}

// next returns the next sentence, or io.EOF.
func (c *conll) next() (*Sentence, error) {
	if c.layout == nil {
		if err := c.load(); err != nil {
			return nil, err
		}
	}
	c.reset()
	for {
		line, err := c.nextLine()
		switch {
		case errors.Is(err, io.EOF) && c.n > 0:
			return c.sentence()
		case errors.Is(err, io.EOF):
			c.remark()
			return nil, io.EOF
		case err != nil:
			return nil, err
		case c.n > 0 && c.ends(line):
			c.held = true
			return c.sentence()
		}
		last, err := c.read(line)
		if err != nil {
			return nil, err
		}
		if last && c.n > 0 {
			return c.sentence()
		}
	}
}

// nextLine returns the next line, valid until the next call, or io.EOF.
func (c *conll) nextLine() (line []byte, err error) {
	if c.held {
		c.held = false
		return c.lines.line, nil
	}
	c.line++
	if line, err = c.lines.next(); err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read %s: %w", c.name, err)
	}
	return line, err
}

// reset begins a sentence.
func (c *conll) reset() {
	c.text, c.n, c.entities = c.text[:0], 0, nil
	for i := range c.unclosed {
		c.unclosed[i].list, c.unclosed[i].stack = c.unclosed[i].list[:0], c.unclosed[i].stack[:0]
	}
}

// ends reports whether the sentence that has begun ends before line.
func (c *conll) ends(line []byte) bool {
	if c.number == 0 && !c.restart || len(line) == 0 || line[0] == '#' {
		return false
	}
	cells := c.columns(trim(line))
	if c.number > 0 && c.number <= len(cells) {
		cell := cells[c.number-1]
		return len(cell) > 0 && string(cell) != c.previous
	}
	if c.restart && c.counter <= len(cells) {
		n, ok := integer(cells[c.counter-1])
		return ok && n <= c.count
	}
	return false
}

// read reads a line, and reports whether the sentence ends behind it.
func (c *conll) read(line []byte) (last bool, err error) {
	if len(bytes.TrimSpace(line)) == 0 {
		return true, nil
	}
	line = trim(line)
	if string(line) == c.header {
		c.headers++
		return false, nil
	}
	cells := c.columns(line)
	if isMark(line) || c.token <= len(cells) && isDocstart(cells[c.token-1]) {
		if c.n == 0 || !isTaggedMark(line) {
			c.marks++
			return true, nil
		}
	}
	if line[0] == '#' && c.isComment(cells) {
		c.comments++
		return false, nil
	}
	if c.counter == 1 && isRange(cells[0]) {
		return false, c.skipRange(cells)
	}
	if err := c.addToken(cells); err != nil {
		return false, err
	}
	return c.endsSentence(cells), nil
}

// isComment reports whether a line that begins with "#" is a comment: a line that does
// not have the columns of a token, or no tag.
func (c *conll) isComment(cells [][]byte) bool {
	if c.counter > 0 || c.number > 0 || c.token > len(cells) {
		return true
	}
	for i := range c.tags {
		t := &c.tags[i]
		if t.column > len(cells) || t.column == 0 && len(cells) == 1 {
			return true
		}
		tag := cells[len(cells)-1]
		if t.column > 0 {
			tag = cells[t.column-1]
		}
		if len(tag) == 0 {
			return true
		}
		switch t.notation {
		case bracketed:
			if _, ok := parseBrackets(tag); !ok {
				return true
			}
		case keyed:
			if parseKeyed(tag, t.key) == nil {
				return true
			}
		case typed:
			if !isOutside(tag) && !t.labels[string(tag)] {
				return true
			}
		default:
			if parts, ok := parseTags(nil, t.notation, tag, t.labels); !ok {
				return true
			} else if c.n == 0 && len(parts) > 0 && c.columns0(cells) {
				return true
			}
		}
	}
	return c.columns0(cells)
}

// columns0 reports whether a line that begins with "#" has other columns than the lines of
// tokens, with words in them.
func (c *conll) columns0(cells [][]byte) bool {
	if c.layout.columns == 0 || len(cells) == c.layout.columns {
		return c.layout.columns == 0 && c.n == 0 && len(cells) > 2 && string(cells[len(cells)-2]) == "="
	}
	if len(cells) < 3 {
		return false
	}
	return slices.ContainsFunc(cells[1:len(cells)-1], func(cell []byte) bool {
		return bytes.ContainsFunc(cell, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	})
}

// skipRange skips a line for a range of tokens, or for a token that is not in the text.
func (c *conll) skipRange(cells [][]byte) error {
	for i := range c.tags {
		tag, err := c.tagOf(&c.tags[i], cells)
		if err != nil {
			return err
		}
		if parts, ok := c.parse(i, tag); ok && len(parts) > 0 {
			return c.fault(c.line, fmt.Errorf("the line %q, which covers other lines, has the tag %q", cells[0], tag), "tag the tokens themselves")
		}
	}
	if bytes.IndexByte(cells[0], '-') >= 0 {
		c.ranges++
	} else {
		c.empties++
	}
	return nil
}

// endsSentence reports whether a note in the line says that the sentence ends.
func (c *conll) endsSentence(cells [][]byte) bool {
	for i, cell := range cells {
		if i == c.token-1 || len(cell) < len("PySBDSegment") {
			continue
		}
		for note := range bytes.SplitSeq(cell, []byte("|")) {
			if string(note) == "EndOfSentence" || string(note) == "PySBDSegment" {
				c.notes++
				return true
			}
		}
	}
	return false
}

// addToken adds the token in a line.
func (c *conll) addToken(cells [][]byte) error {
	if c.token > len(cells) {
		return c.fault(c.line, &LayoutError{Need: NeedTokenColumn, Problem: fmt.Sprintf("no column %d: the line has %d", c.token, len(cells))}, "")
	}
	token := cells[c.token-1]
	if len(token) == 0 && !c.gaps {
		return c.fault(c.line, &LayoutError{Need: NeedTokenColumn, Problem: "an empty token"}, "")
	}
	if c.number > 0 && c.number <= len(cells) && len(cells[c.number-1]) > 0 {
		c.previous = string(cells[c.number-1])
	}
	if c.restart && c.counter <= len(cells) {
		c.count, _ = integer(cells[c.counter-1])
	}
	start := c.n
	c.words = markup.AppendTokens(c.words[:0], string(token))
	for i, word := range c.words {
		if len(c.text) > 0 {
			c.text = append(c.text, ' ')
		}
		c.text = append(c.text, word...)
		c.n++
		if i == 1 {
			c.split++
		}
	}
	if c.n == start {
		c.blankTokens++
	}
	for i := range c.tags {
		tag, err := c.tagOf(&c.tags[i], cells)
		if err != nil {
			return err
		}
		if err := c.add(i, tag, start); err != nil {
			return err
		}
	}
	return nil
}

// tagOf returns the cell that holds the tag.
func (c *conll) tagOf(t *tagColumn, cells [][]byte) ([]byte, error) {
	if t.column == 0 {
		if len(cells) < 2 {
			return nil, c.fault(c.line, fmt.Errorf("no tag after the token %q", cells[0]), "a line is a token and its tag, separated by a tab or a space")
		}
		return cells[len(cells)-1], nil
	}
	if t.column > len(cells) {
		return nil, c.fault(c.line, &LayoutError{Need: NeedTagColumn, Problem: fmt.Sprintf("no column %d: the line has %d", t.column, len(cells))}, "")
	}
	return cells[t.column-1], nil
}

// parse parses a tag of a column that is not bracketed.
func (c *conll) parse(column int, tag []byte) (parts []part, ok bool) {
	t := &c.tags[column]
	n := t.notation
	if n == keyed {
		tag, n = parseKeyed(tag, t.key), prefixed
	}
	if len(c.tags) == 1 {
		if parts, ok := c.known[string(tag)]; ok {
			return parts, true
		}
	}
	parts, ok = parseTags(nil, n, tag, t.labels)
	if ok && len(c.tags) == 1 && len(c.known) < limit {
		c.known[string(tag)] = parts
	}
	return parts, ok
}

// add adds the token that begins at start to the entities that a tag in the given column
// of tags says.
func (c *conll) add(column int, tag []byte, start int) error {
	open := &c.unclosed[column]
	if c.tags[column].notation == bracketed {
		return c.addBrackets(open, tag, start)
	}
	parts, ok := c.parse(column, tag)
	if !ok {
		return c.fault(c.line, &LayoutError{Need: NeedTagColumn, Problem: fmt.Sprintf("%q is not a tag", tag)}, "")
	}
	if len(parts) > 1 {
		c.several++
	}
	open.next = open.next[:0]
	for _, p := range parts {
		label, err := c.labelOf(p)
		if err != nil {
			return err
		}
		at := -1
		if strings.IndexByte("IMEL", p.prefix) >= 0 {
			at = slices.IndexFunc(open.list, func(i int) bool { return c.entities[i].Label == label })
		}
		var i int
		switch {
		case at >= 0:
			i = open.list[at]
			open.list = slices.Delete(open.list, at, at+1)
			c.entities[i].End = c.n
		case c.n == start:
			return c.fault(c.line, errors.New("an entity begins with an empty token"), "correct the token or its tag")
		default:
			i = len(c.entities)
			c.entities = append(c.entities, Entity{Span: markup.Span{Start: start, End: c.n}, Label: label})
		}
		if strings.IndexByte("BIM", p.prefix) >= 0 {
			open.next = append(open.next, i)
		}
	}
	open.list, open.next = open.next, open.list
	return nil
}

func (c *conll) labelOf(p part) (string, error) {
	label, err := p.label, error(nil)
	if c.BareLabel != "" {
		label = c.BareLabel
	}
	if label, err = c.label(label); err != nil {
		return "", c.fault(c.line, err, "")
	}
	return label, nil
}

func (c *conll) addBrackets(open *openEntities, tag []byte, start int) error {
	b, ok := parseBrackets(tag)
	if !ok {
		return c.fault(c.line, &LayoutError{Need: NeedTagColumn, Problem: fmt.Sprintf("%q is not a tag", tag)}, "")
	}
	if c.n == start && len(b.opens) > 0 {
		return c.fault(c.line, errors.New("an entity begins with an empty token"), "correct the token or its tag")
	}
	for _, name := range b.opens {
		label, err := c.labelOf(part{label: name})
		if err != nil {
			return err
		}
		open.stack = append(open.stack, bracket{len(c.entities), c.line})
		c.entities = append(c.entities, Entity{Span: markup.Span{Start: start}, Label: label})
	}
	for range b.closes {
		last := len(open.stack) - 1
		if last < 0 {
			return c.fault(c.line, fmt.Errorf("%q closes an entity that is not open", tag), "an entity begins and ends in the same sentence")
		}
		c.entities[open.stack[last].entity].End = c.n
		open.stack = open.stack[:last]
	}
	return nil
}

func (c *conll) sentence() (*Sentence, error) {
	for i := range c.unclosed {
		if stack := c.unclosed[i].stack; len(stack) > 0 {
			return nil, c.fault(stack[len(stack)-1].line, errors.New("an entity begins here that does not end in its sentence"), "close it with a bracket")
		}
	}
	text := string(c.text)
	s := &Sentence{Text: text, Tokens: markup.AppendTokens(make([]string, 0, c.n), text), Entities: c.entities}
	n := len(s.Entities)
	unique(s)
	c.duplicates += n - len(s.Entities)
	c.sentences++
	c.allTokens += c.n
	return s, nil
}

// remark reports what was done.
func (c *conll) remark() {
	r := c.Remarks
	r.Skip(c.headers, "header line")
	r.Skip(c.comments, "comment")
	r.Skip(c.marks, "document mark")
	r.Skip(c.ranges, "multiword token")
	r.Skip(c.empties, "empty node")
	r.Skip(c.blankTokens, "empty token")
	if c.split > 0 {
		r.Add("split %s at white space", english.Count(c.split, "token"))
	}
	if c.several > 0 {
		r.Add("read %s with several labels as overlapping entities", english.Count(c.several, "tag"))
	}
	if c.duplicates > 0 {
		r.Add("merged %s that occurred twice", english.Count(c.duplicates, "entity"))
	}
	if c.notes > 0 {
		r.Add("ended %s at notes such as EndOfSentence", english.Count(c.notes, "sentence"))
	}
	switch {
	case c.number > 0:
		r.Add("began sentences at new numbers in column %d", c.number)
	case c.restart:
		r.Add("began sentences at each new count in column %d", c.counter)
	case c.sentences == 1 && c.allTokens > 500:
		r.Add("read the file as one sentence of %s, because it has no blank lines", english.Count(c.allTokens, "token"))
	}
}
