package mrc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nertools/pkg/fault"
	"nertools/pkg/mrc"
)

const all = 1 << 30 // more neighbours than any line has

func TestABrokenKNNFileIsRefusedWithItsLineAndARemedy(t *testing.T) {
	const notList = "not a JSON array of row numbers"
	for _, c := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"empty", "", 1, "the file ends here, but the source has 3 rows"},
		{"shorter than the source", "[1]\n[2]\n", 3, "the file ends here, but the source has 3 rows"},
		{"shorter, without a newline at the end", "[1]\n[2]", 3, "the file ends here, but the source has 3 rows"},
		{"a blank line", "[1]\n\n[3]\n", 2, notList},
		{"a line of spaces", "[1]\n  \t\n[3]\n", 2, notList},
		{"an index outside the training file", "[1]\n[2]\n[3, 9, 10]\n", 3, "row 2: neighbour 10, but the training file has only 10 rows"},
		{"an index far outside", "[1]\n[2]\n[3, 1234567890123]\n", 3, "row 2: neighbour 1234567890123, but the training file has only 10 rows"},
		{"a number of many digits", "[1]\n[" + strings.Repeat("9", 40) + "]\n[3]\n", 2, notList},
		{"negative", "[1]\n[2, -1]\n[3]\n", 2, notList},
		{"a float", "[1]\n[2]\n[3.0]\n", 3, notList},
		{"an exponent", "[1]\n[2]\n[3e0]\n", 3, notList},
		{"a string", "[1]\n[\"2\"]\n[3]\n", 2, notList},
		{"a nested array", "[[1], [2]]\n[2]\n[3]\n", 1, notList},
		{"a number alone", "[1]\n2\n[3]\n", 2, notList},
		{"an object", "{\"0\": [1]}\n[2]\n[3]\n", 1, notList},
		{"null", "[1]\nnull\n[3]\n", 2, notList},
		{"cut off behind a number", "[1]\n[2]\n[3, 4", 3, notList},
		{"cut off behind a comma", "[1]\n[2]\n[3,", 3, notList},
		{"cut off behind the bracket", "[1]\n[2]\n[", 3, notList},
		{"an array over two lines", "[1]\n[2,\n3]\n[4]\n", 2, notList},
		{"no comma", "[1 2]\n[2]\n[3]\n", 1, notList},
		{"two commas", "[1,,2]\n[2]\n[3]\n", 1, notList},
		{"comma in front", "[,1]\n[2]\n[3]\n", 1, notList},
		{"comma behind", "[1,]\n[2]\n[3]\n", 1, notList},
		{"text behind", "[1] # nearest first\n[2]\n[3]\n", 1, notList},
		{"two arrays on a line", "[1][2]\n[2]\n[3]\n", 1, notList},
		{"leading zeros", "[01]\n[2]\n[3]\n", 1, notList},
		{"two zeros", "[00]\n[2]\n[3]\n", 1, notList},
		{"a plus sign", "[+1]\n[2]\n[3]\n", 1, notList},
		{"a space that JSON does not know", "[1,\v2]\n[2]\n[3]\n", 1, notList},
		{"the first fault is told", "[1]\nx\n[99]\n", 2, notList},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "test.knn.jsonl", c.text)
			k, err := mrc.OpenNeighbours(path, 3, 10)
			if err == nil {
				k.Close()
			}
			checkFault(t, err, path, c.line, c.want)
		})
	}
}

// neighbours appends neighbours of a row to dst.
func neighbours(t testing.TB, k *mrc.Neighbours, dst []int, row, n int) []int {
	t.Helper()
	list, err := k.Append(dst, row, n)
	if err != nil {
		t.Error(err)
	}
	return list
}

