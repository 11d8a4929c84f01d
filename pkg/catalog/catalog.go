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
// A label may have "aliases", a list of other spellings. The order of the file is kept. The
// case of data set and label names is ignored, so no two names may differ only in case.
//
// # The built-in catalogue
//
// The labels are those in each data set's distribution. The descriptions are our own wording
// of the public annotation guidelines. doc/labels.md lists the data sets with the document
// that each description is based on, its version, and when we looked at it.
//
// The catalogue has versions, since another description makes another prompt. builtin1.json,
// builtin2.json and so on contain one each, complete. Once a version was in use its file must
// not change: a correction needs a new file, and [Latest] its number.
package catalog

import (
	"embed"
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

	// Aliases are other spellings of Key, as distributions of the data set have them:
	// "PERSON". A row keeps the spelling that it has.
	Aliases []string
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

// Latest is the version of the built-in catalogue that [Builtin] returns.
const Latest = 2

//go:embed builtin1.json builtin2.json
var files embed.FS

var versions = func() (all [Latest]func() *Catalog) {
	for i := range all {
		name := fmt.Sprintf("builtin%d.json", i+1)
		all[i] = sync.OnceValue(func() *Catalog {
			data, err := files.ReadFile(name)
			if err != nil {
				panic("catalog: built-in catalogue: " + err.Error())
			}
			c, err := Parse(name, data)
			if err != nil {
				panic("catalog: built-in catalogue: " + err.Error())
			}
			return c
		})
	}
	return all
}()

// Builtin returns the built-in catalogue.
func Builtin() *Catalog { return versions[Latest-1]() }

// Version returns version n of the built-in catalogue, from 1 to [Latest]; ok reports
// whether there is one. A published version never changes, so that the prompts made with it
// can be made again.
func Version(n int) (c *Catalog, ok bool) {
	if n < 1 || n > Latest {
		return nil, false
	}
	return versions[n-1](), true
}

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
	"ncbidisease":    "NCBI",
	"tweetner":       "TWEETNER7",
	"panx":           "WIKIANN",
	"masakhaner2":    "MASAKHANER",
	"masakhaner2.0":  "MASAKHANER",
	"germeval14":     "GERMEVAL",
	"germeval2014":   "GERMEVAL",
	"i2b2":           "I2B2_2010",
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
// over an alias, and both over the first name that differs only in hyphens, underscores and
// spaces. The error is an [*UnknownDataSetError].
func (c *Catalog) DataSet(name string) (DataSet, error) {
	d, ok := c.find(name, fold)
	if !ok {
		d, ok = c.find(aliases[aliasKey(name)], fold)
	}
	if !ok {
		d, ok = c.find(name, aliasKey)
	}
	if !ok {
		return DataSet{}, &UnknownDataSetError{Name: name, Known: c.Names()}
	}
	d.Labels = slices.Clone(d.Labels)
	for i, l := range d.Labels {
		d.Labels[i].Aliases = slices.Clone(l.Aliases)
	}
	return d, nil
}

// find returns the first data set with the name, as far as form tells names apart.
func (c *Catalog) find(name string, form func(string) string) (DataSet, bool) {
	i := slices.IndexFunc(c.sets, func(d DataSet) bool { return form(name) != "" && form(d.Name) == form(name) })
	if i < 0 {
		return DataSet{}, false
	}
	return c.sets[i], true
}

// Label returns the label with the given key or alias. The error is an
// [*UnknownLabelError].
func (d DataSet) Label(key string) (Label, error) {
	i := d.Index(key)
	if i < 0 {
		return Label{}, &UnknownLabelError{DataSet: d.Name, Label: key, Known: d.Keys()}
	}
	return d.Labels[i], nil
}

// Index returns the position of the label with the given key or alias, or -1. The case does
// not matter, nor do hyphens, underscores and spaces if no other label differs only in these:
// "creative_work" finds "creative-work".
func (d DataSet) Index(key string) int {
	// Most rows spell a label like its key, and changing the case of every name takes long.
	if i := slices.IndexFunc(d.Labels, func(l Label) bool { return l.Key == key }); i >= 0 {
		return i
	}
	matching := func(form func(string) string) func(Label) bool {
		wanted := form(key)
		is := func(s string) bool { return wanted != "" && form(s) == wanted }
		return func(l Label) bool { return is(l.Key) || slices.ContainsFunc(l.Aliases, is) }
	}
	if i := slices.IndexFunc(d.Labels, matching(fold)); i >= 0 {
		return i
	}
	like := matching(aliasKey)
	i := slices.IndexFunc(d.Labels, like)
	if i < 0 || slices.ContainsFunc(d.Labels[i+1:], like) {
		return -1
	}
	return i
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
