// Package dataset is what the programs that read a data set have in common: the
// flags that name its files and its labels, and how these are opened.
package dataset

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/catalog"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
)

const category = "the data set"

// SourceFlags say which rows the work is about.
func SourceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "source-dir", Value: ".", Usage: "`DIR` of the MRC files"},
		&cli.StringFlag{Category: category, Name: "source-name", Value: "test", Usage: "the rows are those of mrc-ner.`NAME`"},
	}
}

// TrainFlag says where demonstrations are taken from.
func TrainFlag() cli.Flag {
	return &cli.StringFlag{Category: category, Name: "train-name", Value: "train", Usage: "take demonstrations from mrc-ner.`NAME`"}
}

// ExampleFlags say which training rows a prompt shows.
func ExampleFlags() []cli.Flag {
	return []cli.Flag{
		TrainFlag(),
		&cli.StringFlag{Category: category, Name: "example-dir", Usage: "`DIR` of the kNN file (default: the source directory)"},
		&cli.StringFlag{Category: category, Name: "example-name", Usage: "kNN file NAME.knn.jsonl; test, test.knn and the whole `NAME` all do (default: the source name)"},
		&cli.IntFlag{Category: category, Name: "example-num", Value: 16, Usage: "show `N` demonstrations; 0 needs neither training nor kNN file"},
	}
}

// LabelFlags say what the labels are.
func LabelFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "data-name", Usage: "the `DATASET` whose labels the rows carry, in any case: CONLL, ONTONOTES, WNUT ..."},
		&cli.StringFlag{Category: category, Name: "labels", Usage: "look labels up in this `FILE` instead of the built-in catalogue"},
	}
}

// SourceFile is the file that --source-dir and --source-name name.
func SourceFile(c *cli.Context) string {
	return mrc.Path(c.String("source-dir"), c.String("source-name"))
}

// TrainFile is the file that --source-dir and --train-name name.
func TrainFile(c *cli.Context) string {
	return mrc.Path(c.String("source-dir"), c.String("train-name"))
}

// OpenSource opens the rows that --source-dir and --source-name name. The caller
// closes them.
func OpenSource(c *cli.Context) (*mrc.File, error) {
	return mrc.Open(SourceFile(c))
}

// OpenTrain opens the rows that --source-dir and --train-name name. The caller
// closes them.
func OpenTrain(c *cli.Context) (*mrc.File, error) {
	return mrc.Open(TrainFile(c))
}

// OpenExamples opens the training file and the neighbours of the source's first
// rows rows. The caller closes both.
func OpenExamples(c *cli.Context, rows int) (*mrc.File, *mrc.Neighbours, error) {
	return OpenExamplesOf(c, c.String("source-dir"), c.String("source-name"), rows)
}

// OpenExamplesOf is [OpenExamples] for the source called name in dir, whatever
// --source-dir and --source-name say.
func OpenExamplesOf(c *cli.Context, dir, name string, rows int) (*mrc.File, *mrc.Neighbours, error) {
	path, err := findNeighbours(c, dir, name)
	if err != nil {
		return nil, nil, err
	}
	train, err := mrc.Open(mrc.Path(dir, c.String("train-name")))
	if err != nil {
		return nil, nil, err
	}
	neighbours, err := mrc.OpenNeighbours(path, rows, train.Len())
	if err != nil {
		_ = train.Close()
		return nil, nil, err
	}
	return train, neighbours, nil
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

// Catalog is the catalogue that --labels names, or the built-in one.
func Catalog(c *cli.Context) (*catalog.Catalog, error) {
	file := c.String("labels")
	if file == "" {
		return catalog.Builtin(), nil
	}
	data, name, err := cmdline.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return catalog.Parse(name, data)
}

// Labels is the data set that --data-name names, or the catalogue's only one.
func Labels(c *cli.Context) (catalog.DataSet, error) {
	labels, err := Catalog(c)
	if err != nil {
		return catalog.DataSet{}, err
	}
	name := c.String("data-name")
	if names := labels.Names(); name == "" && len(names) == 1 {
		name = names[0]
	} else if name == "" {
		return catalog.DataSet{}, cmdline.UsageError("--data-name is missing: name the data set that the labels belong to")
	}
	set, err := labels.DataSet(name)
	return set, fault.WithHint(err, "ner-prompt labels prints what is known; bring another catalogue with --labels FILE")
}

// Named is the data set that the flags name, or nil where they name none.
func Named(c *cli.Context) (*catalog.DataSet, error) {
	if c.String("data-name") == "" && c.String("labels") == "" {
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
