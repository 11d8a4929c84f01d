package cost

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/wire"
)

func TestPricesAreTheBuiltInOnesUnlessAFileHoldsOthers(t *testing.T) {
	if table, err := (&Prices{}).Table(); err != nil || table.Date != price.Builtin().Date {
		t.Errorf("got %v, %v", table, err)
	}
	path := filepath.Join(t.TempDir(), "prices.json")
	for text, want := range map[string]string{
		`{"date":"2026-11-22","currency":"USD","per":1000000,"models":{"m":{"input":1,"output":2}}}`: "",
		`{"date":`: path,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (&Prices{File: path}).Table(); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	_, err := (&Prices{File: path + ".none"}).Table()
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(fault.Hint(err), "--prices") {
		t.Errorf("no such file: %v, hint %q", err, fault.Hint(err))
	}
}

func TestAnEstimateIsWordsOnStderrAndOneJSONObjectOnStdout(t *testing.T) {
	b, err := wire.NewBuilder(wire.Settings{Model: "gpt-4o-mini", MaxTokens: 64})
	if err != nil {
		t.Fatal(err)
	}
	requests := func(n int) func() (wire.Request, error) {
		return func() (wire.Request, error) {
			if n--; n < 0 {
				return wire.Request{}, io.EOF
			}
			return b.ParseRequest([]byte(`{"kind":"prompt","v":1,"id":"t/0/000000000000","index":0,"total":9,"prompt":"Sentence: Ada met Bob ."}`))
		}
	}
	var out, said bytes.Buffer
	kept := 4
	if err := Estimate(cmdline.Streams{Name: "p", Out: &out, Err: &said}, price.Builtin(), requests(5), &kept, Limits{PartRequests: 2}); err != nil {
		t.Fatal(err)
	}
	var quote map[string]any
	if err := json.Unmarshal(out.Bytes(), &quote); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Errorf("%q: %v", &out, err)
	}
	if got := quote["rows"]; got != 5.0 {
		t.Errorf("rows: %v in %s", got, &out)
	}
	for line := range strings.Lines(said.String()) {
		if !strings.HasPrefix(line, "p: ") {
			t.Errorf("said %q", line)
		}
	}
	full := errors.New("disk full")
	if err := Estimate(cmdline.Streams{Out: fullDisk{full}, Err: io.Discard}, price.Builtin(), requests(1), &kept, Limits{}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type fullDisk struct{ error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.error }
