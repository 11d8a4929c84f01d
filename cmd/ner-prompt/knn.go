package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/knn"
	"nertools/pkg/mrc"
	"nertools/pkg/progress"
)

type knnOptions struct {
	source   dataset.Source
	train    dataset.Train
	target   dataset.Target
	labels   dataset.LabelSet
	method   string
	num      int
	diverse  *bool // nil: yes with labels, no with the other methods
	seed     uint64
	scores   bool
	report   bool
	progress string
	embed    embedOptions
}

func knnCommand() *cli.Command {
	var o knnOptions
	return &cli.Command{
		Name: "knn", Usage: "find the most similar training rows for each row: the kNN file",
		UsageText: "ner-prompt knn --source-dir examples/news --write-dir . --write-name test",
		Description: "The neighbours of a row are training rows of its label, the most similar first, and never\n" +
			"rows with the same sentence. A message says how many sentences also occur in the training file.\n" +
			"Labels must be spelled alike; with --data-name or --labels, aliases of a label are the label.\n\n" +
			"--method labels compares the words of two sentences; a word counts more if the training sentence\n" +
			"marks it under the row's label, or has it near such an entity. bm25 looks at the words alone,\n" +
			"embedding at vectors from a service, and random draws. labels balances the neighbours as with\n" +
			"--diverse; --diverse=false finds the nearest, whether or not they contain an entity.\n\n" +
			"--report divides the training sentences into five parts, and finds the neighbours of each among\n" +
			"the others. It prints, for several numbers of neighbours, the score of an answer that copies what\n" +
			"they mark, the share of the words of entities that they mark, and the share of rows without any\n" +
			"entity among them. No model is asked.",
		Flags: slices.Concat(o.source.Flags(), []cli.Flag{o.train.Flag()}, o.target.Flags("NAME.knn.jsonl"), o.labels.Flags(), []cli.Flag{
			&cli.StringFlag{Name: "method", Value: "labels", Destination: &o.method, Usage: "compare by `METHOD`: labels, bm25, embedding or random"},
			&cli.IntFlag{Name: "num", Value: 32, Destination: &o.num, Action: cmdline.AtLeast("num", 1), Usage: "find `N` neighbours for each row"},
			&cli.BoolFlag{Name: "diverse", Usage: "use no sentence twice, and at least half with an entity", Action: func(_ *cli.Context, yes bool) error {
				o.diverse = &yes
				return nil
			}},
			&cli.Uint64Flag{Name: "seed", Value: 1, Destination: &o.seed, Usage: "choose random neighbours with seed `N`"},
			&cli.BoolFlag{Name: "scores", Destination: &o.scores, Usage: "also write the similarities, to NAME.knn.scores.jsonl"},
			&cli.BoolFlag{Name: "report", Destination: &o.report, Usage: "print how good the neighbours of training rows are instead"},
			cmdline.ProgressFlag(&o.progress),
		}, o.embed.flags()),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, _ []string) error {
			if o.report {
				return reportNeighbours(ctx, std, &o)
			}
			return findNeighbours(ctx, std, &o)
		}),
	}
}

// balanced reports whether the neighbours are to be diverse.
func (o *knnOptions) balanced() bool {
	if o.diverse != nil {
		return *o.diverse
	}
	return o.method == "labels"
}

