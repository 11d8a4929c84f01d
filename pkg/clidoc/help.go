package clidoc

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

const (
	// Width is how many columns a help text has at most, if its examples and
	// descriptions keep to it.
	Width = 100
	// margin is where the text about a flag or a command begins at most.
	margin = 30
)

// Setup gives app the flags --help and --version, in a group of flags, the command help,
// and help texts as [Help] writes them. wrong makes the error of a wrong command line.
func Setup(app *cli.App, group string, wrong func(error) error) {
	cli.VersionFlag = &cli.BoolFlag{Category: group, Name: "version", Usage: "print the version"}
	cli.HelpFlag = &cli.BoolFlag{Category: group, Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
	cli.HelpPrinter = func(w io.Writer, _ string, data any) {
		name := ""
		if c, ok := data.(*cli.Command); ok {
			name = c.Name
		}
		_ = Help(w, app, name) // w is to remember the error
	}
	app.Version = Version()
	// cli adds --help only where there is no command help.
	app.Flags = append(app.Flags, cli.HelpFlag, cli.VersionFlag)
	app.Commands = append(app.Commands, &cli.Command{
		Name: "help", Usage: "show the help of " + app.Name + ", or of one of its commands", ArgsUsage: "[COMMAND]",
		UsageText: app.Name + " help help",
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return wrong(fmt.Errorf("unexpected argument %q", c.Args().Get(1)))
			}
			if err := Help(c.App.Writer, app, c.Args().First()); err != nil {
				return wrong(err)
			}
			return nil
		},
	})
}

// Group puts flags under a title in help texts, unless they are under another already,
// and returns them.
func Group(title string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		var category *string
		switch f := f.(type) {
		case *cli.StringFlag:
			category = &f.Category
		case *cli.StringSliceFlag:
			category = &f.Category
		case *cli.BoolFlag:
			category = &f.Category
		case *cli.DurationFlag:
			category = &f.Category
		case *cli.IntSliceFlag:
			category = &f.Category
		case *cli.IntFlag:
			category = &f.Category
		case *cli.Int64Flag:
			category = &f.Category
		case *cli.Uint64Flag:
			category = &f.Category
		default:
			panic(fmt.Sprintf("clidoc: a flag of type %T", f))
		}
		*category = cmp.Or(*category, title)
	}
	return flags
}

// Help writes the help text of app, or with a name that of its command.
func Help(w io.Writer, app *cli.App, name string) error {
	p, commands := pages(app)
	if name != "" {
		c := app.Command(name)
		if c == nil {
			return fmt.Errorf("unknown command %q", name)
		}
		p, commands = pageOf(app, c), nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUSAGE:\n  %s\n", p.name(), p.usage, p.synopsis())
	if len(commands) > 1 && p.args != "COMMAND" {
		fmt.Fprintf(&b, "  %s COMMAND [FLAGS]\n", p.name())
	}
	section(&b, "EXAMPLE", p.example)
	section(&b, "DESCRIPTION", p.about)
	if len(commands) > 0 {
		b.WriteString("\nCOMMANDS:\n")
		rows := make([][2]string, len(commands))
		for i, c := range commands {
			rows[i] = [2]string{c.command, c.usage}
		}
		columns(&b, rows)
	}
	for i := 0; i < len(p.options); {
		group := p.options[i].group
		fmt.Fprintf(&b, "\n%s:\n", strings.ToUpper(cmp.Or(group, "flags")))
		var rows [][2]string
		for ; i < len(p.options) && p.options[i].group == group; i++ {
			o := &p.options[i]
			spec := o.spec()
			if short := o.names[0]; len(short) == 2 && len(o.names) > 1 {
				spec = short + ", " + spec
			}
			rows = append(rows, [2]string{spec, o.about()})
		}
		columns(&b, rows)
	}
	if len(commands) > 1 {
		fmt.Fprintf(&b, "\n%s help COMMAND shows the flags of a command.\n", app.Name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func section(b *strings.Builder, title, text string) {
	if text == "" {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRightFunc("  "+line, unicode.IsSpace) + "\n")
	}
}

// columns writes rows of two columns, the second of which is wrapped.
func columns(b *strings.Builder, rows [][2]string) {
	indent := 0
	for _, row := range rows {
		if n := utf8.RuneCountInString(row[0]) + 4; n <= margin {
			indent = max(indent, n)
		}
	}
	indent = cmp.Or(indent, margin)
	for _, row := range rows {
		line := "  " + row[0]
		if utf8.RuneCountInString(line)+2 > indent {
			b.WriteString(line + "\n")
			line = ""
		}
		empty := true
		for _, word := range strings.Fields(row[1]) {
			n := utf8.RuneCountInString(line)
			switch {
			case empty:
				line += strings.Repeat(" ", indent-n)
			case n+1+utf8.RuneCountInString(word) > Width:
				b.WriteString(line + "\n")
				line = strings.Repeat(" ", indent)
			default:
				line += " "
			}
			line += word
			empty = false
		}
		b.WriteString(line + "\n")
	}
}
