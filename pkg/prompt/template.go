package prompt

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"text/template/parse"
	"unsafe"

	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// MarkupTemplates are the versions of the built-in template, version 1 first. The answer
// repeats the sentence with its entities marked. A version never changes, so that its
// prompts can be made again later.
var MarkupTemplates = []string{markup1}

// JSONTemplates are the versions of the built-in template for structured answers, version
// 1 first. The answer is a JSON object that matches [JSONFormat].
var JSONTemplates = []string{json1}

var (
	//go:embed markup-1.tmpl
	markup1 string
	//go:embed json-1.tmpl
	json1 string
)

// JSONFormat is the response_format for [JSONTemplates]: a JSON schema that only
// {"entities": [...]} with a list of strings matches.
const JSONFormat = `{"type":"json_schema","json_schema":{"name":"entities","strict":true,"schema":{"type":"object",` +
	`"properties":{"entities":{"type":"array","items":{"type":"string"}}},"required":["entities"],"additionalProperties":false}}}`

// View is the data available to the blocks of a template.
type View struct {
	DataName    string // the data set, as in the catalogue
	Label       string // the label asked for, as in the MRC file: "PER"
	Name        string // the label's name in the catalogue: "person"
	Description string // the label's description in the catalogue
	Examples    int    // number of demonstrations in this prompt
	Context     string // the sentence, exactly as in the file

	// Only in the block "example":
	Number   int      // number of this demonstration, from 1
	Marked   string   // a text row as it is, otherwise its tokens joined by single spaces; the entities are marked
	Entities []string // its entities, in order, as they are in Marked
	JSON     string   // the same as a JSON array: ["Ada Li","Zürich"]
}

// A Template turns views into the text of a prompt.
type Template struct {
	Blocks

	sentences bool // it is for questions about sentences

	// The instruction contains the sentence, so it differs from row to row.
	ownInstruction bool

	showsEntities, showsJSON bool
}

// ParseTemplate parses a template whose blocks use a [View].
func ParseTemplate(name, text string) (*Template, error) {
	return parseTemplate(name, text, false, &View{Examples: 1, Number: 1, Entities: []string{"x"}, JSON: `["x"]`})
}

func parseTemplate(name, text string, sentences bool, view any) (*Template, error) {
	blocks, err := ParseBlocks(name, text, view)
	if err != nil {
		return nil, err
	}
	instruction, example := blocks.Instruction.tmpl.Root.String(), &blocks.Example
	return &Template{
		Blocks:         *blocks,
		sentences:      sentences,
		ownInstruction: strings.Contains(instruction, ".Context") || strings.Contains(instruction, "{{template"),
		showsEntities:  example.pieces == nil, // a list is not a plain string
		showsJSON:      example.pieces == nil || strings.Contains(example.tmpl.Root.String(), ".JSON"),
	}, nil
}

// Blocks are the three parts of a template. A prompt is Instruction once, Example for
// each demonstration, and Query once, with nothing in between.
type Blocks struct{ Instruction, Example, Query Block }

