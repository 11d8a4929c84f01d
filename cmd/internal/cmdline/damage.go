package cmdline

import (
	"errors"

	"github.com/urfave/cli/v2"

	"nertools/pkg/record"
)

// SayDamage is [Streams.SayDamage] for the commands that still have a cli.Context.
func SayDamage(c *cli.Context, d record.Findings) { streams(c).SayDamage(d) }

// SayDamage prints what was wrong with a file, if anything was.
func (s Streams) SayDamage(d record.Findings) {
	for i := range d.Lines {
		b := &d.Lines[i]
		switch {
		case b.Torn && !errors.Is(b.Err, record.ErrNUL):
			s.Say("%s: passed over the last line: its writer was stopped in the middle of it", d.Where(b))
		case b.Mended:
			s.Say("%s: %s: read all the same", d.Where(b), b)
		default:
			s.Say("%s: %s: left out", d.Where(b), b)
		}
	}
	if more := d.Broken + d.Mended + min(d.Torn, 1) - len(d.Lines); more > 0 {
		s.Say("%s: further damaged lines: %d", d.File, more)
	}
}