func findNeighbours(ctx context.Context, std cmdline.Streams, o *knnOptions) (err error) {
	search := knn.Search{Num: o.num, Diverse: o.balanced()}
	if o.scores && o.target.Name == "" {
		return cmdline.UsageError("--scores writes a second file: name both with --write-name")
	}
	if o.scores && o.method == "random" {
		return cmdline.UsageError("--scores does nothing with --method random")
	}
	train, err := mrc.Open(o.train.Path(&o.source))
	if err != nil {
		return err
	}
	defer train.Close()
	source, err := mrc.Open(o.source.Path())
	if err != nil {
		return err
	}
	defer source.Close()
	// Check this before anything is paid for.
	if err := o.target.Check("", ".knn.jsonl", train.Name(), source.Name()); err != nil {
		return err
	}
	search.More = []knn.Setting{{Name: "source", Value: o.source.Name}, {Name: "train", Value: o.train.Name}}
	if search.Train, err = knn.Sentences(train); err != nil {
		return err
	}
	if search.Source, err = knn.Sentences(source); err != nil {
		return err
	}
	if err := uniteSpellings(&o.labels, &search.Train, &search.Source); err != nil {
		return err
	}
	method, done, err := methodOf(ctx, std, o, &search)
	if err != nil {
		return err
	}
	defer done()
	meter := progress.NewOf("sentences", std.Err, std.Name, o.progress)
	meter.Total(len(search.Source.Texts))
	search.Progress = func(done int) { meter.Set(done, 0) }
	report, err := writeNeighbours(ctx, std, o, &search, method)
	meter.Close()
	if err != nil {
		return err
	}
	same := ""
	if durable.SameFile(source.Name(), train.Name()) {
		same = ", which is the same file"
	}
	std.Note("%s, %s, of which %d also occur in %s%s", english.Count(source.Len(), "row"), english.Count(len(search.Source.Texts), "sentence"), report.Leaked, train.Name(), same)
	if len(report.Unasked) > 0 {
		std.Say("no row of %s asks for %s, so rows that do have no neighbours", train.Name(), strings.Join(report.Unasked, ", "))
		std.Say("if it spells labels in another way, name the data set that both spellings belong to: --data-name, or --labels FILE with aliases")
	}
	if report.Short > 0 {
		std.Say("%s with fewer than %s: %s has no more rows of the label in other sentences", english.Count(report.Short, "row"), english.Count(search.Num, "neighbour"), train.Name())
	}
	return nil
}

// uniteSpellings makes the labels of the corpora the keys of the data set that the flags
// name, if they name one. Labels that it does not have stay as they are.
func uniteSpellings(labels *dataset.LabelSet, corpora ...*knn.Corpus) error {
	set, err := labels.ReadGiven()
	if err != nil || set == nil {
		return err
	}
	keys := map[string]string{} // finding a spelling is too slow for each row
	for _, c := range corpora {
		spelled := c.Label
		c.Label = func(row int) string {
			label := spelled(row)
			key, ok := keys[label]
			if !ok {
				key = label
				if i := set.Index(label); i >= 0 {
					key = set.Labels[i].Key
				}
				keys[label] = key
			}
			return key
		}
	}
	return nil
}

// methodOf returns the method that the flags select; the caller calls done when it no
// longer needs the method.
func methodOf(ctx context.Context, std cmdline.Streams, o *knnOptions, search *knn.Search) (_ knn.Method, done func() error, err error) {
	if o.method != "embedding" {
		method, err := o.offline()
		return method, func() error { return nil }, err
	}
	vectors, err := embeddings(ctx, std, &o.embed, o.progress, search)
	if err != nil {
		return nil, nil, err
	}
	search.More = append(search.More, knn.Setting{Name: "model", Value: o.embed.model}, knn.Setting{Name: "dimensions", Value: o.embed.dimensions})
	n := len(search.Train.Texts)
	return knn.Cosine(vectors.Of[:n], vectors.Of[n:]), vectors.Close, nil
}

// offline returns a method that needs no service.
func (o *knnOptions) offline() (knn.Method, error) {
	switch o.method {
	case "labels":
		return knn.Labels(), nil
	case "bm25":
		return knn.BM25(), nil
	case "random":
		return knn.Random(o.seed), nil
	}
	return nil, cmdline.UsageError("--method must be labels, bm25, embedding or random, not %q", o.method)
}

// writeNeighbours writes the kNN file and, if requested, the similarities.
func writeNeighbours(ctx context.Context, std cmdline.Streams, o *knnOptions, search *knn.Search, method knn.Method) (report knn.Coverage, err error) {
	beside := func(similarities io.Writer) error {
		return o.target.Write(std, "", ".knn.jsonl", func(neighbours io.Writer) (err error) {
			report, err = search.Write(ctx, method, neighbours, similarities)
			return err
		})
	}
	if o.scores {
		err = o.target.Write(std, "", ".knn.scores.jsonl", beside)
	} else {
		err = beside(nil)
	}
	return report, err
}
