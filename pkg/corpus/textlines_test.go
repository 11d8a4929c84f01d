package corpus_test

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"nertools/pkg/corpus"
)

// repeated is a file that holds text a number of times.
type repeated struct {
	text string
	size int64
	at   int64
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) && r.at < r.size {
		m := copy(p[n:min(int64(len(p)), int64(n)+r.size-r.at)], r.text[r.at%int64(len(r.text)):])
		n, r.at = n+m, r.at+int64(m)
	}
	if n == 0 {
		err = io.EOF
	}
	return n, err
}

func (r *repeated) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekCurrent {
		offset += r.at
	}
	r.at = offset
	return offset, nil
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAFileThatCanSeekIsNotKeptInMemory(t *testing.T) {
	const sentence, n = "Mia\tB-PER\nlives\tO\nin\tO\nKiel\tB-LOC\n\n", 200_000
	file := &repeated{text: sentence, size: n * int64(len(sentence))}
	before, got := heap(), 0
	for s, err := range corpus.ReadCoNLL("f", file, corpus.Reading{}) {
		if err != nil || s.Text != "Mia lives in Kiel" || len(s.Entities) != 2 {
			t.Fatal(s, err)
		}
		if got++; got == n/2 {
			if more := heap() - before; more > file.size/4 {
				t.Errorf("%d bytes in memory of a file of %d", more, file.size)
			}
		}
	}
	if got != n {
		t.Errorf("%d sentences, want %d", got, n)
	}
}

// A reader begins where its caller has come to, also when the file is read again.
func TestCoNLLIsReadFromWhereTheReaderIs(t *testing.T) {
	for name, in := range map[string]io.Reader{"seeks": strings.NewReader("x\nMia\tB-PER\n"), "does not": io.MultiReader(strings.NewReader("x\nMia\tB-PER\n"))} {
		if _, err := io.ReadFull(in, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		sentences, format, err := corpus.Read("f", in, "", corpus.Reading{})
		if err != nil || format != "conll" {
			t.Fatal(name, format, err)
		}
		for s, err := range sentences {
			if err != nil || s.Text != "Mia" || len(s.Entities) != 1 {
				t.Error(name, s, err)
			}
		}
	}
}

func TestLinesEndInEveryWay(t *testing.T) {
	for _, c := range []struct {
		file   string
		want   []string // sentences
		remark string
	}{
		{"a\tB-X\nb\tO\n\nc\tO\n", []string{"a b", "c"}, ""},
		{"a\tB-X\r\nb\tO\r\n\r\nc\tO", []string{"a b", "c"}, ""},
		{"a\tB-X\rb\tO\r\rc\tO\r", []string{"a b", "c"}, "took 3 lone carriage returns for line ends"},
		{"a\tB-X\r\r\nb\tO\n\nc\tO\r", []string{"a b", "c"}, ""},
		{"a\tB-X\rb\tO\n\r\nc\tO\r\n", []string{"a b", "c"}, "took 1 lone carriage return for line ends"},
		{"\ufeffa\tB-X\rb\tO\r\r\r", []string{"a b"}, "took 3 lone carriage returns for line ends"},
		{strings.Repeat("a", 100_000) + "\tB-X\rb\tO\n", []string{strings.Repeat("a", 100_000) + " b"}, "took 1 lone carriage return for line ends"},
	} {
		var got []string
		var remarks corpus.Remarks
		for s, err := range corpus.ReadCoNLL("f", bytes.NewBufferString(c.file), corpus.Reading{Remarks: &remarks}) {
			if err != nil {
				t.Fatalf("%.40q: %v", c.file, err)
			}
			got = append(got, s.Text)
		}
		if !slices.Equal(got, c.want) || remarks.String() != c.remark {
			t.Errorf("%.40q: %.80q, %q", c.file, got, remarks.String())
		}
	}
}
