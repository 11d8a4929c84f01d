// Package dataset is what the programs that read a data set have in common: the
// flags that name its files and its labels, and how these are opened.
package dataset

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/pkg/catalog"
	"nertools/pkg/mrc"
)

const category = "the data set"

// sourceOf, examplesOf and labelsOf read the flags of commands that still do so by
// their context.
func sourceOf(c *cli.Context) *Source {
	return &Source{c.String("source-dir"), c.String("source-name")}
}

func examplesOf(c *cli.Context) *Examples {
	return &Examples{Train{c.String("train-name")}, c.String("example-dir"), c.String("example-name"), c.Int("example-num")}
}

func labelsOf(c *cli.Context) *LabelSet { return &LabelSet{c.String("data-name"), c.String("labels")} }

// SourceFlags say which rows the work is about.
func SourceFlags() []cli.Flag { return new(Source).Flags() }

// TrainFlag says where demonstrations are taken from.
func TrainFlag() cli.Flag { return new(Train).Flag() }

// ExampleFlags say which training rows a prompt shows.
func ExampleFlags() []cli.Flag { return new(Examples).Flags() }

// LabelFlags say what the labels are.
func LabelFlags() []cli.Flag { return new(LabelSet).Flags() }

// SourceFile is the file that --source-dir and --source-name name.
func SourceFile(c *cli.Context) string { return sourceOf(c).Path() }

// OpenSource opens the rows that --source-dir and --source-name name. The caller
// closes them.
func OpenSource(c *cli.Context) (*mrc.File, error) { return mrc.Open(SourceFile(c)) }

// OpenTrain opens the rows that --source-dir and --train-name name. The caller
// closes them.
func OpenTrain(c *cli.Context) (*mrc.File, error) {
	return mrc.Open(examplesOf(c).Train.Path(sourceOf(c)))
}

// OpenExamplesOf opens the training file and the neighbours of the first rows rows
// of the source called name in dir, whatever --source-dir and --source-name say.
// The caller closes both.
func OpenExamplesOf(c *cli.Context, dir, name string, rows int) (*mrc.File, *mrc.Neighbours, error) {
	return examplesOf(c).Open(&Source{dir, name}, rows)
}

func findNeighbours(c *cli.Context, dir, name string) (string, error) {
	return mrc.FindNeighbours(cmp.Or(c.String("example-dir"), dir), cmp.Or(c.String("example-name"), name))
}

// ExamplesAsked reports whether one of the [ExampleFlags] is given.
func ExamplesAsked(c *cli.Context) bool {
	return slices.ContainsFunc(ExampleFlags(), func(f cli.Flag) bool { return c.IsSet(f.Names()[0]) })
}

// HaveExamples reports whether the files that [OpenExamplesOf] opens are there.
func HaveExamples(c *cli.Context, dir, name string) bool {
	_, err := findNeighbours(c, dir, name)
	if err == nil {
		_, err = os.Stat(mrc.Path(dir, c.String("train-name")))
	}
	return err == nil
}

// Labels is the data set that --data-name names, or the catalogue's only one.
func Labels(c *cli.Context) (catalog.DataSet, error) { return labelsOf(c).Read() }

// Named is the data set that the flags name, or nil where they name none.
func Named(c *cli.Context) (*catalog.DataSet, error) {
	if !labelsOf(c).Given() {
		return nil, nil
	}
	set, err := Labels(c)
	if err != nil {
		return nil, err
	}
	return &set, nil
}

// Order returns the rank of a label in the data set.
func Order(set *catalog.DataSet) func(label string) int {
	return func(label string) int {
		if i := slices.IndexFunc(set.Labels, func(l catalog.Label) bool { return strings.EqualFold(l.Key, label) }); i >= 0 {
			return i
		}
		return len(set.Labels)
	}
}
