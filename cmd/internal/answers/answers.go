// Package answers reads result files and joins them with the rows that they answer, for
// the programs that work with answers.
package answers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/cmd/internal/failures"
	"nertools/pkg/annotate"
	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/verify"
	"nertools/pkg/wire"
)

// Options select the results to read and the files to join them with.
type Options struct {
	Files       []string // "-" is stdin
	Accepted    failures.Accepted
	Total       int      // rows of the source; 0 for what the records say
	LastResults string   // an earlier results file; "" for none
	Verdicts    []string // answers to questions about the entities
	Lines       bool     // the output has a line for each row

	// The rows are those of Gold, an MRC file, or else of Source, if that is given, or
	// what the records tell.
	Gold     string
	Source   dataset.Source
	Examples dataset.Examples // that the prompts showed
	Labels   dataset.LabelSet
}

// Inputs returns the names of all files to read.
func (o *Options) Inputs() []string {
	files := slices.Concat(o.Files, o.Verdicts, []string{o.LastResults, o.Gold, o.Labels.Input()})
	if o.Source.Given {
		files = append(files, o.Source.Path())
	}
	return files
}

func (o *Options) judge(std cmdline.Streams) *wire.Judge {
	return o.Accepted.Judge(func(s string) { std.Say("%s", s) })
}

// Collect reads the result files and merges them into the earlier results, for a results
// file. If they answer questions about whole sentences, it also joins them with their rows;
// otherwise the [Joined] is nil. The caller closes it. When ctx ends, Collect stops, except that it reads
// stdin to its end and then skips the remaining files.
func (o *Options) Collect(ctx context.Context, std cmdline.Streams) (*collect.Results, *Joined, error) {
	j := o.newJoined()
	var known annotate.Options
	results, err := o.read(ctx, std, collect.New(collect.Options{Judge: o.judge(std), Open: func() (rows *mrc.File, err error) {
		if rows, err = o.openRows(j); err == nil && rows == nil {
			err = o.noRows()
		}
		if err == nil {
			known.Labels, err = o.Labels.ReadGiven()
		}
		if err == nil {
			known.Demonstrations, err = o.demonstrations(std, j, rows)
		}
		return rows, err
	}}))
	if err == nil && results.OfSentences() {
		err = o.join(std, j, results, known)
	}
	if err != nil || !results.OfSentences() {
		j.Close()
		return results, nil, explain(err)
	}
	return results, j, nil
}

// noRows returns the error for answers about whole sentences if rows are needed to divide
// them among.
func (o *Options) noRows() error {
	hint := nameRows
	if o.Lines {
		hint += ", or write another --format"
	}
	return fault.WithHint(errors.New("the answers are about whole sentences, and only the MRC file says which rows these have"), hint)
}

