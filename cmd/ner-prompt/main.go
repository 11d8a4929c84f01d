// Ner-prompt writes prompt records for the rows of an MRC-NER data set.
//
// For each row of mrc-ner.SOURCE it writes one JSON line: an instruction for the row's
// label, the demonstrations listed in the kNN file, and the row's sentence. The records
// are the input of ner-run or ner-batch:
//
//	ner-prompt --source-dir data --data-name CONLL | ner-run -o results.jsonl
//
// --style json asks for a list of the entities instead of a marked sentence. --shard 2/8
// writes the second of eight parts of the rows without splitting sentences; the results
// of all parts can be collected together.
//
// Its commands prepare the input and process the results:
//
//	convert   text, with or without entities (text files, inline markup, JSON lines, CoNLL) -> mrc-ner.NAME
//	knn       MRC files -> NAME.knn.jsonl, the rows to show
//	verify    results -> a yes/no question for each entity found
//	labels    prints the catalogue, to edit and hand back with --labels
//	template  prints a wording, to edit and hand back with --template
package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/fault"
)

func main() { cmdline.Main(app()) }

func app() *cli.App {
	var o promptOptions
	return &cli.App{
		Name:      "ner-prompt",
		Usage:     "make prompt records from MRC-NER files and kNN files",
		UsageText: "ner-prompt --source-dir examples/news --data-name CONLL --example-num 8 | head -n 1",
		Flags:     o.flags(),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, _ []string) error {
			return writePrompts(ctx, std, &o)
		}),
		Commands: []*cli.Command{labelsCommand(), templateCommand(), convertCommand(), knnCommand(), verifyCommand()},
	}
}

func labelsCommand() *cli.Command {
	var labels dataset.LabelSet
	var list string
	return &cli.Command{
		Name: "labels", Usage: "print the catalogue of labels as JSON, to edit and use with --labels",
		UsageText: "ner-prompt labels --data-name CONLL > labels.json",
		Description: "--new makes a catalogue of your own labels. --labels builtin:1 prints the first version of\n" +
			"the built-in catalogue. With it, ner-prompt makes the prompts of that time.",
		Flags: append(labels.Flags(),
			&cli.StringFlag{Name: "new", Destination: &list, Usage: "print a new catalogue of `LABELS`, such as DRUG,DOSE, to fill in"}),
		Action: cmdline.Action(func(_ context.Context, std cmdline.Streams, _ []string) error {
			if list != "" {
				return newLabels(std, &labels, list)
			}
			return printLabels(std, &labels)
		}),
	}
}

func printLabels(std cmdline.Streams, labels *dataset.LabelSet) error {
	if err := cmdline.CheckFiles("", labels.Input()); err != nil {
		return err
	}
	catalogue, err := labels.Catalog()
	if err != nil {
		return err
	}
	if labels.DataSet == "" {
		_, err = catalogue.WriteTo(std.Out)
		return err
	}
	set, err := catalogue.DataSet(labels.DataSet)
	if err != nil {
		return fault.WithHint(err, "ner-prompt labels without --data-name prints the whole catalogue")
	}
	if _, err := set.WriteTo(std.Out); err != nil {
		return fmt.Errorf("write labels: %w", err)
	}
	return nil
}
