package cmdline

import (
	"github.com/urfave/cli/v2"

	"nertools/pkg/record"
)

// SayDamage is [Streams.SayDamage] for the commands that still have a cli.Context.
func SayDamage(c *cli.Context, d record.Findings) { streams(c).SayDamage(d) }

// SayDamage prints what was wrong with a file, if anything was.
func (s Streams) SayDamage(d record.Findings) {
	for _, remark := range d.Remarks() {
		s.Say("%s", remark)
	}
}
