package corpus

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Need names what has to be known about a file before it can be read.
type Need uint8

// The needs.
const (
	NeedTokenColumn Need = iota + 1 // which column holds the tokens
	NeedTagColumn                   // which column holds the tags
	NeedLabel                       // the label of tags that are just B, I and O
	NeedTagNames                    // the names of tags that are numbers
)

// A LayoutError means that a file has no reading, or several, until more is known about
// it.
type LayoutError struct {
	Need    Need
	Columns []int // the columns to choose from, from 1, if some are likely
	Problem string
}

func (e *LayoutError) Error() string { return e.Problem }

// remedies say what to do, for callers that can't say it better.
var remedies = map[Need]string{
	NeedTokenColumn: "name the column of the tokens",
	NeedTagColumn:   "a tag is O, or one of B I E S L U M W, a hyphen and a label; if it is in another column, name that column",
	NeedLabel:       "name the label of these entities",
	NeedTagNames:    "name the tags, in the order of their numbers",
}

// layout says how to read the lines of a CoNLL file.
type layout struct {
	header  string // a line with the names of the columns, which is skipped; "" in a file without one
	columns int    // of every line with a token; 0 if they differ
	token   int    // the column of the tokens, from 1
	gaps    bool   // a few tokens are empty
	counter int    // the column that counts the tokens, or 0
	number  int    // the column whose changes begin a sentence, or 0
	restart bool   // a sentence begins where the counter restarts
	tags    []tagColumn
	clean   bool    // all cells in the column of tags are tags
	share   float64 // of those that are tags
}

// tagColumn is a column of tags.
type tagColumn struct {
	column   int // from 1; 0 means the last one of each line
	notation notation
	key      string // of keyed tags
	labels   map[string]bool
}

// limit is the number of different values that are kept of a column. A column of tags has
// fewer.
const limit = 5000

// survey is what the lines of a CoNLL file have in common.
type survey struct {
	rows       int         // lines with a token
	first      int         // line of the first one
	blanks     bool        // blank lines, or the like, separate tokens
	min, max   int         // columns of a line
	widths     map[int]int // lines by their number of columns, which is negative for columns separated by tabs
	columns    []*column
	last       *column // the last column of each line
	longest    int     // tokens of the longest sentence
	run        int
	sentences  int
	global     []string // the names of the columns, as a comment of CoNLL-U Plus gives them
	header     []string // the cells of a header line
	headerLine string
	ontonotes  bool // "#begin document" precedes a document
}

// column is what the cells of a column have in common.
type column struct {
	values map[string]*value // nil if there are too many
	empty  int               // cells without text
	blank  int               // cells that are _
	asLast int               // cells that equal the last cell of their line
	keyed  map[string]*keyedTags
	count  counting
}

type value struct{ count, line int }

// keyedTags counts the values of a key such as "ner" in cells like "SpaceAfter=No|ner=O".
type keyedTags struct{ good, bad int }

// counting follows the numbers in a column.
type counting struct {
	cells      int
	ints       int
	prev, base int
	text       []byte // the previous cell
	strays     int    // numbers that neither continue nor restart
	restarts   int    // within what blank lines separate
	carried    int    // continued across a blank line
	changes    int    // different from the previous cell of the sentence
	falls      int    // less than the previous number
	ranges     int    // cells such as 1-2 or 8.1
	letters    int    // cells with a letter
}

// add takes the next cell. begins says that it is the first of a sentence.
func (c *counting) add(cell []byte, begins bool) {
	c.cells++
	if bytes.ContainsFunc(cell, unicode.IsLetter) {
		c.letters++
	}
	if isRange(cell) {
		c.ranges++
	}
	n, ok := integer(cell)
	first := c.cells == 1
	if !begins && !bytes.Equal(c.text, cell) {
		c.changes++
	}
	c.text = append(c.text[:0], cell...)
	if !ok {
		return
	}
	c.ints++
	switch {
	case first:
		c.base = n
	case n < c.prev:
		c.falls++
	}
	switch {
	case first:
	case begins && n == c.base:
	case n == c.prev+1:
		if begins {
			c.carried++
		}
	case n == c.base:
		c.restarts++
	default:
		c.strays++
	}
	c.prev = n
}

// integer parses a cell of 1 to 9 digits.
func integer(cell []byte) (n int, ok bool) {
	if len(cell) == 0 || len(cell) > 9 {
		return 0, false
	}
	for _, b := range cell {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + int(b-'0')
	}
	return n, true
}

