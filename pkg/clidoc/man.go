package clidoc

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// ExitCode is a code that a program exits with.
type ExitCode struct {
	Code  int
	Means string
}

// Man writes the man page of app, in the man macros of roff. related are the
// programs to see also.
func Man(w io.Writer, app *cli.App, codes []ExitCode, related ...string) error {
	program, commands := pages(app)
	var b strings.Builder
	version, _, _ := strings.Cut(app.Version, " ")
	fmt.Fprintf(&b, ".TH %s 1 %s \"%s %s\" \"User Commands\"\n", roff(strings.ToUpper(app.Name)), released, roff(app.Name), roff(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", roff(app.Name), roff(program.usage))
	b.WriteString(synopsis(program))
	if len(commands) > 1 && program.args != "COMMAND" {
		fmt.Fprintf(&b, ".br\n.B %s\n.I COMMAND\n[\\fIFLAGS\\fR]\n", roff(app.Name))
	}
	if program.about != "" {
		b.WriteString(".SH DESCRIPTION\n" + paragraph(program.about))
	}
	if len(program.options) > 0 {
		b.WriteString(".SH OPTIONS\n" + strings.TrimPrefix(tagged(program.options), ".PP\n"))
	}
	if len(commands) > 0 {
		b.WriteString(".SH COMMANDS\n")
	}
	env := environment(program)
	for _, c := range commands {
		fmt.Fprintf(&b, ".SS %s\n%s.PP\n%s.\n", roff(c.name()), synopsis(c), roff(title(c.usage)))
		if c.about != "" {
			b.WriteString(".PP\n" + paragraph(c.about))
		}
		b.WriteString(example(c) + tagged(c.options))
		env = append(env, environment(c)...)
	}
	if env = slices.Compact(slices.Sorted(slices.Values(env))); len(env) > 0 {
		b.WriteString(".SH ENVIRONMENT\n" + strings.Join(env, ""))
	}
	if len(codes) > 0 {
		b.WriteString(".SH EXIT STATUS\n")
		for _, c := range codes {
			fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", c.Code, roff(c.Means))
		}
	}
	if program.example != "" {
		b.WriteString(".SH EXAMPLES\n" + strings.TrimPrefix(code(program.example), ".PP\n"))
	}
	if len(related) > 0 {
		b.WriteString(".SH SEE ALSO\n")
		for i, name := range related {
			fmt.Fprintf(&b, ".BR %s (1)%s\n", roff(name), map[bool]string{true: ","}[i < len(related)-1])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func synopsis(p *page) string {
	name, rest, _ := strings.Cut(p.synopsis(), " ")
	if p.command != "" {
		name = p.name()
		rest = strings.TrimSpace(strings.TrimPrefix(p.synopsis(), name))
	}
	return fmt.Sprintf(".B %s\n.I %s\n", roff(name), roff(rest))
}

func example(p *page) string {
	if p.example == "" {
		return ""
	}
	return ".PP\nExample:\n" + code(p.example)
}

// code is text that is shown as it stands.
func code(text string) string {
	var b strings.Builder
	b.WriteString(".PP\n.nf\n.RS\n")
	for line := range strings.Lines(text) {
		b.WriteString(roff(strings.TrimRight(line, "\n")) + "\n")
	}
	b.WriteString(".RE\n.fi\n")
	return b.String()
}

// paragraph is text whose lines are filled.
func paragraph(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	return b.String()
}

// tagged describes options, those of a group under its title.
func tagged(all []option) string {
	var b strings.Builder
	group := "-"
	for i := range all {
		o := &all[i]
		if o.group != group {
			group = o.group
			fmt.Fprintf(&b, ".PP\n.I %s:\n", roff(title(cmp.Or(group, "flags"))))
		}
		b.WriteString(".TP\n")
		for i, name := range o.names {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "\\fB%s\\fR", roff(name))
		}
		if o.value != "" {
			fmt.Fprintf(&b, " \\fI%s\\fR", roff(o.value))
		}
		b.WriteString("\n" + roff(o.about()) + "\n")
	}
	return b.String()
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// environment describes the variables that set flags of p.
func environment(p *page) []string {
	var all []string
	for _, o := range p.options {
		for _, name := range o.env {
			all = append(all, fmt.Sprintf(".TP\n.B %s\nsets %s where the flag is not given\n", roff(name), roff(o.names[len(o.names)-1])))
		}
	}
	return all
}

var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// roff is text as roff reads it, in a line that is no request.
func roff(text string) string {
	text = escapes.Replace(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}
