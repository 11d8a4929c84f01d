// Ner-collect brings result records into the order of the rows: line i of what
// it writes is the answer to row i.
//
// It reads any number of files, or stdin, in any order: what ner-run and
// ner-batch write, and the output and error files of the Batch API as they are.
//
//	ner-prompt --source-dir data --data-name CONLL | ner-run | ner-collect > results.txt
//
// One row is one line: line breaks inside an answer become spaces, and an answer
// that would read as a failure gets a space in front. The line of a row that
// failed is "ERROR: <class>: <message>", that of a row without a record
// "ERROR: missing: no answer seen". Of two records for one row the later one
// counts, but a failure never replaces a good answer; later is what stands
// further right on the command line or further down in a file.
//
// The records are to be of one source. Two sources, two sizes of a source, or
// two prompts for one row are refused, and nothing is written. An id that another
// tool made ("request-17") gives the row by the number at its end, counted from
// 0; where no record says how many rows there are, --total does.
//
// With --last-results the results are laid over an earlier results file: a good
// answer replaces a line, a failure only a line that is a failure, and all other
// lines stay as they are. So a rerun of what failed needs no other file:
//
//	ner-prompt --source-dir data --data-name CONLL --last-results results.txt | ner-run |
//	ner-collect --last-results results.txt --write-dir . --write-name results2.txt
//
// With --write-name the file is there as a whole or not at all, and an input is
// never written over. An existing file's permissions are kept; a symbolic link is
// replaced, not followed.
//
// # Other formats
//
// With --format the rows of a sentence become one sentence with all its labels:
// answers are aligned to it, and what they mark becomes spans of its tokens, if
// the sentence reads so. The sentences are those of the MRC file that
// --source-dir and --source-name name, or --gold, and else the records' own; with
// an MRC file a results file does instead of records.
//
//	ner-collect results.jsonl --format conll > predicted.conll
//	ner-collect results.jsonl --format html --gold data/mrc-ner.test > report.html
//
// --verdicts takes answers to the questions of ner-prompt verify: entities
// answered with no are dropped, from the results file and from every other
// format, as if they had never been marked.
//
// What an answer copied from a demonstration is told apart where the MRC file is
// named. Unless flags say otherwise, the prompts are taken to have shown what
// ner-prompt shows by default: the first 16 training rows that the kNN file names.
// Where this decides anything, it is said on stderr.
//
// "score" scores results against an MRC file, "compare" sets scores beside each
// other, "gold" writes what an MRC file marks.
//
// On stderr it prints the sum: rows = ok + failed + missing, and records read =
// rows that have one + duplicates. It exits with 3 if a row failed or is missing, or
// a verdict.
// Ctrl-C ends the reading of files, but stdin is read to its end: the answers
// that ner-run still writes then are paid for. A second Ctrl-C ends it at once.
package main

import (
	"errors"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/dataset"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/finish"
	"nertools/pkg/collect"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
)

func main() {
	cmdline.Main(&cli.App{
		Name:      "ner-collect",
		Usage:     "bring result records into row order, as a results file, or into other formats",
		UsageText: "ner-collect results.jsonl --write-dir . --write-name results.txt",
		ArgsUsage: "[FILE ...]",
		Description: "Reads any number of files, in any order: result records, and the output and error\n" +
			"files of the Batch API. No file, or -, is stdin. Line i of the results file is row i,\n" +
			"from 0; the sum goes to stderr. Exits with 3 if a row failed or is missing.\n" +
			"With --format the rows of a sentence become one sentence with its entities. Its text is that\n" +
			"of the records, or of the MRC file that --gold or the --source flags name. With such a file,\n" +
			"what an answer copied from a demonstration is told apart: give the --example flags that\n" +
			"ner-prompt had, if it had any.",
		Flags:  slices.Concat(outputFlags, resultFlags, verdictFlags, joinFlags(), []cli.Flag{strictFlag}, cost.Flags()),
		Action: run,
		Commands: []*cli.Command{
			{
				Name: "score", Usage: "score results against the entities that an MRC file marks",
				UsageText: "ner-collect score --gold examples/news/mrc-ner.test results.jsonl",
				ArgsUsage: "[FILE ...]",
				Flags:     slices.Concat(scoreFlags, resultFlags, verdictFlags, joinFlags()),
				Action:    scoreResults,
			},
			{
				Name: "compare", Usage: "set scores that score --json wrote beside each other",
				UsageText: "ner-collect compare bm25.8.json random.8.json --svg comparison.svg",
				ArgsUsage: "FILE ...",
				Flags:     []cli.Flag{&cli.StringFlag{Name: "svg", Usage: "draw them as a picture into this `FILE`"}},
				Action:    compare,
			},
			{
				Name: "gold", Usage: "write the entities that an MRC file marks, in any of the formats",
				UsageText: "ner-collect gold examples/news/mrc-ner.test --format conll",
				ArgsUsage: "FILE",
				Flags:     slices.Concat(outputFlags, []cli.Flag{strictFlag}, dataset.LabelFlags()),
				Action:    gold,
			},
		},
	})
}

