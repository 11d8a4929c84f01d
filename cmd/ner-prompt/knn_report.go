package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/english"
	"nertools/pkg/knn"
	"nertools/pkg/mrc"
	"nertools/pkg/progress"
)

// reportNeighbours prints how good the neighbours of training rows are.
func reportNeighbours(ctx context.Context, std cmdline.Streams, o *knnOptions) error {
	if o.scores || o.target.Name != "" || o.target.Dir != "" {
		return cmdline.UsageError("--report writes no kNN file: leave out --write-name, --write-dir and --scores")
	}
	train, err := mrc.Open(o.train.Path(&o.source))
	if err != nil {
		return err
	}
	defer train.Close()
	search := knn.Search{Num: o.num, Diverse: o.balanced()}
	if search.Train, err = knn.Sentences(train); err != nil {
		return err
	}
	if err := uniteSpellings(&o.labels, &search.Train); err != nil {
		return err
	}
	var method func(train, source []int) knn.Method
	if o.method == "embedding" {
		vectors, err := embeddings(ctx, std, &o.embed, o.progress, &search)
		if err != nil {
			return err
		}
		defer vectors.Close()
		method = func(train, source []int) knn.Method {
			return knn.Cosine(choose(vectors.Of, train), choose(vectors.Of, source))
		}
	} else {
		m, err := o.offline()
		if err != nil {
			return err
		}
		method = func(_, _ []int) knn.Method { return m }
	}
	distinct := len(search.Train.Distinct())
	meter := progress.NewOf("sentences", std.Err, std.Name, o.progress)
	meter.Total(distinct)
	search.Progress = func(done int) { meter.Set(done, 0) }
	nums := []int{max(1, o.num/4), max(1, o.num/2), o.num}
	list, err := search.Assess(ctx, slices.Compact(nums), method)
	meter.Close()
	if err != nil {
		return err
	}
	std.Note("%s in 5 parts, %s", english.Count(distinct, "distinct sentence"), english.Count(list[0].Copies.TP+list[0].Copies.FN, "entity"))
	return printAssessment(std, list)
}

func choose(vectors [][]float32, numbers []int) [][]float32 {
	list := make([][]float32, len(numbers))
	for i, n := range numbers {
		list[i] = vectors[n]
	}
	return list
}

func printAssessment(std cmdline.Streams, list []knn.Assessment) error {
	w := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "neighbours\tcopy precision\tcopy recall\tcopy F1\t95% interval\twords shown\tno entity\t")
	for _, q := range list {
		c := q.Copies
		fmt.Fprintf(w, "%d\t%.2f\t%.2f\t%.2f\t[%.2f, %.2f]\t%.2f\t%.2f\t\n", q.Num, 100*c.Precision(), 100*c.Recall(), 100*c.F1(),
			100*c.Intervals.F1.Low, 100*c.Intervals.F1.High, percentage(q.Shown, q.Words), percentage(q.Empty, q.Rows))
	}
	return w.Flush()
}

func percentage(part, whole int) float64 { return 100 * float64(part) / float64(max(whole, 1)) }