// isRange reports whether the cell consists of two numbers, such as 1-2 or 8.1.
func isRange(cell []byte) bool {
	i := bytes.IndexFunc(cell, func(r rune) bool { return r < '0' || r > '9' })
	if i < 1 || cell[i] != '-' && cell[i] != '.' {
		return false
	}
	_, first := integer(cell[:i])
	_, second := integer(cell[i+1:])
	return first && second
}

// numeric reports whether all cells are numbers.
func (c *counting) numeric() bool { return c.ints == c.cells && c.cells > 0 }

// counts reports whether the column counts the tokens of each sentence, or of the file,
// from 0 or 1. blanks says that something separates sentences.
func (c *counting) counts(blanks bool) bool {
	return c.numeric() && c.base <= 1 && c.strays == 0 && (c.restarts == 0 || !blanks && c.carried == 0 && c.falls > 0)
}

// numbers reports whether the column numbers the sentences.
func (c *counting) numbers() bool {
	return c.numeric() && c.falls == 0
}

func (s *survey) column(n int) *column {
	for len(s.columns) < n {
		s.columns = append(s.columns, &column{values: map[string]*value{}})
	}
	return s.columns[n-1]
}

func (c *column) add(cell []byte, line int) {
	if len(cell) == 0 {
		c.empty++
	} else if string(cell) == "_" {
		c.blank++
	}
	if c.values != nil {
		if v, ok := c.values[string(cell)]; ok {
			v.count++
		} else if c.values[string(cell)] = (&value{1, line}); len(c.values) > limit {
			c.values = nil
		}
	}
}

// addKeys counts the tags among the keyed values of a cell.
func (c *column) addKeys(cell []byte) {
	for item := range strings.SplitSeq(string(cell), "|") {
		key, tag, ok := strings.Cut(item, "=")
		if key = strings.ToLower(key); !ok || !slices.Contains(tagKeys, key) {
			continue
		}
		if c.keyed == nil {
			c.keyed = map[string]*keyedTags{}
		}
		k := c.keyed[key]
		if k == nil {
			k = &keyedTags{}
			c.keyed[key] = k
		}
		if _, ok := parseTags(nil, prefixed, []byte(tag), nil); ok {
			k.good++
		} else {
			k.bad++
		}
	}
}

// tagKeys are names of tags in the MISC column of CoNLL-U.
var tagKeys = []string{"ner", "name", "ne"}

// row takes a line with a token. cells are its columns, which tabs or spaces separate; begins says that it is the first
// of a sentence.
func (s *survey) row(cells [][]byte, tabs bool, line int, begins bool) {
	n := len(cells)
	if s.rows == 0 {
		s.widths = map[int]int{}
		s.first, s.min, s.last = line, n, &column{values: map[string]*value{}}
	}
	s.rows++
	s.min, s.max = min(s.min, n), max(s.max, n)
	if tabs {
		n = -n
	}
	s.widths[n]++
	if begins {
		s.run = 0
		s.sentences++
	}
	s.run++
	s.longest = max(s.longest, s.run)
	last := cells[len(cells)-1]
	s.last.add(last, line)
	for i, cell := range cells {
		c := s.column(i + 1)
		c.add(cell, line)
		if string(cell) == string(last) {
			c.asLast++
		}
		if i < 5 {
			c.count.add(cell, begins)
		}
		if len(cell) > 3 && bytes.IndexByte(cell, '=') > 0 {
			c.addKeys(cell)
		}
	}
}

// decide chooses the layout of the file.
func (s *survey) decide(how *Reading) (*layout, error) {
	l := &layout{token: how.TokenColumn}
	if s.min == s.max {
		l.columns = s.max
	}
	if err := s.decideTags(l, how); err != nil {
		return nil, err
	}
	if err := s.decideTokens(l, how); err != nil {
		return nil, err
	}
	return l, nil
}

// named returns the column whose name in the header is one of names, or 0.
func (s *survey) named(names []string) int {
	for _, header := range [][]string{s.header, s.global} {
		for i, name := range header {
			if slices.Contains(names, strings.ToLower(name)) {
				return i + 1
			}
		}
	}
	return 0
}

