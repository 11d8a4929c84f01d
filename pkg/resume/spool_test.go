package resume

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestWhatASpoolReadIsReadAgainFromMemoryOrAFile(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	broken := errors.New("broken")
	old := spoolMemory
	defer func() { spoolMemory = old }()
	for _, memory := range []int{64, 1 << 20} {
		for _, read := range []int64{0, 10, 5000, 10_000} {
			spoolMemory = memory
			s := &spool{from: strings.NewReader(text)}
			if n, err := io.CopyN(io.Discard, s, read); n != read || err != nil {
				t.Fatal(n, err)
			}
			if got, err := io.ReadAll(s.again()); string(got) != text || err != nil {
				t.Errorf("%d bytes in memory, %d read: %d bytes again, %v", memory, read, len(got), err)
			}
			s.close()
		}
	}
	// An error comes again where it was, even if its reader returns it only once.
	s := &spool{from: io.MultiReader(bytes.NewReader([]byte("abc")), iotest.ErrReader(broken), strings.NewReader("more"))}
	if _, err := io.ReadAll(s); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(s.again()); string(got) != "abc" || !errors.Is(err, broken) {
		t.Errorf("again: %q, %v", got, err)
	}
	s.close()
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("a closed spool can be read")
	}
}
