package prompt_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nertools/pkg/fault"
	"nertools/pkg/prompt"
)

const blocks = `{{define "instruction"}}i{{end}}{{define "example"}}e{{end}}{{define "query"}}q{{end}}`

func TestABrokenTemplateIsRefusedWithItsPlaceAndARemedy(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", `own.tmpl: no block "instruction"`},
		{"no example", `{{define "instruction"}}{{end}}{{define "query"}}{{end}}`, `own.tmpl: no block "example"`},
		{"no query", `{{define "instruction"}}{{end}}{{define "example"}}{{end}}`, `own.tmpl: no block "query"`},
		{"another case", strings.Replace(blocks, "query", "Query", 1), `own.tmpl: no block "query"`},
		{"text in front", "Find the names.\n" + blocks, `own.tmpl:1: text outside the three blocks: "Find the names."`},
		{"text behind", blocks + "\n\n  Find the names.\n", `own.tmpl:3: text outside the three blocks: "Find the names."`},
		{"a field outside", blocks + "\n{{.Context}}", `own.tmpl:2: text outside the three blocks: "{{.Context}}"`},
		{"byte order mark", "\ufeff" + blocks, `own.tmpl:1: text outside the three blocks: "\ufeff"`},
		{"unknown field", strings.Replace(blocks, "}q{", "}\n\n{{.Sentence}}{", 1), `own.tmpl:3:2: executing "query" at <.Sentence>: can't evaluate field Sentence`},
		{"unknown field where it is not shown at first", strings.Replace(blocks, "}i{", "}{{if .Gold}}x{{end}}{", 1), `own.tmpl:1:29: executing "instruction" at <.Gold>: can't evaluate field Gold`},
		{"unknown function", strings.Replace(blocks, "}e{", "}\n{{upper .Context}}{", 1), `own.tmpl:2: function "upper" not defined`},
		{"unclosed action", strings.Replace(blocks, "}e{", "}\n{{.Context}{", 1), `own.tmpl:2: `},
		{"unclosed block", `{{define "instruction"}}` + "\n", `own.tmpl:2: unexpected EOF`},
		{"a block twice", blocks + "\n" + `{{define "query"}}r{{end}}`, `own.tmpl:2: template: multiple definition of template "query"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := prompt.ParseTemplate("own.tmpl", c.text)
			switch {
			case err == nil:
				t.Error("accepted")
			case !strings.HasPrefix(err.Error(), c.want):
				t.Errorf("got %v, want %s", err, c.want)
			case fault.Hint(err) == "":
				t.Errorf("no remedy for %v", err)
			}
		})
	}
}

func TestTheRemedyNamesWhatTheBlocksCanShow(t *testing.T) {
	_, err := prompt.ParseTemplate("own.tmpl", strings.Replace(blocks, "}q{", "}{{.Sentence}}{", 1))
	want := "the blocks can show .DataName .Label .Name .Description .Examples .Context, and in example .Number .Marked .Entities .JSON"
	if got := fault.Hint(err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBlocksShowTheFieldsOfTheirOwnViewOnly(t *testing.T) {
	type view struct {
		Count  int
		Phrase string
		hidden string
	}
	b, err := prompt.ParseBlocks("own.tmpl", strings.Replace(blocks, "}q{", "}{{.Phrase}}|{{.Phrase}}{", 1), &view{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Query.Append([]byte("> "), &view{Phrase: "Ada", hidden: "x"}); string(got) != "> Ada|Ada" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, field := range []string{"Context", "hidden", "DataName"} {
		if _, err := prompt.ParseBlocks("own.tmpl", strings.Replace(blocks, "}q{", "}{{."+field+"}}{", 1), &view{}); err == nil {
			t.Errorf(".%s is accepted", field)
		}
	}
}

func TestAFileCalledAfterABlockIsATemplateLikeAnother(t *testing.T) {
	for _, name := range []string{"instruction", "example", "query", "a:b", "a b", ""} {
		if _, err := prompt.ParseTemplate(name, "{{/* ours */}}\n"+blocks+"\n"); err != nil {
			t.Errorf("a file called %q: %v", name, err)
		}
		_, err := prompt.ParseTemplate(name, blocks+"{{")
		if err == nil || !strings.Contains(err.Error(), name+":1: ") {
			t.Errorf("a broken file called %q: %v", name, err)
		}
	}
}

func TestBlocksMayBeEmptyAndDefinedInAnyOrder(t *testing.T) {
	got := write(t, &prompt.Plan{Template: parse(t, `{{define "query"}}{{.Label}}{{end}}{{define "example"}}{{end}}{{define "more"}}x{{end}}{{define "instruction"}}{{end}}`), Examples: 3, Limit: 2})
	if p := records(t, got); p[0].Text != "PER" || p[1].Text != "LOC" {
		t.Errorf("prompts %q and %q, want PER and LOC", p[0].Text, p[1].Text)
	}
}

// noOp shows nothing and keeps a block from being taken apart, so that
// text/template runs it.
const noOp = `{{with $}}{{end}}`

func TestAllWaysToRunATemplateGiveTheSameBytes(t *testing.T) {
	source := files(t, nasty, []string{"PER", "LOC"})
	for _, body := range []string{
		"", "plain\n", "{{.Context}}", " {{.Context}} \n\n", "{{.Label}}|{{.Name}}|{{.Description}}|{{.DataName}}",
		"  {{- .Context -}}  ", "{{.Context}}{{.Context}}\r\n", "%s {{.Context}} %d $1", "{{/* a comment */}}\u2028<b>&{{.Name}}",
	} {
		for _, block := range []string{"instruction", "example", "query"} {
			in := body
			if block == "example" {
				in += "{{.Marked}}"
			}
			quick := strings.Replace(blocks, block+`"}}`, block+`"}}`+in, 1)
			same := strings.NewReplacer("i{{end}}", "i"+noOp+"{{end}}", "e{{end}}", "e"+noOp+"{{end}}", "q{{end}}", "q"+noOp+"{{end}}").Replace(quick)
			other := strings.ReplaceAll(quick, "{{.Context}}", "{{with $}}{{.Context}}{{end}}")
			for _, job := range []prompt.Plan{{Examples: 3}, source} {
				job.Template = parse(t, quick)
				want := write(t, &job)
				for _, text := range []string{same, other} {
					job.Template = parse(t, text)
					if got := write(t, &job); !bytes.Equal(got, want) {
						t.Errorf("%s\ngives other prompts than\n%s", text, quick)
					}
				}
			}
		}
	}
}

// A version that is in use never changes: its prompts would be asked, and paid for, again.
func TestVersionsOfTheBuiltInTemplatesNeverChange(t *testing.T) {
	for name, versions := range map[string]struct{ is, was []string }{
		"markup":          {prompt.MarkupTemplates, []string{"d6fb36d9eeb3b940f819982efd4b1bc325794012535a8bf48092668cefdad747"}},
		"sentence markup": {prompt.SentenceMarkupTemplates, []string{"ebc38e9df772fa882fdbd1db5ada6cf9504f9157ba7c6a51b160d2cda5bf891c"}},
		"sentence json":   {prompt.SentenceJSONTemplates, []string{"16ac76e785f2b0344aa582a25dc01ef1bd9b5f19d33e1f77c8543e37bfb31469"}},
		"json":            {prompt.JSONTemplates, []string{"0950a9331897f8713c403833e08097cae0a822271dc8b479d78c802c06d8c1d1"}},
	} {
		var digests []string
		for _, text := range versions.is {
			digests = append(digests, fmt.Sprintf("%x", sha256.Sum256([]byte(text))))
		}
		if !slices.Equal(digests, versions.was) {
			t.Errorf("%s: the templates have the digests %q, not %q: leave them as they are, and add a version", name, digests, versions.was)
		}
	}
}
