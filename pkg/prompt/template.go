package prompt

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"nertools/pkg/fault"
)

// DefaultTemplate is the text of the built-in template.
//
//go:embed default.tmpl
var DefaultTemplate string

// View is what the blocks of a template can show.
type View struct {
	DataName    string // the data set, as the catalogue spells it
	Label       string // the label asked for, as the MRC file spells it: "PER"
	Name        string // its name in the catalogue: "person"
	Description string // its description in the catalogue
	Examples    int    // how many demonstrations this prompt shows
	Context     string // the sentence, exactly as it stands in the file

	// In the block "example" alone:
	Number   int      // of this demonstration, from 1
	Marked   string   // its tokens joined by single spaces, the entities wrapped
	Entities []string // its entities, in order
}

// A Template makes the text of a prompt from three blocks: "instruction" once,
// "example" for each demonstration, "query" once, with nothing between them.
type Template struct {
	instruction, example, query block

	// The instruction may show the sentence, and then differs from row to row.
	ownInstruction bool
}

// ParseTemplate reads a Go text/template that defines the three blocks. name is
// what errors call it.
func ParseTemplate(name, text string) (*Template, error) {
	if name == "instruction" || name == "example" || name == "query" {
		name = "./" + name // a file called so is not the block
	}
	root, err := template.New(name).Parse(text)
	if err != nil {
		return nil, templateFault(err)
	}
	if s, at := outside(root.Tree); s != "" {
		return nil, &fault.Error{File: name, Line: 1 + strings.Count(text[:at], "\n"), Err: fmt.Errorf("text outside the three blocks: %.40q", s),
			Hint: `put it between {{define "instruction"}}, {{define "example"}} or {{define "query"}} and {{end}}`}
	}
	t := new(Template)
	for _, b := range []struct {
		name string
		to   *block
	}{{"instruction", &t.instruction}, {"example", &t.example}, {"query", &t.query}} {
		def := root.Lookup(b.name)
		if def == nil {
			return nil, &fault.Error{File: name, Err: fmt.Errorf("no block %q", b.name),
				Hint: "a template defines instruction, example and query; print the built-in one with: ner-prompt template"}
		}
		*b.to = compile(def)
		if _, err := b.to.append(nil, &View{Examples: 1, Number: 1, Entities: []string{"x"}}); err != nil {
			return nil, err
		}
	}
	source := t.instruction.tmpl.Root.String()
	t.ownInstruction = strings.Contains(source, ".Context") || strings.Contains(source, "{{template")
	return t, nil
}

// outside returns what a template shows outside its defined blocks, and the
// offset at which it begins.
func outside(tree *parse.Tree) (text string, at int) {
	if tree == nil || tree.Root == nil {
		return "", 0
	}
	for _, n := range tree.Root.Nodes {
		s := n.String()
		if text := strings.TrimSpace(s); text != "" {
			return text, int(n.Position()) + strings.Index(s, text)
		}
	}
	return "", 0
}

func templateFault(err error) error {
	return fault.WithHint(errors.New(strings.TrimPrefix(err.Error(), "template: ")),
		"the blocks can show .DataName .Label .Name .Description .Examples .Context, and in example .Number .Marked .Entities")
}

// block is one block of a template. One that only strings plain fields together
// is taken apart into pieces: the example block runs millions of times, and
// reflection would be most of the work.
type block struct {
	tmpl   *template.Template
	pieces []piece // nil when only tmpl can run it
}

type piece struct {
	text  string
	field func(*View) string // instead of text
}

var plainFields = map[string]func(*View) string{
	"DataName":    func(v *View) string { return v.DataName },
	"Label":       func(v *View) string { return v.Label },
	"Name":        func(v *View) string { return v.Name },
	"Description": func(v *View) string { return v.Description },
	"Context":     func(v *View) string { return v.Context },
	"Marked":      func(v *View) string { return v.Marked },
}

func compile(t *template.Template) block {
	b := block{tmpl: t, pieces: []piece{}}
	for _, node := range t.Root.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			b.pieces = append(b.pieces, piece{text: string(n.Text)})
		case *parse.ActionNode:
			field := plainField(n)
			if field == nil {
				return block{tmpl: t}
			}
			b.pieces = append(b.pieces, piece{field: field})
		default:
			return block{tmpl: t}
		}
	}
	return b
}

// plainField recognises {{.Field}} and nothing else.
func plainField(n *parse.ActionNode) func(*View) string {
	if len(n.Pipe.Decl) > 0 || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
		return nil
	}
	f, ok := n.Pipe.Cmds[0].Args[0].(*parse.FieldNode)
	if !ok || len(f.Ident) != 1 {
		return nil
	}
	return plainFields[f.Ident[0]]
}

func (b *block) append(dst []byte, v *View) ([]byte, error) {
	if b.pieces == nil {
		buf := bytes.NewBuffer(dst)
		if err := b.tmpl.Execute(buf, v); err != nil {
			return nil, templateFault(err)
		}
		return buf.Bytes(), nil
	}
	for i := range b.pieces {
		if p := &b.pieces[i]; p.field != nil {
			dst = append(dst, p.field(v)...)
		} else {
			dst = append(dst, p.text...)
		}
	}
	return dst, nil
}
