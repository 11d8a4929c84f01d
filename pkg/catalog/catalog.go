// Package catalog describes data sets and their labels for use in prompts: what each
// label is called in plain English and what it covers.
//
// A catalogue is a JSON object that maps data sets to labels, and labels to a name and a
// description:
//
//	{
//	  "CONLL": {
//	    "PER": {"name": "person", "description": "Names of people ..."},
//	    "LOC": {"name": "location", "description": "Names of places ..."}
//	  }
//	}
//
// The order of the file is kept. The case of data set and label names is ignored, so no
// two names may differ only in case.
//
// # The built-in catalogue
//
// The labels are those in each data set's MRC files. The descriptions are our own wording
// of the public annotation guidelines:
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
// We found no public guideline for VISTEC: its 18 labels are those named in public
// GPT-NER experiments, and the descriptions are our interpretation. If you have the
// guideline, print the catalogue, edit it and pass it as a file.
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
	Key         string // as in MRC files: "PER"
	Name        string // a noun phrase for running text: "person"
	Description string // in whole sentences, what the label includes and excludes; may be empty
}

// A DataSet is a data set's name and its labels, in catalogue order.
type DataSet struct {
	Name   string
	Labels []Label
}

// A Catalog contains data sets in file order. It is immutable and safe for concurrent
// use.
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

// Builtin returns the built-in catalogue.
func Builtin() *Catalog { return parseBuiltin() }

// aliases maps common names of the built-in data sets, in the spelling of [aliasKey], to
// their names. They apply to every catalogue, so an edited copy of the built-in catalogue
// accepts the same names.
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

// fold maps names that differ only in case to the same string.
func fold(s string) string { return strings.ToLower(s) }

// aliasKey maps "CoNLL-2003", "conll_2003" and "conll 2003" to the same string.
func aliasKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' {
			return -1
		}
		return r
	}, fold(s))
}

// Names returns the names of the data sets in catalogue order.
func (c *Catalog) Names() []string {
	names := make([]string, len(c.sets))
	for i, d := range c.sets {
		names[i] = d.Name
	}
	return names
}

// DataSet returns the data set with the given name or common alias, such as "CoNLL-2003"
// for CONLL and "Ontonotes5.0" for ONTONOTES. A name in the catalogue takes precedence
// over an alias. The error is an [*UnknownDataSetError].
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

// Label returns the label with the given key. The error is an [*UnknownLabelError].
func (d DataSet) Label(key string) (Label, error) {
	i := slices.IndexFunc(d.Labels, func(l Label) bool { return fold(l.Key) == fold(key) })
	if i < 0 {
		return Label{}, &UnknownLabelError{DataSet: d.Name, Label: key, Known: d.Keys()}
	}
	return d.Labels[i], nil
}

// Keys returns the keys of d's labels in catalogue order.
func (d DataSet) Keys() []string {
	keys := make([]string, len(d.Labels))
	for i, l := range d.Labels {
		keys[i] = l.Key
	}
	return keys
}

// AppendJSON appends the catalogue as indented JSON, followed by a newline. [Parse] turns
// it back into an equal catalogue.
func (c *Catalog) AppendJSON(dst []byte) []byte { return appendSets(dst, c.sets) }

// WriteTo writes the JSON of [Catalog.AppendJSON] to w.
func (c *Catalog) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.AppendJSON(nil))
	return int64(n), err
}

// AppendJSON appends a catalogue that contains only d, see [Catalog.AppendJSON].
func (d DataSet) AppendJSON(dst []byte) []byte { return appendSets(dst, []DataSet{d}) }

// WriteTo writes the JSON of [DataSet.AppendJSON] to w.
func (d DataSet) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(d.AppendJSON(nil))
	return int64(n), err
}

// An UnknownDataSetError reports a data set that is not in the catalogue.
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