var outputFlags = []cli.Flag{
	&cli.StringFlag{Name: "format", Value: "text", Usage: "write this `FORMAT`: " + formatNames},
	&cli.StringFlag{Name: "scheme", Value: "bio", Usage: "tags of conll: `bio` or bioes"},
	&cli.StringFlag{Name: "write-dir", Value: ".", Usage: "write to a file in `DIR`"},
	&cli.StringFlag{Name: "write-name", Usage: "write to the file `NAME` instead of stdout; with brat, a folder"},
}

var resultFlags = []cli.Flag{
	finish.Flag(),
	&cli.StringFlag{Name: "last-results", Usage: "lay the results over those in this earlier results `FILE`"},
	&cli.IntFlag{Name: "total", Usage: "the source has `N` rows", DefaultText: "what the records say"},
}

func joinFlags() []cli.Flag {
	return slices.Concat(dataset.SourceFlags(), dataset.ExampleFlags(), dataset.LabelFlags(), []cli.Flag{
		&cli.StringFlag{Name: "gold", Usage: "the rows are those of this MRC `FILE`, and what it marks is right"},
	})
}

func run(c *cli.Context) error {
	format, err := formatOf(c)
	if err != nil {
		return err
	}
	target, err := targetFile(c)
	if err != nil {
		return err
	}
	if err := checkInputs(c, target); err != nil {
		return err
	}
	if err := format.check(c, target); err != nil {
		return err
	}
	var results collect.Results
	if format.name == "text" && !c.IsSet("verdicts") {
		if err := answers.Read(c, &results, inputs(c), 0); err != nil {
			return err
		}
		if results.Len() == 0 {
			return answers.None(c)
		}
		return conclude(c, &results, true, write(target, results.WriteText))
	}
	joined, verified, err := join(c, &results)
	if err != nil {
		return err
	}
	defer joined.Close()
	return conclude(c, &results, verified, format.write(c, joined, target))
}

// write writes to the target file, whole or not at all, or to stdout.
func write(target string, to func(io.Writer) error) error {
	if target == "" {
		return to(os.Stdout)
	}
	return durable.Replace(target, to)
}

// conclude tells what the results came to, once they are written. verified says
// whether there are all the verdicts that there should be.
func conclude(c *cli.Context, results *collect.Results, verified bool, err error) error {
	if err != nil {
		return err
	}
	if !results.TotalKnown() {
		cmdline.Say(c, "no record says how many rows there are: rows after the last one seen may be missing (--total N says it)")
	}
	sum := results.Sum()
	cmdline.Say(c, "%s", sum)
	failures.Say(c, failures.Rows{Failed: &sum.Failed, Missing: sum.Missing, File: onlyInput(c)})
	switch {
	case c.Context.Err() != nil:
		return cmdline.Exit(cmdline.Interrupted, fault.WithHint(errors.New("interrupted: the results are those that had come by then"), "to continue, run the same command again when the others are there"))
	case !sum.Complete() || sum.Broken > 0 || !verified:
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}
