// Package catalog knows data sets and their labels: what each label is called
// in plain English and what it covers, for use in prompts.
//
// A catalogue is a JSON object, data set -> label -> name and description:
//
//	{
//	  "CONLL": {
//	    "PER": {"name": "person", "description": "Names of people ..."},
//	    "LOC": {"name": "location", "description": "Names of places ..."}
//	  }
//	}
//
// The order in the file is kept. Names of data sets and labels match without
// regard to case, so no two may differ in case alone.
//
// # The built-in catalogue
//
// The labels are those that each data set's MRC files carry; the descriptions
// are in our own words, after its public annotation guideline:
//
//	CONLL             CoNLL-2003 shared task, English
//	ONTONOTES         OntoNotes 5.0, English
//	WNUT              WNUT 2017, emerging and rare entities
//	ACE2004, ACE2005  ACE entities, nested; named, nominal and pronominal mentions
//	GENIA             GENIA 3.0 terms, the five classes in common use
//	MSRA              SIGHAN 2006 bakeoff, Chinese
//	ZHONTO            OntoNotes 4.0, Chinese, the four classes in common use
//	VISTEC            Thai finance
//
// For VISTEC we found no public guideline: its 18 labels are those that public
// GPT-NER experiments on it name, and the descriptions are our reading of them.
// Whoever has the guideline should print the catalogue, edit it and bring it as
// a file.
package catalog

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// A Label is one kind of entity.
type Label struct {
	Key         string // as MRC files write it: "PER"
	Name        string // a noun phrase for running text: "person"
	Description string // what counts and what does not, in whole sentences; may be empty
}

// A DataSet is a set of labels in catalogue order.
type DataSet struct {
	Name   string
	Labels []Label
}

// A Catalog holds data sets in file order. It does not change once it is read
// and is safe for concurrent use.
type Catalog struct {
	sets []DataSet
}

//go:embed catalog.json
var builtin []byte

var parseBuiltin = sync.OnceValue(func() *Catalog {
	c, err := Parse("catalog.json", builtin)
	if err != nil {
		panic("catalog: built-in catalogue: " + err.Error())
	}
	return c
})

// Builtin returns the catalogue that is compiled in.
func Builtin() *Catalog { return parseBuiltin() }

// aliases maps other names in use for the built-in data sets, as [aliasKey]
// spells them. They hold in every catalogue, so that one that was printed,
// edited and handed back answers to the same names.
var aliases = map[string]string{
	"conll03":        "CONLL",
	"conll2003":      "CONLL",
	"ontonotes5":     "ONTONOTES",
	"ontonotes5.0":   "ONTONOTES",
	"wnut17":         "WNUT",
	"wnut2017":       "WNUT",
	"ace04":          "ACE2004",
	"ace2004":        "ACE2004",
	"ace05":          "ACE2005",
	"ace2005":        "ACE2005",
	"zhontonotes":    "ZHONTO",
	"zhontonotes4":   "ZHONTO",
	"zhontonotes4.0": "ZHONTO",
}

// fold makes names that differ only in case equal.
func fold(s string) string { return strings.ToLower(s) }

// aliasKey makes "CoNLL-2003", "conll_2003" and "conll 2003" equal.
func aliasKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' {
			return -1
		}
		return r
	}, fold(s))
}

// Names lists the data sets in catalogue order.
func (c *Catalog) Names() []string {
	names := make([]string, len(c.sets))
	for i, d := range c.sets {
		names[i] = d.Name
	}
	return names
}

// DataSet returns the data set called name, or the one that name is a common
// alias of, such as CONLL for "CoNLL-2003" and ONTONOTES for "Ontonotes5.0".
// A name in the catalogue goes before an alias. The error is an
// [*UnknownDataSetError].
func (c *Catalog) DataSet(name string) (DataSet, error) {
	d, ok := c.find(name)
	if !ok {
		d, ok = c.find(aliases[aliasKey(name)])
	}
	if !ok {
		return DataSet{}, &UnknownDataSetError{Name: name, Known: c.Names()}
	}
	d.Labels = slices.Clone(d.Labels)
	return d, nil
}

func (c *Catalog) find(name string) (DataSet, bool) {
	i := slices.IndexFunc(c.sets, func(d DataSet) bool { return fold(d.Name) == fold(name) })
	if i < 0 {
		return DataSet{}, false
	}
	return c.sets[i], true
}

// Label returns the label with the given key. The error is an
// [*UnknownLabelError].
func (d DataSet) Label(key string) (Label, error) {
	i := slices.IndexFunc(d.Labels, func(l Label) bool { return fold(l.Key) == fold(key) })
	if i < 0 {
		return Label{}, &UnknownLabelError{DataSet: d.Name, Label: key, Known: d.Keys()}
	}
	return d.Labels[i], nil
}

// Keys lists the keys of d's labels in catalogue order.
func (d DataSet) Keys() []string {
	keys := make([]string, len(d.Labels))
	for i, l := range d.Labels {
		keys[i] = l.Key
	}
	return keys
}

// AppendJSON appends the catalogue as indented JSON with a newline at the end.
// [Parse] reads it back to an equal catalogue.
func (c *Catalog) AppendJSON(dst []byte) []byte { return appendSets(dst, c.sets) }

// WriteTo writes what [Catalog.AppendJSON] appends.
func (c *Catalog) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.AppendJSON(nil))
	return int64(n), err
}

// AppendJSON appends a catalogue that holds d alone, see [Catalog.AppendJSON].
func (d DataSet) AppendJSON(dst []byte) []byte { return appendSets(dst, []DataSet{d}) }

// WriteTo writes what [DataSet.AppendJSON] appends.
func (d DataSet) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(d.AppendJSON(nil))
	return int64(n), err
}

// An UnknownDataSetError reports a data set that the catalogue does not have.
type UnknownDataSetError struct {
	Name  string
	Known []string
}

func (e *UnknownDataSetError) Error() string {
	return fmt.Sprintf("unknown data set %q (known: %s)", e.Name, strings.Join(e.Known, ", "))
}

// An UnknownLabelError reports a label that the data set does not have.
type UnknownLabelError struct {
	DataSet string
	Label   string
	Known   []string
}

func (e *UnknownLabelError) Error() string {
	return fmt.Sprintf("data set %s has no label %q (known: %s)", e.DataSet, e.Label, strings.Join(e.Known, ", "))
}
