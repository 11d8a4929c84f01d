// Package clidoc turns the flag definitions of a command-line program into its help
// texts, its man page, and completions for bash, zsh and fish.
//
// The placeholder of a flag's usage says what its value is: FILE is completed by
// files, DIR by directories, other values not at all. Of the arguments that a command
// takes, COMMAND stands for a command of the program, a|b|c for one of these words,
// and everything else for files.
package clidoc

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// page is what is said about a program, or about one of its commands.
type page struct {
	program string
	command string // "" for the program itself
	usage   string // what it does, in a few words
	args    string // what follows the flags
	example string // command lines
	about   string // further details
	options []option
}

func (p *page) name() string { return strings.TrimSpace(p.program + " " + p.command) }

// synopsis is how p is called.
func (p *page) synopsis() string {
	if p.args == "COMMAND" {
		return p.name() + " COMMAND [FLAGS]"
	}
	return strings.TrimSpace(p.name() + " [FLAGS] " + p.args)
}

// words returns the words that the argument of p can be, or nil if it can be anything.
func (p *page) words(commands []*page) []string {
	args := strings.Trim(p.args, "[]")
	switch {
	case args == "COMMAND":
		return names(commands)
	case strings.Contains(args, "|"):
		return strings.Split(args, "|")
	}
	return nil
}

// takesFiles reports whether the arguments of p are files.
func (p *page) takesFiles() bool {
	return p.args != "" && p.words(nil) == nil && !strings.Contains(p.args, "COMMAND")
}

// option is a flag.
type option struct {
	names      []string // with their dashes, short ones first
	value      string   // the placeholder, "" for a switch
	usage      string   // without quotes around the placeholder
	def        string   // "" if it says nothing
	env        []string
	group      string
	repeatable bool
}

// spec is how o is written, without its shorter names.
func (o *option) spec() string {
	return strings.TrimSpace(o.names[len(o.names)-1] + " " + o.value)
}

// about is the usage of o, and where its value comes from if it is not given.
func (o *option) about() string {
	text := o.usage
	if o.def != "" {
		text += " (default: " + o.def + ")"
	}
	for _, name := range o.env {
		text += " [$" + name + "]"
	}
	return text
}

// brief is the usage of o in one line of a list of completions.
func (o *option) brief() string {
	text, _, _ := strings.Cut(o.usage, " (")
	return text
}

// pages returns the page of app and those of its commands.
func pages(app *cli.App) (program *page, commands []*page) {
	program = &page{program: app.Name, usage: app.Usage, args: app.ArgsUsage, example: app.UsageText, about: app.Description, options: options(app.Flags)}
	if !app.HideVersion && !slices.Contains(app.Flags, cli.VersionFlag) {
		program.options = append(program.options, options([]cli.Flag{cli.VersionFlag})...)
	}
	for _, c := range app.Commands {
		if c.Hidden {
			continue
		}
		commands = append(commands, pageOf(app, c))
	}
	return program, commands
}

func pageOf(app *cli.App, c *cli.Command) *page {
	return &page{program: app.Name, command: c.Name, usage: c.Usage, args: c.ArgsUsage, example: c.UsageText, about: c.Description, options: options(c.Flags)}
}

// options returns what the flags say, those of a group side by side.
func options(flags []cli.Flag) []option {
	var all []option
	var groups []string
	if !slices.Contains(flags, cli.HelpFlag) {
		flags = append(slices.Clip(flags), cli.HelpFlag)
	}
	for _, f := range flags {
		o, ok := optionOf(f)
		if !ok {
			continue
		}
		all = append(all, o)
		if !slices.Contains(groups, o.group) {
			groups = append(groups, o.group)
		}
	}
	slices.SortStableFunc(all, func(a, b option) int {
		return cmp.Compare(slices.Index(groups, a.group), slices.Index(groups, b.group))
	})
	return all
}

func optionOf(f cli.Flag) (option, bool) {
	doc, ok := f.(cli.DocGenerationFlag)
	if visible, is := f.(cli.VisibleFlag); !ok || is && !visible.IsVisible() {
		return option{}, false
	}
	o := option{usage: doc.GetUsage(), env: doc.GetEnvVars()}
	for _, name := range f.Names() {
		o.names = append(o.names, dashed(name))
	}
	slices.SortStableFunc(o.names, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	if c, ok := f.(cli.CategorizableFlag); ok {
		o.group = c.GetCategory()
	}
	if s, ok := f.(cli.DocGenerationSliceFlag); ok {
		o.repeatable = s.IsSliceFlag()
	}
	if before, rest, ok := strings.Cut(o.usage, "`"); ok {
		if value, after, ok := strings.Cut(rest, "`"); ok {
			o.value, o.usage = value, before+value+after
		}
	}
	if !doc.TakesValue() {
		o.value = ""
		return o, true
	}
	o.value = cmp.Or(o.value, "VALUE")
	if !o.repeatable {
		o.def = doc.GetDefaultText()
		if s, err := strconv.Unquote(o.def); err == nil {
			o.def = s
		}
		for _, zero := range []string{"m0s", "h0m"} { // 24h for 24h0m0s
			if strings.HasSuffix(o.def, zero) {
				o.def = o.def[:len(o.def)-2]
			}
		}
		if o.def == "0" || o.def == "0s" {
			o.def = ""
		}
	}
	return o, true
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// names are the names of the commands.
func names(commands []*page) []string {
	var all []string
	for _, c := range commands {
		all = append(all, c.command)
	}
	return all
}
