// Package dataset contains the flags that name the files and labels of a data set, and
// opens them.
package dataset

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/catalog"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
)

const category = "the data set"

// Source names the MRC file of the rows.
type Source struct {
	Dir, Name string
	Given     bool // one of the flags is
}

// Flags returns the flags that fill s.
func (s *Source) Flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "source-dir", Value: ".", Destination: &s.Dir, Action: note[string](&s.Given), Usage: "read the MRC files from `DIR`"},
		&cli.StringFlag{Category: category, Name: "source-name", Value: "test", Destination: &s.Name, Action: note[string](&s.Given), Usage: "use the rows of mrc-ner.`NAME`"},
	}
}

// note is the action of a flag that notes that the flag is given.
func note[T any](given *bool) func(*cli.Context, T) error {
	return func(*cli.Context, T) error {
		*given = true
		return nil
	}
}

// Path returns the path of the MRC file.
func (s *Source) Path() string { return mrc.Path(s.Dir, s.Name) }

// Train names the MRC file of the training rows.
type Train struct {
	Name  string
	Given bool // the flag is
}

// Flag returns the flag that fills t.
func (t *Train) Flag() cli.Flag {
	return &cli.StringFlag{Category: category, Name: "train-name", Value: "train", Destination: &t.Name, Action: note[string](&t.Given), Usage: "take demonstrations from mrc-ner.`NAME`"}
}

// Path returns the path of that file, which is in the folder of s.
func (t *Train) Path(s *Source) string { return mrc.Path(s.Dir, t.Name) }

// Examples selects the training rows that prompts show.
type Examples struct {
	Train            // Given if one of the flags is
	Dir, Name string // of the kNN file; "" for those of the source
	Num       int
}

// Flags returns the flags that fill e.
func (e *Examples) Flags() []cli.Flag {
	return []cli.Flag{
		e.Train.Flag(),
		&cli.StringFlag{Category: category, Name: "example-dir", Destination: &e.Dir, Action: note[string](&e.Given), Usage: "read the kNN file from `DIR` (default: the source directory)"},
		&cli.StringFlag{Category: category, Name: "example-name", Destination: &e.Name, Action: note[string](&e.Given), Usage: "read the kNN file `NAME`.knn.jsonl (default: the source name)"},
		&cli.IntFlag{Category: category, Name: "example-num", Value: 16, Destination: &e.Num, Action: func(_ *cli.Context, n int) error {
			e.Given = true
			return cmdline.AtLeast("example-num", 0)(nil, n)
		}, Usage: "show `N` demonstrations; 0 needs neither training nor kNN file"},
	}
}

// Exist reports whether the files that Open opens exist.
func (e *Examples) Exist(s *Source) bool {
	_, err := mrc.FindNeighbours(cmp.Or(e.Dir, s.Dir), cmp.Or(e.Name, s.Name))
	if err == nil {
		_, err = os.Stat(e.Train.Path(s))
	}
	return err == nil
}

// Open opens the training file and the kNN file, which must cover the first rows rows of
// s. The caller closes both.
func (e *Examples) Open(s *Source, rows int) (*mrc.File, *mrc.Neighbours, error) {
	path, err := mrc.FindNeighbours(cmp.Or(e.Dir, s.Dir), cmp.Or(e.Name, s.Name))
	if err != nil {
		return nil, nil, fault.WithHint(err, "name it with --example-dir and --example-name, or show no demonstrations: --example-num 0")
	}
	train, err := mrc.Open(e.Train.Path(s))
	if err != nil {
		return nil, nil, err
	}
	neighbours, err := mrc.OpenNeighbours(path, rows, train.Len())
	if err != nil {
		_ = train.Close() // it was only read
		return nil, nil, err
	}
	return train, neighbours, nil
}

// LabelSet selects the data set, and with it the labels.
type LabelSet struct {
	DataSet string // its name; "" for the only one of the catalogue
	File    string // the catalogue; "" for the built-in one, builtin:N for version N of it
}

// Flags returns the flags that fill l.
func (l *LabelSet) Flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "data-name", Destination: &l.DataSet, Usage: "use the labels of `DATASET`, such as CONLL or ONTONOTES (any case)"},
		&cli.StringFlag{Category: category, Name: "labels", Destination: &l.File, Usage: "look labels up in `FILE`, or version N of the built-in ones (builtin:N)"},
	}
}

// builtin begins the name of a version of the built-in catalogue, in place of a file. A file
// with such a name is ./builtin:1.
const builtin = "builtin:"

