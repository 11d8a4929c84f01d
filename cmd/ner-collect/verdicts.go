package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/verify"
)

var verdictFlags = []cli.Flag{
	&cli.StringSliceFlag{Name: "verdicts", Usage: "drop the entities that the answers in this `FILE` to the questions of ner-prompt verify refuse (repeatable; those of a batch need the questions beside them)"},
}

// join reads the result files and joins them with their rows and demonstrations.
// Entities that --verdicts refuses are struck from them; verified reports whether
// there is a verdict on every entity, if any are asked for. The caller closes j.
func join(c *cli.Context, results *collect.Results) (j *answers.Joined, verified bool, err error) {
	if j, err = answers.Join(c, results, inputs(c)); err != nil {
		return nil, false, err
	}
	if err = j.Demonstrations(c); err == nil {
		verified, err = strike(c, j)
	}
	if err != nil {
		j.Close()
	}
	return j, verified, err
}

// strike takes the marks off the entities that --verdicts refuses, and reports
// whether there is a verdict on every entity.
func strike(c *cli.Context, j *answers.Joined) (complete bool, err error) {
	files := c.StringSlice("verdicts")
	if len(files) == 0 {
		return true, nil
	}
	verdicts := verify.NewVerdicts(j.Source(c))
	for _, file := range files {
		if err := readVerdicts(c, verdicts, file); err != nil {
			return false, err
		}
	}
	ctx := context.WithoutCancel(c.Context)
	candidates, err := j.Candidates(ctx)
	if err != nil {
		return false, err
	}
	decided, n, err := verdicts.Decide(candidates)
	if err != nil {
		return false, err
	}
	type place struct{ row, start, end int }
	refused := map[place]bool{}
	for i, candidate := range candidates {
		if decided[i] == verify.No {
			refused[place{candidate.Row, candidate.Span.Start, candidate.Span.End}] = true
		}
	}
	if _, err := j.Strike(ctx, func(a *annotate.Answer, found int) bool {
		f := a.Found[found]
		return refused[place{a.Row, f.Start, f.End}]
	}); err != nil {
		return false, err
	}
	cmdline.Say(c, "%d entities: %d confirmed, %d dropped; kept although unclear: %d, no answer: %d, not asked: %d",
		len(candidates), n.Yes, n.No, n.Unclear, n.Failed, n.NotAsked)
	return n.Failed == 0 && n.NotAsked == 0, nil
}

func readVerdicts(c *cli.Context, verdicts *verify.Verdicts, file string) error {
	r, name, err := cmdline.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	torn, err := verdicts.Read(name, r)
	if torn > 0 {
		cmdline.Say(c, "%s:%d: passed over the last line: its writer was stopped in the middle of it", name, torn)
	}
	return err
}
