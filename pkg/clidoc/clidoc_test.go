package clidoc

import (
	"errors"
	"flag"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

func app() *cli.App {
	return &cli.App{
		Name: "mark", Usage: "mark the words of a text", HideVersion: true,
		UsageText: "mark run --colour red text.txt", ArgsUsage: "COMMAND",
		Commands: []*cli.Command{
			{
				Name: "run", Usage: "mark a file", ArgsUsage: "[FILE ...]", UsageText: "mark run text.txt",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "colour", Aliases: []string{"c"}, Value: "red", Usage: "mark in this `COLOUR`"},
					&cli.StringFlag{Name: "output", Usage: "write to `FILE`", Category: "files"},
					&cli.DurationFlag{Name: "pause", Value: 2 * time.Hour, Usage: "rest for `TIME` then"},
					&cli.BoolFlag{Name: "bold", Usage: "mark in bold"},
					&cli.IntFlag{Name: "most", Usage: "mark at most `N` words"},
					&cli.StringSliceFlag{Name: "words", EnvVars: []string{"MARK_WORDS"}, Usage: "mark the words in `FILE` (repeatable)", Category: "files"},
					&cli.StringFlag{Name: "secret", Hidden: true},
				},
			},
			{Name: "help", Usage: "show help", ArgsUsage: "[COMMAND]"},
		},
	}
}

func ExampleHelp() {
	_ = Help(os.Stdout, app(), "run")
	// Output:
	// mark run - mark a file
	//
	// USAGE:
	//   mark run [FLAGS] [FILE ...]
	//
	// EXAMPLE:
	//   mark run text.txt
	//
	// FLAGS:
	//   -c, --colour COLOUR  mark in this COLOUR (default: red)
	//   --pause TIME         rest for TIME then (default: 2h)
	//   --bold               mark in bold
	//   --most N             mark at most N words
	//   -h, --help           show help
	//
	// FILES:
	//   --output FILE  write to FILE
	//   --words FILE   mark the words in FILE (repeatable) [$MARK_WORDS]
}

func TestHelpFitsItsWidthWhateverFlagsSay(t *testing.T) {
	a := app()
	a.Commands[0].Flags = append(a.Commands[0].Flags, &cli.StringFlag{Name: strings.Repeat("long", 10), Usage: strings.Repeat("a word and ", 40)})
	a.Commands[0].Usage = "short"
	a.Commands[1].Usage = strings.Repeat("ünïcödé and ", 20)
	for _, name := range []string{"", "run"} {
		var b strings.Builder
		if err := Help(&b, a, name); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > Width {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
}

func TestHelpAboutAnUnknownCommandIsAnError(t *testing.T) {
	if err := Help(io.Discard, app(), "walk"); err == nil || err.Error() != `unknown command "walk"` {
		t.Error(err)
	}
}

func TestExplainNamesAFlagAsItWasTyped(t *testing.T) {
	flags := []cli.Flag{
		&cli.IntFlag{Name: "n", Aliases: []string{"number"}}, &cli.DurationFlag{Name: "time"}, &cli.Float64Flag{Name: "part"},
		&cli.BoolFlag{Name: "yes"}, &cli.StringFlag{Name: "name"},
	}
	for _, c := range []struct{ args, want string }{
		{"--halp", "unknown flag --halp"},
		{"-halp", "unknown flag -halp"},
		{"--halp=x", "unknown flag --halp"},
		{"--name", "flag needs an argument: --name"},
		{"-name", "flag needs an argument: -name"},
		{"--number x", `--number must be a whole number, not "x"`},
		{"--number=x", `--number must be a whole number, not "x"`},
		{"-n 1.5", `-n must be a whole number, not "1.5"`},
		{"-n 99999999999999999999", `-n "99999999999999999999": value out of range`},
		{"--time 5", `--time must be a time such as 90s or 2m, not "5"`},
		{"--part half", `--part must be a number, not "half"`},
		{"--yes=maybe", `--yes must be true or false, not "maybe"`},
		{"---x", "bad flag syntax: ---x"},
	} {
		set := flag.NewFlagSet("mark", flag.ContinueOnError)
		set.SetOutput(io.Discard)
		for _, f := range flags {
			if err := f.Apply(set); err != nil {
				t.Fatal(err)
			}
		}
		args := strings.Fields(c.args)
		err := set.Parse(args)
		if err == nil {
			t.Fatalf("%s: no error", c.args)
		}
		if got := Explain(err, flags, args); got != c.want {
			t.Errorf("%s: %s, want %s", c.args, got, c.want)
		}
	}
	if got := Explain(errors.New("another"), flags, nil); got != "another" {
		t.Error(got)
	}
}

func TestThereIsAVersionInEveryKindOfBuild(t *testing.T) {
	vcs := func(more ...debug.BuildSetting) []debug.BuildSetting {
		return append(more, debug.BuildSetting{Key: "vcs", Value: "git"})
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	at := debug.BuildSetting{Key: "vcs.time", Value: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC).Format(time.RFC3339)}
	for _, c := range []struct {
		name, main string
		settings   []debug.BuildSetting
		want       string
	}{
		{"without VCS stamps", "(devel)", nil, release},
		{"without modules", "", nil, release},
		{"of a downloaded module", "v1.2.3", nil, "1.2.3"},
		{"of a commit", "v0.0.0-20261126080000-0123456789ab", vcs(revision, at), release + " (commit 0123456789ab of 2026-11-26)"},
		{"of changed files", "(devel)", vcs(revision, at, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), release + " (commit 0123456789ab of 2026-11-26, modified)"},
	} {
		if got := versionOf(&debug.BuildInfo{Main: debug.Module{Version: c.main}, Settings: c.settings}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if Version() == "" {
		t.Error("no version")
	}
}

func TestManEscapesWhatRoffWouldRead(t *testing.T) {
	a := app()
	a.Description = ".a line that begins with a dot\n'and one with a quote\n\nC:\\new --flag \"x\" `y`"
	a.Version = "1.2.3 (commit 0123)"
	var b strings.Builder
	if err := Man(&b, a, []ExitCode{{2, "wrong"}}, "other"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		".TH MARK 1 " + released + " \"mark 1.2.3\" \"User Commands\"\n.SH NAME\nmark \\- mark the words of a text\n",
		"\n.SH DESCRIPTION\n\\&.a line that begins with a dot\n\\(aqand one with a quote\n.PP\nC:\\enew \\-\\-flag \\(dqx\\(dq \\(gay\\(ga\n",
		"\n.TP\n\\fB\\-c\\fR, \\fB\\-\\-colour\\fR \\fICOLOUR\\fR\nmark in this COLOUR (default: red)\n",
		"\n.SH ENVIRONMENT\n.TP\n.B MARK_WORDS\n",
		"\n.SH EXIT STATUS\n.TP\n.B 2\nwrong\n",
		"\n.SH SEE ALSO\n.BR other (1)\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestCompletionOfAnUnknownShellIsAnError(t *testing.T) {
	if err := Completion(io.Discard, app(), "tcsh"); err == nil {
		t.Error("no error")
	}
}
