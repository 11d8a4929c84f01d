package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"nertools/pkg/fault"
)

func TestAnExitCodeNeverHidesAnError(t *testing.T) {
	failed := errors.New("start part 1: 413 too large")
	rejected := Exit(Key, fault.WithHint(errors.New("401 wrong key"), "check OPENAI_API_KEY"))
	cancelled := fmt.Errorf("look at b: %w", context.Canceled)
	gone := &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}
	interrupted, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{"nothing", nil, nil, OK, ""},
		{"a status alone", nil, Exit(Pending, nil), Pending, ""},
		{"an error alone", nil, failed, Failed, "start part 1: 413 too large"},
		{"an error and a status", nil, errors.Join(failed, Exit(Pending, nil)), Failed, "start part 1: 413 too large"},
		{"a status and an error", nil, errors.Join(Exit(Partial, nil), failed), Failed, "start part 1: 413 too large"},
		{"two statuses", nil, errors.Join(Exit(Partial, nil), Exit(Pending, nil)), Pending, ""},
		{"a status with a text and another", nil, errors.Join(Exit(Pending, errors.New("still running")), Exit(Partial, nil)), Pending, "still running"},
		{"a rejected key and a status", nil, errors.Join(rejected, Exit(Pending, nil)), Key, "401 wrong key|check OPENAI_API_KEY"},
		{"a rejected key after an error", nil, errors.Join(failed, rejected), Key, "start part 1: 413 too large|401 wrong key|check OPENAI_API_KEY"},
		{"a code around joined errors", nil, Exit(Key, errors.Join(failed, errors.New("close: full"))), Key, "start part 1: 413 too large|close: full"},
		{"a code inside", nil, fmt.Errorf("begin: %w", rejected), Key, "begin: 401 wrong key|check OPENAI_API_KEY"},
		{"a status inside what a code goes around", nil, Exit(Partial, errors.Join(Exit(Pending, nil), failed)), Pending, "start part 1: 413 too large"},
		{"joined twice", nil, errors.Join(errors.Join(failed, Exit(Pending, nil)), errors.New("close: full")), Failed, "start part 1: 413 too large|close: full"},
		{"the same twice", nil, errors.Join(failed, failed), Failed, "start part 1: 413 too large"},
		{"several in one text", nil, fmt.Errorf("%w, and %w", failed, Exit(Locked, errors.New("locked"))), Locked, "start part 1: 413 too large, and locked"},
		{"a text of several lines", nil, fmt.Errorf("two: %w", errors.Join(failed, errors.New("close: full"))), Failed, "two: start part 1: 413 too large|close: full"},
		{"wrong usage", nil, UsageError("--x 0: a number from 1"), Usage, "--x 0: a number from 1|see ner-x --help"},
		{"wrong usage and an error", nil, errors.Join(failed, UsageError("bad")), Usage, "start part 1: 413 too large|bad|see ner-x --help"},
		{"interrupted", interrupted, cancelled, Interrupted, "interrupted|to continue, run the same command again"},
		{"interrupted, knowing better", interrupted, fault.WithHint(cancelled, "resume it"), Interrupted, "interrupted|resume it"},
		{"interrupted, with a status", interrupted, errors.Join(cancelled, Exit(Pending, nil)), Interrupted, "interrupted|to continue, run the same command again"},
		{"interrupted, and what is finished was not written", interrupted, errors.Join(cancelled, failed), Failed, "interrupted|to continue, run the same command again|start part 1: 413 too large"},
		{"cancelled, but not by the user", nil, cancelled, Failed, "look at b: context canceled"},
		{"the reader has gone", nil, gone, OK, ""},
		{"the reader has gone, and an error", nil, errors.Join(fmt.Errorf("write: %w", gone), failed), Failed, "start part 1: 413 too large"},
	} {
		ctx := c.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		var stderr strings.Builder
		code := report(ctx, &stderr, "ner-x", "ner-x --help", c.err)
		want := ""
		if c.want != "" {
			want = "ner-x: " + strings.ReplaceAll(c.want, "|", "\nner-x: ") + "\n"
		}
		if code != c.code || stderr.String() != want {
			t.Errorf("%s: exit code %d, want %d; stderr %q, want %q", c.name, code, c.code, stderr.String(), want)
		}
	}
}

func TestEachExplainsWhatIsJoinedAndLeavesStatusesAlone(t *testing.T) {
	rejected, full := errors.New("401"), errors.New("disk full")
	explain := func(err error) error {
		if err == rejected {
			return Exit(Key, fault.WithHint(err, "check the key"))
		}
		return err
	}
	for _, c := range []struct {
		err  error
		code int
		want string
	}{
		{nil, OK, ""},
		{Exit(Pending, nil), Pending, ""},
		{rejected, Key, "ner-x: 401\nner-x: check the key\n"},
		{errors.Join(full, errors.Join(rejected, Exit(Pending, nil))), Key, "ner-x: disk full\nner-x: 401\nner-x: check the key\n"},
		{Exit(Failed, rejected), Key, "ner-x: 401\nner-x: check the key\n"},
		{full, Failed, "ner-x: disk full\n"},
	} {
		var stderr strings.Builder
		if code := report(t.Context(), &stderr, "ner-x", "ner-x --help", Each(c.err, explain)); code != c.code || stderr.String() != c.want {
			t.Errorf("%v: exit code %d, want %d; stderr %q, want %q", c.err, code, c.code, stderr.String(), c.want)
		}
	}
}
