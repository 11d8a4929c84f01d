package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/verify"
)

func templateCommand() *cli.Command {
	var ask, style string
	return &cli.Command{
		Name: "template", Usage: "print a built-in template, to edit and use with --template",
		UsageText: "ner-prompt template > wording.tmpl",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "of", Value: "markup", Destination: &style, Usage: "print the newest template for `STYLE`: markup, json or verify"},
			&cli.StringFlag{Name: "ask", Value: askLabel, Destination: &ask, Usage: "print the one for questions about a `WHAT`: label or sentence"},
		},
		Action: cmdline.Action(func(_ context.Context, std cmdline.Streams, _ []string) error {
			return printTemplate(std, ask, style)
		}),
	}
}

func printTemplate(std cmdline.Streams, ask, style string) error {
	versions := verify.Templates
	switch style {
	case "verify":
	case "markup", "json":
		var err error
		if versions, err = builtinTemplates(ask, style); err != nil {
			return err
		}
	default:
		return cmdline.UsageError("--of must be markup, json or verify, not %q", style)
	}
	_, err := std.Out.Write([]byte(versions[len(versions)-1]))
	return err
}

// builtin begins the name of a built-in template, in place of a file. A file with such a
// name is ./builtin:1.
const builtin = "builtin:"

// templateFile returns the file that --template names: "" for a built-in template.
func templateFile(template string) string {
	if strings.HasPrefix(template, builtin) {
		return ""
	}
	return template
}

// templateText returns the text that --template names, a file or a version of the
// built-in template, and what to call it in messages. Without --template it is the newest
// version, called name.
func templateText(template, name string, versions []string) (_, text string, err error) {
	if template == "" {
		return name, versions[len(versions)-1], nil
	}
	version, ok := strings.CutPrefix(template, builtin)
	if !ok {
		data, name, err := cmdline.ReadFile(template)
		return name, string(data), err
	}
	for i, text := range versions {
		if version == strconv.Itoa(i+1) {
			return template, text, nil
		}
	}
	names := "a file"
	for i := range versions {
		names += " or " + builtin + strconv.Itoa(i+1)
	}
	return "", "", cmdline.UsageError("--template must be %s, not %q", names, template)
}
