package cmdline

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestEverythingPrintedIsSafeForATerminal(t *testing.T) {
	const bad = "a\x1b[31mb\u202ec\nner-x: 4 ok\rd\xff"
	const good = "abc ner-x: 4 ok d\ufffd"
	for name, c := range map[string]struct {
		action func(*cli.Context) error
		want   string
	}{
		"an error":    {func(*cli.Context) error { return errors.New(bad) }, "ner-x: " + good + "\n"},
		"a file name": {func(*cli.Context) error { return &fs.PathError{Op: "open", Path: bad, Err: fs.ErrNotExist} }, "ner-x: " + good + ": no such file\n"},
		"joined errors": {func(*cli.Context) error { return errors.Join(errors.New("one"), errors.New(bad)) },
			"ner-x: one\nner-x: " + good + "\n"},
		"a line": {Action(func(_ context.Context, std Streams, _ []string) error { std.Say("read %s", bad); return nil }), "ner-x: read " + good + "\n"},
		"a log":  {func(*cli.Context) error { log.Printf("Unsolicited response: %s", bad); return nil }, "ner-x: Unsolicited response: " + good + "\n"},
		"lines to copy": {Action(func(_ context.Context, std Streams, _ []string) error {
			std.Show("copy:", "<a>\n  "+bad+"\n")
			return nil
		}), "ner-x: copy:\n<a>\n  abc\nner-x: 4 ok d\ufffd\n"},
	} {
		var stderr strings.Builder
		app := &cli.App{Name: "ner-x", ErrWriter: &stderr, Writer: &stderr, Action: c.action}
		Run(t.Context(), app, []string{"ner-x"})
		if got := stderr.String(); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestFlagValueIsSafeForATerminal(t *testing.T) {
	for _, args := range [][]string{{"--\x1b[31mred"}, {"--n", "\x1b[31m\u202e1"}, {"\x1b[31mfile"}} {
		var stderr strings.Builder
		app := &cli.App{Name: "ner-x", ErrWriter: &stderr, Writer: &stderr, Flags: []cli.Flag{&cli.IntFlag{Name: "n"}},
			Action: Action(func(context.Context, Streams, []string) error { return nil })}
		if code := Run(t.Context(), app, append([]string{"ner-x"}, args...)); code != Usage || stderr.Len() == 0 || strings.ContainsAny(stderr.String(), "\x1b\u202e") {
			t.Errorf("%q: code %d, %q", args, code, stderr.String())
		}
	}
}
