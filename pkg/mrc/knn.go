package mrc

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// FindNeighbours returns the path of the kNN file called name in dir. "test" and
// "test.knn" are short for "test.knn.jsonl".
func FindNeighbours(dir, name string) (string, error) {
	var tried []string
	for _, suffix := range []string{".knn.jsonl", ".jsonl", ""} {
		path := filepath.Join(dir, name+suffix)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, nil
		}
		tried = append(tried, path)
	}
	return "", fmt.Errorf("no kNN file: tried %s", strings.Join(tried, ", "))
}

// Neighbours is an open kNN file: for each row of a source file, the training rows to use
// as demonstrations, nearest first. It is safe for concurrent use.
type Neighbours struct {
	name  string
	text  string
	unmap func() error
	lines []uint64 // offset of each row's line
	more  bool
}

// OpenNeighbours maps the file and checks that its first rows lines exist and that each
// is a JSON array of row numbers below train. The caller closes it.
func OpenNeighbours(path string, rows, train int) (*Neighbours, error) {
	text, unmap, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	k := &Neighbours{name: path, text: text, unmap: unmap}
	if err := guard(path, func() error { return k.index(rows, train) }); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// Close unmaps the file.
func (k *Neighbours) Close() error { return k.unmap() }

// Name returns the path with which the file was opened.
func (k *Neighbours) Name() string { return k.name }

// More reports whether the file has more lines than rows.
func (k *Neighbours) More() bool { return k.more }

// Append appends the first n neighbours of row i, or all of them if there are fewer. It
// returns an error if the file has changed since it was opened.
func (k *Neighbours) Append(dst []int, i, n int) (list []int, err error) {
	err = guard(k.name, func() error {
		if list, err = appendNeighbours(dst, k.text[k.lines[i]:], n); err != nil {
			return k.fault(i, err, "run the command again, and leave the input files alone until it has ended")
		}
		return nil
	})
	return list, err
}

// SentenceNeighbours appends the training sentences to show in a question about all labels
// of a sentence, whose rows are given: at most n, each once. They are taken from the
// neighbours of the rows in turn: the first neighbour of each row, then the second of each
// row, and so on. A neighbour is replaced by its sentence, which sentenceOf, the result of
// [SentenceOf] for the training file, contains. SentenceNeighbours returns an error if the
// kNN file has changed since it was opened.
func SentenceNeighbours(dst []int, k *Neighbours, rows []int, sentenceOf []int32, n int) ([]int, error) {
	for most := n; ; most *= 2 {
		lists, cut, err := k.lists(rows, most)
		if err != nil {
			return dst, err
		}
		list := takeInTurn(dst, lists, sentenceOf, n)
		if len(list)-len(dst) >= n || !cut {
			return list, nil
		}
		// Several of these rows stand for one sentence: further ones may be in the rest.
	}
}

// lists returns the first n neighbours of each of the rows, and whether one of them may
// have more.
func (k *Neighbours) lists(rows []int, n int) (lists [][]int, cut bool, err error) {
	lists = make([][]int, len(rows))
	var all []int
	for i, row := range rows {
		begin := len(all)
		if all, err = k.Append(all, row, n); err != nil {
			return nil, false, err
		}
		lists[i] = all[begin:len(all):len(all)]
		cut = cut || len(lists[i]) == n
	}
	return lists, cut, nil
}

// takeInTurn appends the first n different sentences: the first of each list, then the
// second of each, and so on.
func takeInTurn(dst []int, lists [][]int, sentenceOf []int32, n int) []int {
	begin := len(dst)
	longest := 0
	for _, list := range lists {
		longest = max(longest, len(list))
	}
	for rank := range longest {
		for _, list := range lists {
			if len(dst)-begin >= n {
				return dst
			}
			if rank >= len(list) {
				continue
			}
			if s := int(sentenceOf[list[rank]]); !slices.Contains(dst[begin:], s) {
				dst = append(dst, s)
			}
		}
	}
	return dst
}

func (k *Neighbours) index(rows, train int) error {
	k.text = strings.TrimPrefix(k.text, record.ByteOrderMark)
	k.lines = make([]uint64, 0, min(rows, len(k.text)/2+1)) // a line has at least a bracket and a line end
	at := uint64(0)
	for at < uint64(len(k.text)) && len(k.lines) < rows {
		k.lines = append(k.lines, at)
		n := strings.IndexByte(k.text[at:], '\n')
		if n < 0 {
			at = uint64(len(k.text))
			break
		}
		at += uint64(n) + 1
	}
	k.more = strings.TrimSpace(k.text[at:]) != ""
	if len(k.lines) < rows {
		return k.fault(len(k.lines), fmt.Errorf("the file ends here, but the source has %s", english.Count(rows, "row")),
			"each row needs a line: make the kNN file from this source file")
	}
	return k.check(train)
}

// check reads every line once, on all cores, and reports the first fault.
func (k *Neighbours) check(train int) error {
	parts := runtime.GOMAXPROCS(0)
	faults := make([]error, parts)
	var g errgroup.Group
	for p := range parts {
		g.Go(func() error {
			faults[p] = guard(k.name, func() error {
				return k.checkLines(len(k.lines)*p/parts, len(k.lines)*(p+1)/parts, train)
			})
			return nil
		})
	}
	_ = g.Wait() // each part puts its error into faults
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *Neighbours) checkLines(from, to, train int) error {
	var list []int
	for i := from; i < to; i++ {
		var err error
		list, err = appendNeighbours(list[:0], k.text[k.lines[i]:], len(k.text))
		if err != nil {
			return k.fault(i, err, fmt.Sprintf("line %d must be a JSON array of the training rows to show for row %d, such as [3, 17, 8]", i+1, i))
		}
		for _, n := range list {
			if n >= train {
				return k.fault(i, fmt.Errorf("row %d: neighbour %d, but the training file has only %s", i, n, english.Count(train, "row")),
					"make the kNN file from this training file, or name the one that it was made from")
			}
		}
	}
	return nil
}

func (k *Neighbours) fault(row int, err error, hint string) error {
	return &fault.Error{File: k.name, Line: row + 1, Err: err, Hint: hint}
}

var errNotNeighbours = errors.New("not a JSON array of row numbers")

// appendNeighbours appends the first n numbers of the JSON array on the first line of s.
// It checks the rest of the line only if the array has at most n numbers.
func appendNeighbours(dst []int, s string, n int) ([]int, error) {
	const maxRow = math.MaxInt / 10 // one more digit fits into an int below this
	i := skipBlanks(s, 0)
	if i >= len(s) || s[i] != '[' {
		return dst, errNotNeighbours
	}
	i = skipBlanks(s, i+1)
	if i < len(s) && s[i] == ']' {
		return dst, lineEnds(s, i+1)
	}
	for range n {
		begin, row := i, 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' && row < maxRow {
			row = row*10 + int(s[i]-'0')
			i++
		}
		if i == begin || i > begin+1 && s[begin] == '0' {
			return dst, errNotNeighbours
		}
		dst = append(dst, row)
		i = skipBlanks(s, i)
		if i < len(s) && s[i] == ']' {
			return dst, lineEnds(s, i+1)
		}
		if i >= len(s) || s[i] != ',' {
			return dst, errNotNeighbours
		}
		i = skipBlanks(s, i+1)
	}
	return dst, nil
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

func lineEnds(s string, i int) error {
	if i = skipBlanks(s, i); i < len(s) && s[i] != '\n' {
		return errNotNeighbours
	}
	return nil
}