func openNeighbours(t testing.TB, path string, rows, train int) *mrc.Neighbours {
	t.Helper()
	k, err := mrc.OpenNeighbours(path, rows, train)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func TestAGoodKNNFileIsReadWhateverItsForm(t *testing.T) {
	want := [][]int{{3, 17, 8}, {}, {0}}
	for _, c := range []struct {
		name, text string
		more       bool
	}{
		{"as Python writes it", "[3, 17, 8]\n[]\n[0]\n", false},
		{"no spaces", "[3,17,8]\n[]\n[0]\n", false},
		{"spaces and tabs", "  [ 3\t, 17 ,8 ]\t \n [ ] \n\t[0 ]\n", false},
		{"CRLF", "[3, 17, 8]\r\n[]\r\n[0]\r\n", false},
		{"no newline at the end", "[3, 17, 8]\n[]\n[0]", false},
		{"blank lines at the end", "[3, 17, 8]\n[]\n[0]\n\n \r\n", false},
		{"a line too many", "[3, 17, 8]\n[]\n[0]\n[1]\n", true},
		{"anything behind the last row", "[3, 17, 8]\n[]\n[0]\n\nnot looked at", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "test.knn.jsonl", c.text)
			k := openNeighbours(t, path, len(want), 18)
			for i, list := range want {
				if got, err := k.Append(nil, i, all); !slices.Equal(got, list) || err != nil {
					t.Errorf("row %d: %v, %v, want %v", i, got, err, list)
				}
			}
			if k.More() != c.more {
				t.Errorf("more lines than rows: %v, want %v", k.More(), c.more)
			}
			if k.Name() != path {
				t.Errorf("its name is %q, want %q", k.Name(), path)
			}
		})
	}
}

func TestNoMoreNeighboursAreTakenThanAskedForOrThere(t *testing.T) {
	k := openNeighbours(t, write(t, "test.knn.jsonl", "[5, 4, 3]\n[2]\n"), 2, 6)
	for _, c := range []struct {
		row, n int
		want   []int
	}{
		{0, 0, []int{7}},
		{0, 1, []int{7, 5}},
		{0, 2, []int{7, 5, 4}},
		{0, 3, []int{7, 5, 4, 3}},
		{0, 4, []int{7, 5, 4, 3}},
		{1, 16, []int{7, 2}},
	} {
		if got := neighbours(t, k, []int{7}, c.row, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d of row %d: %v, want %v", c.n, c.row, got, c.want)
		}
	}
}

func TestNeighboursAreThoseThatEncodingJSONGives(t *testing.T) {
	const path = "../../examples/news/test.knn.jsonl"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	k := openNeighbours(t, path, 148, 344)
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var want []int
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, neighbours(t, k, nil, i, all)); d != "" {
			t.Errorf("row %d: %s", i, d)
		}
	}
	if k.More() {
		t.Error("the sample has more lines than rows")
	}
}

func TestNeighboursOfASentenceAreTakenFromItsRowsInTurn(t *testing.T) {
	// Training rows 0 and 1 are of sentence 0, 2 and 3 of sentence 1, and so on.
	groups := make([]mrc.Group, 6)
	for i := range groups {
		groups[i].Rows = []int{2 * i, 2*i + 1}
	}
	of := mrc.SentenceOf(groups, 12)
	for _, c := range []struct {
		knn  string
		rows []int
		n    int
		want []int
	}{
		{"[0,2,4]\n[11,9,7]\n", []int{0, 1}, 4, []int{0, 5, 1, 4}},
		{"[0,2,4]\n[11,9,7]\n", []int{1, 0}, 3, []int{5, 0, 4}},
		{"[0,2,4]\n[11,9,7]\n", []int{0, 1}, 99, []int{0, 5, 1, 4, 2, 3}},
		{"[0,2,4]\n[11,9,7]\n", []int{1}, 2, []int{5, 4}},
		{"[0,2,4]\n[1,3,5]\n", []int{0, 1}, 3, []int{0, 1, 2}},         // each sentence once
		{"[0,1,2,3,4]\n[1,0,3,2,5]\n", []int{0, 1}, 3, []int{0, 1, 2}}, // however far down
		{"[]\n[3]\n[8,6]\n", []int{0, 1, 2}, 3, []int{1, 4, 3}},
		{"[]\n", []int{0}, 3, nil},
		{"[1]\n", []int{0}, 0, nil},
	} {
		path := filepath.Join(t.TempDir(), "test.knn.jsonl")
		if err := os.WriteFile(path, []byte(c.knn), 0o666); err != nil {
			t.Fatal(err)
		}
		k := openNeighbours(t, path, strings.Count(c.knn, "\n"), 12)
		got, err := mrc.SentenceNeighbours([]int{7}, k, c.rows, of, c.n)
		if err != nil {
			t.Fatal(err)
		}
		if want := append([]int{7}, c.want...); !slices.Equal(got, want) {
			t.Errorf("%q, rows %d, %d of them: %d, not %d", c.knn, c.rows, c.n, got, want)
		}
	}
}