func (o *Options) read(ctx context.Context, std cmdline.Streams, results *collect.Results) (*collect.Results, error) {
	if o.Total > 0 {
		if err := results.SetTotal(o.Total, "--total"); err != nil {
			return nil, err
		}
	}
	// The answers may take hours to come: what else is needed must be there.
	var last io.ReadCloser
	if o.LastResults != "" {
		var err error
		if last, _, err = cmdline.Open(o.LastResults); err != nil {
			return nil, err
		}
		defer last.Close()
	}
	stdin := false // has been read
	for _, file := range o.Files {
		err := readFile(ctx, std, results, file)
		if errors.Is(err, context.Canceled) && stdin {
			break
		}
		if err != nil {
			return nil, explain(err)
		}
		stdin = stdin || file == "-"
	}
	if err := results.Plausible(); err != nil {
		return nil, explain(err)
	}
	if last != nil {
		if err := results.LayOver(cmdline.InputName(o.LastResults), last); err != nil {
			return nil, explain(err)
		}
	}
	if results.Len() > 0 {
		return results, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, fault.WithHint(errors.New("no result records to collect"),
		"look at the messages of the program that should have written them; --total N reports all N rows as missing")
}

func readFile(ctx context.Context, std cmdline.Streams, results *collect.Results, file string) error {
	r, name, err := cmdline.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	in := io.Reader(r)
	if file != "-" {
		in = cmdline.Interruptible(ctx, r)
	} else {
		defer context.AfterFunc(ctx, func() {
			std.Say("interrupted: reading stdin to its end (once more: stop at once)")
		})()
	}
	std.Detail("reading %s", name)
	damage, err := results.Read(name, in)
	std.SayDamage(damage)
	return err
}

const nameRows = "name the MRC file that the prompts were made from with --source-dir and --source-name"

// explain says which flags help against an error.
func explain(err error) error {
	if e, ok := errors.AsType[*collect.Error](err); ok {
		switch e.Doubt {
		case collect.TwoSizes:
			return fault.WithHint(err, "collect results of sources of different sizes separately; --limit changes the size, too")
		case collect.NotARow:
			return fault.WithHint(err, "if it is, give the number of rows with --total")
		case collect.TooManyRows:
			return fault.WithHint(err, fmt.Sprintf("if that is right, confirm it with --total %d", e.Rows))
		case collect.NoSentences:
			return fault.WithHint(err, nameRows)
		case collect.NotAlone:
			return cmdline.Exit(cmdline.Usage, err)
		}
	}
	_, untold := errors.AsType[*annotate.NoSentenceError](err)
	_, stale := errors.AsType[*verify.StaleError](err)
	switch {
	case untold:
		return fault.WithHint(err, nameRows)
	case errors.Is(err, verify.ErrNoEntity):
		return fault.WithHint(err, "lines of a batch do not contain it: give the questions that ner-prompt verify wrote as well, with another --verdicts")
	case stale:
		return fault.WithHint(err, "make the questions again from these results, with the same template and --example-num, and ask them with --resume and another -o: answers that still apply are kept")
	}
	return err
}

// Joined contains results and the rows that they answer.
type Joined struct {
	*annotate.Joined
	HasGold  bool // the rows are those of an MRC file whose entities are right
	Verified bool // there is a verdict on every entity, or none was asked for

	Verdicts []collect.Spent // what asking for the verdicts took

	// Assumed says what the prompts are taken to have shown where no flag says it, else "".
	Assumed string

	files []io.Closer
}

// Close closes the files.
func (j *Joined) Close() {
	for _, f := range j.files {
		_ = f.Close() // it was only read
	}
}

func (o *Options) newJoined() *Joined { return &Joined{HasGold: o.Gold != "", Verified: true} }

// openRows opens the MRC file that the flags name, and returns nil if they name none.
func (o *Options) openRows(j *Joined) (*mrc.File, error) {
	if o.Gold == "" && !o.Source.Given {
		return nil, nil
	}
	rows, err := mrc.Open(cmp.Or(o.Gold, o.Source.Path()))
	if err == nil {
		j.files = append(j.files, rows)
	}
	return rows, err
}

// Join reads the result files, joins them with their rows and demonstrations, and drops the
// entities that the verdicts reject. labels is the data set of Labels, or nil. All other
// files are opened before the results, which may take hours to arrive. The caller closes
// the returned value.
func (o *Options) Join(ctx context.Context, std cmdline.Streams, labels *catalog.DataSet) (_ *Joined, err error) {
	j := o.newJoined()
	defer func() {
		if err != nil {
			j.Close()
		}
	}()
	with := collect.Options{Judge: o.judge(std), Join: true}
	if with.Rows, err = o.openRows(j); err != nil {
		return nil, err
	}
	known := annotate.Options{Labels: labels}
	if with.Rows != nil {
		if known.Demonstrations, err = o.demonstrations(std, j, with.Rows); err != nil {
			return nil, err
		}
	} else if o.LastResults != "" || o.Lines {
		with.Open = func() (*mrc.File, error) { return nil, o.noRows() }
	}
	verdicts := make([]io.ReadCloser, len(o.Verdicts))
	for i, file := range o.Verdicts {
		if verdicts[i], _, err = cmdline.Open(file); err != nil {
			return nil, err
		}
		defer verdicts[i].Close()
	}
	results, err := o.read(ctx, std, collect.New(with))
	if err != nil {
		return nil, err
	}
	if err = o.join(std, j, results, known); err == nil && len(verdicts) > 0 {
		err = o.verify(ctx, std, j, verdicts)
	}
	return j, explain(err)
}

// join joins results with what is known in addition.
func (o *Options) join(std cmdline.Streams, j *Joined, results *collect.Results, known annotate.Options) (err error) {
	if sum := results.Sum(); sum.Over && o.LastResults == "" && sum.Kept < sum.Rows {
		std.Say("%s has %s for %s: the other rows count as missing (--total N: it answers only the first N rows)", cmdline.InputName(o.Files[0]), english.Count(sum.Kept, "line"), english.Count(sum.Rows, "row"))
	}
	if results.OfSentences() && known.Demonstrations != nil {
		if o.Total > 0 { // of sentences, which have more rows
			if known.Demonstrations, err = o.openDemonstrations(std, j, results.Rows(), results.Len()); err != nil {
				return err
			}
		}
		if j.Assumed != "" {
			j.Assumed = fmt.Sprintf("%s from the lines of each sentence in %s", english.Count(o.Examples.Num, "neighbour"), known.Demonstrations.Neighbours.Name())
		}
	}
	if j.Joined, err = annotate.Join(results, known); err != nil {
		return err
	}
	if j.Lost > 0 {
		std.Say("left out %s without an answer, as no record contains the sentence", english.Count(j.Lost, results.Unit()))
		std.Say("name the MRC file that contains it with --source-dir and --source-name")
	}
	if j.Rows != nil && results.Len() < j.Rows.Len() {
		std.Note("the results cover %d of the %s of %s", results.Len(), english.Count(j.Rows.Len(), "row"), j.Rows.Name())
	}
	return nil
}

// demonstrations opens what the prompts showed, if anything. Where no flag says what that
// is, it is taken to be what ner-prompt shows by default, if the files for it are there;
// should they not belong to the rows, that is said, and is no error.
func (o *Options) demonstrations(std cmdline.Streams, j *Joined, rows *mrc.File) (*annotate.Demonstrations, error) {
	if o.Examples.Num == 0 {
		return nil, nil
	}
	return o.openDemonstrations(std, j, rows, cmp.Or(o.Total, rows.Len()))
}

// openDemonstrations opens what the prompts showed about the first n rows.
func (o *Options) openDemonstrations(std cmdline.Streams, j *Joined, rows *mrc.File, n int) (*annotate.Demonstrations, error) {
	source := o.Source
	if dir, name, ok := mrc.Split(o.Gold); ok && !source.Given {
		source = dataset.Source{Dir: dir, Name: name}
	}
	given := o.Examples.Given
	if !given && !o.Examples.Exist(&source) {
		return nil, nil
	}
	train, neighbours, err := o.Examples.Open(&source, n)
	if err == nil {
		j.files = append(j.files, train, neighbours)
		if !given && neighbours.More() && o.Total == 0 {
			err = fmt.Errorf("%s has more lines than %s has rows", neighbours.Name(), rows.Name())
		}
	}
	switch {
	case err != nil && given:
		return nil, err
	case err != nil:
		std.Say("%v: entities that answers copied from demonstrations are not reported as such", err)
		return nil, nil
	case !given:
		j.Assumed = fmt.Sprintf("%s from each line of %s", english.Count(o.Examples.Num, "neighbour"), neighbours.Name())
	}
	return &annotate.Demonstrations{Train: train, Neighbours: neighbours, Num: o.Examples.Num}, nil
}

// verify drops the entities that the verdicts refuse.
func (o *Options) verify(ctx context.Context, std cmdline.Streams, j *Joined, files []io.ReadCloser) error {
	verdicts := verify.NewVerdicts(j.Source(), o.judge(std))
	broken := 0
	for i, f := range files {
		damage, err := verdicts.Read(cmdline.InputName(o.Verdicts[i]), f)
		std.SayDamage(damage)
		if err != nil {
			return err
		}
		broken += damage.Broken
	}
	n, err := verdicts.Apply(context.WithoutCancel(ctx), j.Joined)
	if err != nil {
		return err
	}
	std.Note("%s: %d confirmed, %d dropped; kept although unclear: %d, no answer: %d, not asked: %d",
		english.Count(n.Entities(), "entity"), n.Yes, n.No, n.Unclear, n.Failed, n.NotAsked)
	j.Verdicts = verdicts.Spent()
	j.Verified = n.Failed == 0 && n.NotAsked == 0 && broken == 0
	return nil
}