// The names of columns in header lines.
var (
	tokenNames    = []string{"token", "tokens", "word", "words", "form", "text", "words_col"}
	tagNames      = []string{"tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "ner-tag", "ne", "iob", "iob2", "bio", "entity", "entities", "named_entity"}
	sentenceNames = []string{"sentence", "sentence_id", "sent_id", "sentence #", "sentence_idx", "sentid"}
)

// isHeader reports whether the cells are the names of columns.
func isHeader(cells [][]byte) bool {
	token, tag := false, false
	for _, cell := range cells {
		name := strings.ToLower(string(cell))
		switch {
		case slices.Contains(tokenNames, name):
			token = true
		case slices.Contains(tagNames, name) || strings.HasPrefix(name, "ne-"):
			tag = true
		}
	}
	return token && tag
}

// decideTokens chooses the column of the tokens.
func (s *survey) decideTokens(l *layout, how *Reading) error {
	if how.TokenColumn == 0 {
		if n := s.named(tokenNames); n > 0 {
			l.token = n
			if n > 1 {
				how.Remarks.Add("read the tokens from column %d, as the names of the columns say", n)
			}
		}
	}
	l.number = s.named(sentenceNames)
	defer func() {
		if l.token > 0 && l.token <= s.min {
			empty := s.columns[l.token-1].empty
			l.gaps = empty > 0 && empty*100 <= s.rows
		}
	}()
	before := 0 // the columns up to this one say where a token is, not what it is
	for n := 1; n <= min(s.min, 5) && n != l.token && s.places(l, n, how); n++ {
		before = n
	}
	if !l.clean && how.TagColumns == nil { // the error is about the tags
		l.token = max(l.token, 1)
	}
	if l.token == 0 {
		l.token = before + 1
		if l.token > s.min || s.isTag(l, l.token) {
			return &LayoutError{Need: NeedTokenColumn, Problem: fmt.Sprintf("no column is left for the tokens besides the numbers in column %d", max(before, 1))}
		}
		if c := &s.columns[l.token-1].count; s.min >= 3 && (c.numeric() && (s.rows > 2 || c.base <= 1 && c.strays == 0) || c.letters == 0 && s.rows >= 5) {
			return &LayoutError{Need: NeedTokenColumn, Problem: fmt.Sprintf("only numbers in column %d: are they the tokens?", l.token)}
		}
		switch {
		case l.counter > 0 && l.token > 1:
			how.Remarks.Add("read the tokens from column %d, because they are counted in column %d", l.token, l.counter)
		case l.number > 0 && l.token > 1:
			how.Remarks.Add("read the tokens from column %d, because the sentences are numbered in column %d", l.token, l.number)
		case l.token > 1:
			how.Remarks.Add("read the tokens from column %d", l.token)
		}
	}
	return nil
}

// isTag reports whether column n holds tags.
func (s *survey) isTag(l *layout, n int) bool {
	return slices.ContainsFunc(l.tags, func(t tagColumn) bool {
		return t.column == n || t.column == 0 && s.min == s.max && n == s.max
	})
}

// places reports whether column n says where a token is: it counts, it numbers, it names
// the sentence or the document, or it holds the tags.
func (s *survey) places(l *layout, n int, how *Reading) bool {
	if s.isTag(l, n) {
		return true
	}
	if s.min < 3 && l.token == 0 {
		return false
	}
	c := &s.columns[n-1].count
	switch {
	case c.counts(s.blanks) && (s.rows > 1 || n > 1):
		l.counter, l.restart = n, c.restarts > 0
	case c.numbers() && s.rows > 1 && c.changes < s.rows-s.sentences:
		if l.number == 0 && c.changes > 0 {
			l.number = n
		}
	case c.ranges == s.rows && s.rows > 1:
	case c.changes == 0 && s.longest >= 3:
	default:
		return false
	}
	return true
}

// chunks are the labels of chunks, which look like tags of entities in files of the
// shared tasks of CoNLL-2000 and CoNLL-2003.
var chunks = []string{"NP", "VP", "PP", "ADVP", "SBAR", "ADJP", "PRT", "CONJP", "INTJ", "LST", "UCP", "NX", "QP", "NAC", "NC", "VC", "PC"}

// verdict says how well a column can be read as tags.
type verdict struct {
	tagColumn
	clean  bool
	share  float64 // of the cells that are tags
	marked bool    // O occurs
}

// strong reports whether the tags mark entities.
func (v *verdict) strong() bool { return len(v.labels) > 0 || v.notation == bare }

// chunked reports whether the tags mark chunks.
func (v *verdict) chunked() bool {
	for label := range v.labels {
		if !slices.Contains(chunks, label) {
			return false
		}
	}
	return len(v.labels) > 0
}

func (s *survey) judge(n int, named bool) verdict {
	v := judge(s.cells(n), s.rows, named)
	v.column = n
	return v
}

// decideTags chooses the columns of the tags.
func (s *survey) decideTags(l *layout, how *Reading) error {
	for _, n := range how.TagColumns {
		if n > len(s.columns) {
			l.tags = append(l.tags, tagColumn{column: n})
			continue
		}
		v := s.judge(n, true)
		l.tags = append(l.tags, v.tagColumn)
		s.remark(&v, how)
	}
	if len(l.tags) > 0 {
		return nil
	}
	v, err := s.findTags(l, how)
	if err != nil {
		return err
	}
	if !v.clean && len(v.labels) == 0 && s.min > 1 {
		if c := s.cells(v.column); c.values != nil && c.empty+c.blank == s.rows {
			return &LayoutError{Need: NeedTagColumn, Problem: "the last column is empty, so it does not hold the tags"}
		}
	}
	if v.column == s.max { // lines that begin with "#" may have another number of columns
		v.column = 0
	}
	l.tags, l.clean, l.share = []tagColumn{v.tagColumn}, v.clean, v.share
	s.remark(&v, how)
	return nil
}

// cells returns column n, or the last one if n is 0.
func (s *survey) cells(n int) *column {
	if n == 0 {
		return s.last
	}
	return s.columns[n-1]
}

// remark reports what was guessed about the tags.
func (s *survey) remark(v *verdict, how *Reading) {
	if v.notation == typed {
		how.Remarks.Add("read the tags as labels without B and I, so neighbouring tokens with the same label form one entity")
	}
}

// findTags chooses the column of the tags if the caller names none.
func (s *survey) findTags(l *layout, how *Reading) (verdict, error) {
	end := s.max // the last column that is not empty throughout
	for s.min == s.max && end > 2 && s.columns[end-1].empty == s.rows {
		end--
	}
	last := s.judge(0, false)
	if s.min == s.max {
		last = s.judge(end, false)
	}
	if s.ontonotes && s.min >= 12 {
		if v := s.judge(11, false); v.clean && v.notation == bracketed || v.clean && !v.strong() {
			v.notation = bracketed
			how.Remarks.Add("read the tags from column 11, the named entities of CoNLL-2012")
			return v, nil
		}
	}
	if n := s.named(tagNames); n > 0 && n <= s.min {
		if v := s.judge(n, true); v.clean {
			if n != end {
				how.Remarks.Add("read the tags from column %d, as the names of the columns say", n)
			}
			return v, nil
		}
	}
	var rivals []verdict // other columns of tags
	for n := 2; n <= s.min; n++ {
		if n == last.column || n == l.token {
			continue
		}
		if v := s.judge(n, false); v.clean && s.columns[n-1].asLast < s.rows && !v.chunked() {
			rivals = append(rivals, v)
		}
	}
	strong := slices.DeleteFunc(slices.Clone(rivals), func(v verdict) bool { return !v.strong() })
	if s.min < 2 { // an error for the line without a tag
		last.clean = false
		return last, nil
	}
	if last.clean || last.share >= 0.9 && last.strong() {
		for _, v := range strong {
			shared := func() bool {
				for label := range v.labels {
					if last.labels[label] {
						return true
					}
				}
				return false
			}
			if !last.strong() || last.notation == typed || shared() {
				return last, s.several(append(strong, last))
			}
		}
		return last, nil
	}
	switch {
	case len(strong) > 1:
		return last, s.several(strong)
	case len(strong) == 1:
		how.Remarks.Add("read the tags from column %d, the only one with tags", strong[0].column)
		return strong[0], nil
	case len(rivals) > 0:
		how.Remarks.Add("read the tags from column %d", rivals[0].column)
		return rivals[0], nil
	}
	if s.min >= 2 && l.token != 1 {
		if v := s.judge(1, false); v.clean && v.strong() && v.notation == prefixed && v.marked {
			how.Remarks.Add("read the tags from column 1, the only one with tags")
			return v, nil
		}
	}
	return last, nil
}

// several returns the error for a file with several columns of tags.
func (s *survey) several(list []verdict) error {
	e := &LayoutError{Need: NeedTagColumn}
	for _, v := range list {
		if v.strong() {
			e.Columns = append(e.Columns, v.column)
		}
	}
	if last := list[len(list)-1].column; len(e.Columns) == 1 { // the last column has no entities
		e.Columns = append(e.Columns, last)
	}
	slices.Sort(e.Columns)
	var names []string
	for _, n := range e.Columns {
		name := fmt.Sprint(n)
		if n > 0 && n <= len(s.header) {
			name += " (" + s.header[n-1] + ")"
		}
		names = append(names, name)
	}
	if e.Columns[0] == 0 {
		e.Columns, names = e.Columns[1:], append(names[1:], "the last one of each line")
	}
	e.Problem = fmt.Sprintf("columns %s and %s hold tags", strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
	return e
}