func TestAKNNFileIsFoundByItsWholeNameAndWithoutItsEndings(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"test.knn.jsonl", "dev.jsonl", "plain"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("[]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"test": "test.knn.jsonl", "test.knn": "test.knn.jsonl", "test.knn.jsonl": "test.knn.jsonl",
		"dev": "dev.jsonl", "plain": "plain",
	} {
		if got, err := mrc.FindNeighbours(dir, name); err != nil || got != filepath.Join(dir, file) {
			t.Errorf("%q is found as %q (%v), want %s", name, got, err, file)
		}
	}
	for _, name := range []string{"train", "folder", "test.knn.jsonl.knn"} {
		got, err := mrc.FindNeighbours(dir, name)
		if err == nil {
			t.Errorf("%q is found as %s", name, got)
			continue
		}
		for _, tried := range []string{name + ".knn.jsonl", name + ".jsonl", name} {
			if !strings.Contains(err.Error(), filepath.Join(dir, tried)) {
				t.Errorf("%v: does not say that %s was tried", err, tried)
			}
		}
	}
}

func TestADirectoryIsNoKNNFile(t *testing.T) {
	dir := t.TempDir()
	_, err := mrc.OpenNeighbours(dir, 1, 1)
	checkFault(t, err, dir, 0, "is a directory")
	if _, err := mrc.OpenNeighbours(filepath.Join(dir, "nowhere"), 1, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func FuzzNeighbours(f *testing.F) {
	f.Add("[1, 2, 3]\n[]\r\n[0]", 3)
	f.Add(" [ 12\t,7 ] \n\n[0]", 2)
	f.Add("[01]\n[-1]\n[1.0]\n[1e1]\n[9223372036854775808]", 5)
	f.Add("\xef\xbb\xbf[1]\n[2] x\nnull\n[-0]", 4)
	f.Add("[922337203685477580]\n[9223372036854775807]\n", 2)
	f.Add("[1\r,\r2]\r\n[]", 1)
	path := filepath.Join(f.TempDir(), "fuzz.knn.jsonl")
	f.Fuzz(func(t *testing.T, text string, rows int) {
		if len(text) > 4096 {
			t.Skip("long files say nothing new")
		}
		rows &= 0xff
		// What encoding/json reads from the lines, as far as there are rows.
		const train = 1000
		lines := strings.Split(text, "\n")
		if lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1] // the file ended in a newline
		}
		good := len(lines) >= rows && !strings.HasPrefix(text, "\xef\xbb\xbf")
		var want [][]int
		for _, line := range lines[:min(rows, len(lines))] {
			var list []int
			if json.Unmarshal([]byte(line), &list) != nil || list == nil || strings.Contains(line, "-") || strings.Contains(line, "null") ||
				slices.ContainsFunc(list, func(n int) bool { return n >= train }) {
				// encoding/json takes null for no array and no number, and -0 for 0.
				good = false
				break
			}
			want = append(want, list)
		}

		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := mrc.OpenNeighbours(path, rows, train)
		if err != nil {
			if good {
				t.Errorf("encoding/json takes it, but %v", err)
			}
			if fault.Hint(err) == "" || !strings.HasPrefix(err.Error(), path+":") {
				t.Errorf("not a line of the file, or no remedy: %v", err)
			}
			return
		}
		defer k.Close()
		if !good {
			t.Fatal("accepted, but encoding/json does not take it")
		}
		for i, list := range want {
			if d := cmp.Diff(list, neighbours(t, k, nil, i, all), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("row %d: %s", i, d)
			}
			for n := range len(list) {
				if d := cmp.Diff(list[:n], neighbours(t, k, nil, i, n), cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("the first %d of row %d: %s", n, i, d)
				}
			}
		}
		if more := strings.TrimSpace(strings.Join(lines[min(rows, len(lines)):], "")) != ""; k.More() != more {
			t.Fatalf("more lines than rows: %v, want %v", k.More(), more)
		}
	})
}

func BenchmarkOpenNeighbours(b *testing.B) {
	var text strings.Builder
	for i := range 20_000 {
		text.WriteString("[0")
		for n := range 31 {
			fmt.Fprintf(&text, ", %d", (i*31+n*7919)%1_000_000)
		}
		text.WriteString("]\n")
	}
	path := write(b, "bench.knn.jsonl", text.String())
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		k, err := mrc.OpenNeighbours(path, 20_000, 1_000_000)
		if err != nil {
			b.Fatal(err)
		}
		k.Close()
	}
}

func TestAChangedKNNFileIsNamedWithItsLine(t *testing.T) {
	path := write(t, "test.knn.jsonl", "[0, 1]\n[1, 0]\n")
	k := openNeighbours(t, path, 2, 2)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("[1, x]"), 7); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = k.Append(nil, 1, 2)
	checkFault(t, err, path, 2, "not a JSON array of row numbers")
}