// BuiltinLabels returns the value of --labels that names version n of the built-in catalogue.
func BuiltinLabels(n int) string { return builtin + strconv.Itoa(n) }

// Input returns the name of the file to read, "" if no file is read.
func (l *LabelSet) Input() string {
	if strings.HasPrefix(l.File, builtin) {
		return ""
	}
	return l.File
}

// Catalog reads the catalogue.
func (l *LabelSet) Catalog() (*catalog.Catalog, error) {
	if l.File == "" {
		return catalog.Builtin(), nil
	}
	if l.Input() == "" {
		names := "a file"
		for n := 1; n <= catalog.Latest; n++ {
			if l.File == BuiltinLabels(n) {
				c, _ := catalog.Version(n)
				return c, nil
			}
			names += " or " + BuiltinLabels(n)
		}
		return nil, cmdline.UsageError("--labels must be %s, not %q", names, l.File)
	}
	data, name, err := cmdline.ReadFile(l.File)
	if err != nil {
		return nil, err
	}
	return catalog.Parse(name, data)
}

// Read reads the data set.
func (l *LabelSet) Read() (catalog.DataSet, error) {
	labels, err := l.Catalog()
	if err != nil {
		return catalog.DataSet{}, err
	}
	name := l.DataSet
	if names := labels.Names(); name == "" && len(names) == 1 {
		name = names[0]
	} else if name == "" {
		return catalog.DataSet{}, cmdline.UsageError("--data-name is missing: name the data set that the labels belong to")
	}
	set, err := labels.DataSet(name)
	return set, fault.WithHint(err, "ner-prompt labels prints the known ones; for labels of your own, make a catalogue (ner-prompt labels --new DRUG,DOSE > labels.json) and use --labels labels.json")
}

// Explain says what to do about a label that the data set does not have.
func Explain(err error) error {
	if _, ok := errors.AsType[*catalog.UnknownLabelError](err); ok {
		return fault.WithHint(err, "name the right data set with --data-name, or add the label to a catalogue for --labels FILE (ner-prompt labels prints one to edit)")
	}
	return err
}

// Given reports whether the flags name labels.
func (l *LabelSet) Given() bool { return l.DataSet != "" || l.File != "" }

// ReadGiven reads the data set that the flags name, nil if they name none.
func (l *LabelSet) ReadGiven() (*catalog.DataSet, error) {
	if !l.Given() {
		return nil, nil
	}
	set, err := l.Read()
	return &set, err
}

// Target names the output file of a command.
type Target struct{ Dir, Name string } // both "": to stdout

// Flags returns the flags that fill t. as describes the file, with NAME in place of its name.
func (t *Target) Flags(as string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "write-dir", DefaultText: ".", Destination: &t.Dir, Usage: "put the output file into `DIR`"},
		&cli.StringFlag{Name: "write-name", Destination: &t.Name, Usage: "write to " + strings.Replace(as, "NAME", "`NAME`", 1) + " instead of stdout",
			Action: func(_ *cli.Context, name string) error {
				switch {
				case name == "":
					return errNoName
				case filepath.Base(name) != name:
					return cmdline.UsageError("--write-name must be a name without a directory, not %q: name the directory with --write-dir", name)
				}
				return nil
			}},
	}
}

var errNoName = cmdline.UsageError("--write-name is missing: name the file to write")

// Path returns the path of the file, named prefix+Name+suffix; "" is stdout.
func (t *Target) Path(prefix, suffix string) (string, error) {
	switch {
	case t.Name == "" && t.Dir != "":
		return "", errNoName
	case t.Name == "":
		return "", nil
	}
	return filepath.Join(cmp.Or(t.Dir, "."), prefix+t.Name+suffix), nil
}

// Check returns an error if that file cannot be written, or if [cmdline.CheckFiles] rejects
// it or an input.
func (t *Target) Check(prefix, suffix string, inputs ...string) error {
	path, err := t.Path(prefix, suffix)
	if err != nil {
		return err
	}
	if err := cmdline.CheckFiles(path, inputs...); err != nil || path == "" {
		return err
	}
	return durable.CheckReplace(path)
}

// Write writes that file, whole or not at all, or to stdout.
func (t *Target) Write(std cmdline.Streams, prefix, suffix string, write func(io.Writer) error) error {
	path, err := t.Path(prefix, suffix)
	switch {
	case err != nil:
		return err
	case path == "":
		return write(std.Out)
	}
	return durable.Replace(path, write)
}
