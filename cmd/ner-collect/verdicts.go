package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/finish"
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
func join(c *cli.Context, results *collect.Results) (_ *answers.Joined, verified bool, err error) {
	j, err := answers.Open(c)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if err != nil {
			j.Close()
		}
	}()
	if err := j.Demonstrations(c); err != nil {
		return nil, false, err
	}
	verdicts, err := openVerdicts(c)
	if err != nil {
		return nil, false, err
	}
	defer verdicts.close()
	if err := j.Read(c, results, inputs(c)); err != nil {
		return nil, false, err
	}
	verified = true
	if len(verdicts) > 0 {
		if verified, err = strike(c, j, verdicts); err != nil {
			return nil, false, err
		}
	}
	j.TellCopies()
	return j, verified, nil
}

// verdictFiles are open before the answers come.
type verdictFiles []verdictFile

type verdictFile struct {
	io.ReadCloser
	name string
}

func openVerdicts(c *cli.Context) (list verdictFiles, err error) {
	for _, file := range c.StringSlice("verdicts") {
		r, name, err := cmdline.Open(file)
		if err != nil {
			list.close()
			return nil, err
		}
		list = append(list, verdictFile{r, name})
	}
	return list, nil
}

func (list verdictFiles) close() {
	for _, f := range list {
		_ = f.Close() // it was only read
	}
}

// strike takes the marks off the entities that the verdicts refuse, and reports
// whether there is a verdict on every entity.
func strike(c *cli.Context, j *answers.Joined, files verdictFiles) (complete bool, err error) {
	verdicts := verify.NewVerdicts(j.Source())
	verdicts.Judge, err = finish.Judge(c, func(s string) { cmdline.Say(c, "%s", s) })
	if err != nil {
		return false, err
	}
	broken := 0
	for _, f := range files {
		damage, err := verdicts.Read(f.name, f)
		cmdline.SayDamage(c, damage)
		if err != nil {
			return false, err
		}
		broken += damage.Broken
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
	return n.Failed == 0 && n.NotAsked == 0 && broken == 0, nil
}
