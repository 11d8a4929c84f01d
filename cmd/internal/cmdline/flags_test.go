package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"nertools/pkg/fault"
)

// program is one whose commands write what they were given.
func program(stdout *bytes.Buffer, stderr *strings.Builder) *cli.App {
	var o struct {
		name, mode string
		number     int
		wait       bool
		reasons    []string
		most       time.Duration
	}
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.StringFlag{Name: "name", Aliases: []string{"n"}, Destination: &o.name},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Value: 10, Destination: &o.number, Action: AtLeast("jobs", 1)},
			&cli.BoolFlag{Name: "wait", Destination: &o.wait},
			&cli.DurationFlag{Name: "most", EnvVars: []string{"NER_TEST_MOST"}, Destination: &o.most, Action: AtLeast[time.Duration]("most", 0)},
			&cli.StringSliceFlag{Name: "reason", Action: Into(&o.reasons)},
			&cli.StringFlag{Name: "mode", Value: "a", Destination: &o.mode, Action: oneOf("mode", "a", "b", "c")},
		}
	}
	write := Action(func(_ context.Context, std Streams, args []string) error {
		fmt.Fprintf(std.Out, "%+v %q", o, args)
		return nil
	})
	return &cli.App{
		Name: "ner-x", Writer: stdout, ErrWriter: stderr, Flags: append(flags(), &cli.StringFlag{Name: "own"}), ArgsUsage: "[FILE]", Action: write,
		Commands: []*cli.Command{
			{Name: "take", ArgsUsage: "[FILE]", Flags: flags(), Action: write, Before: Needs(map[string][]string{"most": {"wait"}, "reason": {"wait", "name"}})},
			{Name: "bare", Action: write},
		},
	}
}

func TestFlagsAreReadWhereverTheyAre(t *testing.T) {
	const none = `{name: mode:a number:10 wait:false reasons:[] most:0}`
	for line, want := range map[string]string{
		"":                            none + ` []`,
		"file -n x":                   `{name:x mode:a number:10 wait:false reasons:[] most:0} ["file"]`,
		"file -j4 other":              `{name: mode:a number:4 wait:false reasons:[] most:0} ["file" "other"]`,
		"- --mode=b":                  `{name: mode:b number:10 wait:false reasons:[] most:0} ["-"]`,
		"-- --mode":                   none + ` ["--mode"]`,
		"take file --name y --jobs 2": `{name:y mode:a number:2 wait:false reasons:[] most:0} ["file"]`,
		"--name y take file":          `{name:y mode:a number:10 wait:false reasons:[] most:0} ["file"]`,
		"take --reason a,b file --reason c --wait": `{name: mode:a number:10 wait:true reasons:[a,b c] most:0} ["file"]`,
		"take take":             none + ` ["take"]`,
		"take --wait --most 2s": `{name: mode:a number:10 wait:true reasons:[] most:2000000000} []`,
		"bare":                  none + ` []`,
	} {
		var stdout bytes.Buffer
		var stderr strings.Builder
		code := Run(t.Context(), program(&stdout, &stderr), append([]string{"ner-x"}, strings.Fields(line)...))
		if code != OK || stdout.String() != want {
			t.Errorf("%q: exit code %d, %s%s, want %s", line, code, &stdout, &stderr, want)
		}
	}
}

func TestWhatAFlagDoesNotTakeAndWhatDoesNothingIsWrongUsage(t *testing.T) {
	for line, want := range map[string]string{
		"--no-such":                   "unknown flag --no-such",
		"take --no-such file":         "unknown flag --no-such",
		"--own x take file":           "--own is not a flag of ner-x take",
		"--own=x take file":           "--own is not a flag of ner-x take",
		"--name x bare":               "--name is not a flag of ner-x bare",
		"bare file":                   `unexpected argument "file"`,
		"--jobs 0":                    "--jobs must be at least 1, not 0",
		"--most -1s":                  "--most must be at least 0s, not -1s",
		"--jobs x":                    `--jobs must be a whole number, not "x"`,
		"--mode d":                    `--mode must be a, b or c, not "d"`,
		"take --most 2s":              "--most does nothing without --wait",
		"take --most 2s --wait=false": "--most does nothing without --wait",
		"take --reason x":             "--reason does nothing without --wait or --name",
		"take --name":                 "flag needs an argument: --name",
	} {
		var stdout bytes.Buffer
		var stderr strings.Builder
		code := Run(t.Context(), program(&stdout, &stderr), append([]string{"ner-x"}, strings.Fields(line)...))
		help := "ner-x"
		if first := strings.Fields(line)[0]; !strings.HasPrefix(first, "-") {
			help += " " + first
		}
		if code != Usage || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "ner-x: "+want) || !strings.HasSuffix(stderr.String(), "\nner-x: see "+help+" --help\n") {
			t.Errorf("%q: exit code %d, %s%s, want %s", line, code, &stdout, &stderr, want)
		}
	}
}

func TestAVariableOfTheEnvironmentMayDoNothing(t *testing.T) {
	t.Setenv("NER_TEST_MOST", "3s")
	for line, want := range map[string]int{"take": OK, "take --most 3s": OK, "take --most 2s": Usage} {
		var stdout bytes.Buffer
		var stderr strings.Builder
		if code := Run(t.Context(), program(&stdout, &stderr), append([]string{"ner-x"}, strings.Fields(line)...)); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", line, code, want, &stderr)
		}
	}
}

func TestInputsAreReadOnceAndNotWrittenOver(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(name, []byte("\ufeff"+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", "link"); err != nil {
		t.Skip("no symbolic links")
	}
	abs, err := filepath.Abs("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		inputs []string
		want   string
	}{
		{"", []string{"a", "b", "", "-"}, ""},
		{"new", []string{"a", "b"}, ""},
		{"nowhere/new", []string{"a"}, ""},
		{"a", []string{"b", "a"}, "a: is also the output"},
		{"link", []string{"a"}, "a: is also the output"},
		{"a", []string{"link"}, "link: is also the output"},
		{abs, []string{"a"}, "a: is also the output"},
		{"new", []string{"-", "a", "-"}, "stdin can be read only once"},
		{"new", []string{"a", "nowhere"}, "nowhere: no such file"},
	} {
		err := CheckFiles(c.target, c.inputs...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("from %q to %q: %v, want %q", c.inputs, c.target, err, c.want)
		}
	}
	if data, name, err := ReadFile("a"); err != nil || string(data) != "a" || name != "a" {
		t.Errorf("read %q of %s, %v", data, name, err)
	}
	if _, _, err := Open("."); err == nil || fault.Hint(err) == "" {
		t.Errorf("a folder: %v", err)
	}
	if r, name, err := Open("-"); err != nil || name != "stdin" || r == nil {
		t.Errorf("stdin is called %s, %v", name, err)
	}
}

func TestAReaderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := Interruptible(ctx, strings.NewReader("text"))
	if n, err := r.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	cancel()
	if _, err := r.Read(make([]byte, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAReaderThatEndsWithItsContextSeeksIfItCan(t *testing.T) {
	file, pipe := Interruptible(t.Context(), strings.NewReader("text")), Interruptible(t.Context(), io.MultiReader())
	if at, err := file.(io.Seeker).Seek(2, io.SeekStart); at != 2 || err != nil {
		t.Errorf("at %d, %v", at, err)
	}
	if _, err := pipe.(io.Seeker).Seek(0, io.SeekCurrent); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
