package main

import (
	"bufio"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/cmd/internal/service"
	"nertools/pkg/knn"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/progress"
)

var knnCommand = &cli.Command{
	Name: "knn", Usage: "find for each row the nearest training rows of its label: the kNN file",
	UsageText: "ner-prompt knn --source-dir examples/news --write-dir . --write-name test",
	Description: "The row itself, and rows whose sentence equals its own, are never its neighbours. How many\n" +
		"sentences of the source also stand in the training file is told on stderr.",
	Flags: slices.Concat(dataset.SourceFlags(), []cli.Flag{dataset.TrainFlag()}, writeFlags("NAME.knn.jsonl"), []cli.Flag{
		&cli.StringFlag{Name: "method", Value: "bm25", Usage: "`METHOD` of comparing sentences: random, bm25 (words in common), embedding (asks a service)"},
		&cli.IntFlag{Name: "num", Value: 32, Usage: "find `N` neighbours for each row"},
		&cli.BoolFlag{Name: "diverse", Usage: "take a sentence once, and keep at least half of the rows such that show an entity"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "of random: another `N`, other neighbours"},
		&cli.BoolFlag{Name: "scores", Usage: "write the similarities as well, line by line, to NAME.knn.scores.jsonl"},
		&cli.StringFlag{Name: "progress", Value: progress.Auto, Usage: "show progress as `HOW`: auto, bar, plain or none"},
	}, embeddingFlags, service.Flags()),
	Action: findNeighbours,
}

func findNeighbours(c *cli.Context) (err error) {
	search := knn.Search{Num: c.Int("num"), Diverse: c.Bool("diverse")}
	if search.Num < 1 {
		return cmdline.UsageError("--num %d: a number of neighbours from 1", search.Num)
	}
	if c.Bool("scores") && c.String("write-name") == "" {
		return cmdline.UsageError("--scores writes a second file: name both with --write-name")
	}
	if c.Bool("scores") && c.String("method") == "random" {
		return cmdline.UsageError("--scores: chance measures no similarity")
	}
	if !slices.Contains(progress.Modes, c.String("progress")) {
		return cmdline.UsageError("--progress %q: %s", c.String("progress"), strings.Join(progress.Modes, ", "))
	}
	train, err := dataset.OpenTrain(c)
	if err != nil {
		return err
	}
	defer train.Close()
	source, err := dataset.OpenSource(c)
	if err != nil {
		return err
	}
	defer source.Close()
	// Before anything is paid for.
	if err := checkFile(c, "", ".knn.jsonl", train.Name(), source.Name()); err != nil {
		return err
	}
	return mrc.Guard(train.Name()+" or "+source.Name(), func() error {
		if search.Train, err = sentencesOf(train); err != nil {
			return err
		}
		if search.Source, err = sentencesOf(source); err != nil {
			return err
		}
		method, done, err := methodOf(c, &search)
		if err != nil {
			return err
		}
		defer done()
		meter := progress.NewOf("sentences", c.App.ErrWriter, c.App.Name, c.String("progress"))
		meter.Total(len(search.Source.Texts))
		search.Progress = func(done int) { meter.Set(done, 0) }
		report, err := writeNeighbours(c, &search, method)
		meter.Close()
		if err != nil {
			return err
		}
		cmdline.Say(c, "%d rows, %d sentences; %d of the sentences also stand in %s%s", source.Len(), len(search.Source.Texts), report.Leaked, train.Name(),
			map[bool]string{true: ", which is the same file"}[cmdline.SameFile(source.Name(), train.Name())])
		if report.Short > 0 {
			cmdline.Say(c, "%d rows have fewer than %d neighbours, as %s has no more rows of their label in other sentences", report.Short, search.Num, train.Name())
		}
		return nil
	})
}

func sentencesOf(f *mrc.File) (knn.Corpus, error) {
	sentences, err := f.Sentences()
	if err != nil {
		return knn.Corpus{}, err
	}
	corpus := knn.Corpus{Label: f.Label}
	var row mrc.Row
	for _, s := range sentences {
		f.Decode(s.Rows[0], &row)
		corpus.Texts = append(corpus.Texts, row.Context)
		corpus.Rows = append(corpus.Rows, s.Rows)
	}
	corpus.Shows = func(i int) bool {
		f.Decode(i, &row)
		spans, _ := markup.Place(nil, row.Starts, row.Ends, len(markup.AppendTokens(nil, row.Context)))
		return len(spans) > 0
	}
	return corpus, nil
}

// methodOf gives the method that the flags name, and what to call when it is
// needed no more.
func methodOf(c *cli.Context, search *knn.Search) (_ knn.Method, done func() error, err error) {
	none := func() error { return nil }
	switch c.String("method") {
	case "bm25":
		return knn.BM25(), none, nil
	case "random":
		return knn.Random(c.Uint64("seed")), none, nil
	case "embedding":
		vectors, err := embeddings(c, search)
		if err != nil {
			return nil, nil, err
		}
		n := len(search.Train.Texts)
		return knn.Cosine(vectors.Of[:n], vectors.Of[n:]), vectors.Close, nil
	}
	return nil, nil, cmdline.UsageError("--method %s: random, bm25 or embedding", c.String("method"))
}

// writeNeighbours writes the kNN file and, where asked for, the similarities.
func writeNeighbours(c *cli.Context, search *knn.Search, method knn.Method) (report knn.Coverage, err error) {
	var similarities *bufio.Writer // nil: not asked for
	find := func(w io.Writer) error {
		neighbours := bufio.NewWriterSize(w, 256<<10)
		var line []byte
		report, err = search.Run(c.Context, method, func(_ int, list []knn.Neighbour) error {
			line = knn.AppendLine(line[:0], list)
			if _, err := neighbours.Write(line); err != nil || similarities == nil {
				return err
			}
			line = knn.AppendSimilarities(line[:0], list)
			_, err := similarities.Write(line)
			return err
		})
		if err != nil {
			return err
		}
		return neighbours.Flush()
	}
	if !c.Bool("scores") {
		err = writeFile(c, "", ".knn.jsonl", find)
		return report, err
	}
	err = writeFile(c, "", ".knn.scores.jsonl", func(w io.Writer) error {
		similarities = bufio.NewWriterSize(w, 256<<10)
		if err := writeFile(c, "", ".knn.jsonl", find); err != nil {
			return err
		}
		return similarities.Flush()
	})
	return report, err
}