// ParseBlocks parses a Go text/template that defines the three blocks. Errors use name as
// the file name. view points to the struct for all blocks, filled as for a demonstration;
// its fields from Number on are only for demonstrations.
func ParseBlocks(name, text string, view any) (*Blocks, error) {
	if name == "instruction" || name == "example" || name == "query" {
		name = "./" + name // a file with the name of a block must not be mistaken for it
	}
	root, err := template.New(name).Parse(text)
	if err != nil {
		return nil, templateFault(err, view)
	}
	if s, at := outside(root.Tree); s != "" {
		return nil, &fault.Error{File: name, Line: 1 + strings.Count(text[:at], "\n"), Err: fmt.Errorf("text outside the three blocks: %.40q", s),
			Hint: `put it between {{define "instruction"}}, {{define "example"}} or {{define "query"}} and {{end}}`}
	}
	b := new(Blocks)
	for _, to := range []struct {
		name  string
		block *Block
	}{{"instruction", &b.Instruction}, {"example", &b.Example}, {"query", &b.Query}} {
		def := root.Lookup(to.name)
		if def == nil {
			return nil, &fault.Error{File: name, Err: fmt.Errorf("no block %q", to.name),
				Hint: "a template defines the blocks instruction, example and query, as the built-in ones do"}
		}
		*to.block = compile(def, reflect.TypeOf(view).Elem())
		if _, err := to.block.Append(nil, view); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// outside returns the text that a template has outside its blocks, and its offset.
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

func templateFault(err error, view any) error {
	return fault.WithHint(errors.New(strings.TrimPrefix(err.Error(), "template: ")), "the blocks can show "+fields(reflect.TypeOf(view).Elem()))
}

// fields returns the names of a view's fields.
func fields(view reflect.Type) string {
	var s strings.Builder
	for i := range view.NumField() {
		switch name := view.Field(i).Name; {
		case i == 0:
			s.WriteString("." + name)
		case name == "Number":
			s.WriteString(", and in example .Number")
		default:
			s.WriteString(" ." + name)
		}
	}
	return s.String()
}

// A Block is one block of a template. If it consists only of text and plain string
// fields, it is compiled into pieces: the example block is executed millions of times,
// and executing the template would take most of the time.
type Block struct {
	tmpl   *template.Template
	pieces []piece // nil if only tmpl can execute it
}

// piece is a text or a string field of the view.
type piece struct {
	text, escaped string // escaped: for use in a JSON string
	field         int    // index in the view; -1 for a text
	offset        uintptr
}

func compile(t *template.Template, view reflect.Type) Block {
	b := Block{tmpl: t, pieces: []piece{}}
	for _, node := range t.Root.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			b.pieces = append(b.pieces, piece{text: string(n.Text), escaped: string(record.AppendEscaped(nil, n.Text)), field: -1})
		case *parse.ActionNode:
			field, ok := plainField(n, view)
			if !ok {
				return Block{tmpl: t}
			}
			b.pieces = append(b.pieces, piece{field: field.Index[0], offset: field.Offset})
		default:
			return Block{tmpl: t}
		}
	}
	return b
}

// plainField recognises {{.Field}} and nothing else.
func plainField(n *parse.ActionNode, view reflect.Type) (field reflect.StructField, ok bool) {
	if len(n.Pipe.Decl) > 0 || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
		return field, false
	}
	f, ok := n.Pipe.Cmds[0].Args[0].(*parse.FieldNode)
	if !ok || len(f.Ident) != 1 {
		return field, false
	}
	field, ok = view.FieldByName(f.Ident[0])
	return field, ok && field.IsExported() && field.Type.Kind() == reflect.String
}

// Append appends the output of the block for view, which must point to a struct of the
// type passed to [ParseBlocks].
func (b *Block) Append(dst []byte, view any) ([]byte, error) {
	if b.pieces == nil {
		buf := bytes.NewBuffer(dst)
		if err := b.tmpl.Execute(buf, view); err != nil {
			return nil, templateFault(err, view)
		}
		return buf.Bytes(), nil
	}
	v := reflect.ValueOf(view).UnsafePointer()
	for i := range b.pieces {
		dst = append(dst, b.pieces[i].of(v)...)
	}
	return dst, nil
}

// of returns the text of the piece in the view at v.
func (p *piece) of(v unsafe.Pointer) string {
	if p.field < 0 {
		return p.text
	}
	return *(*string)(unsafe.Add(v, p.offset))
}

// appendBoth appends the output of the block to dst, and the same escaped for a JSON
// string to escaped. Fields whose bits are set in verbatim need no escaping.
func appendBoth[V any](b *Block, dst, escaped []byte, view *V, verbatim uint) (_, _ []byte, err error) {
	if b.pieces == nil {
		from := len(dst)
		if dst, err = b.Append(dst, view); err != nil {
			return nil, nil, err
		}
		return dst, record.AppendEscaped(escaped, dst[from:]), nil
	}
	v := unsafe.Pointer(view)
	for i := range b.pieces {
		p := &b.pieces[i]
		text := p.of(v)
		dst = append(dst, text...)
		switch {
		case p.field < 0:
			escaped = append(escaped, p.escaped...)
		case verbatim&(1<<p.field) != 0:
			escaped = append(escaped, text...)
		default:
			escaped = record.AppendEscaped(escaped, text)
		}
	}
	return dst, escaped, nil
}
