package cmdline

import (
	"errors"

	"github.com/urfave/cli/v2"

	"nertools/pkg/record"
)

// SayDamage prints what was wrong with a file, if anything was.
func SayDamage(c *cli.Context, d record.Findings) {
	for i := range d.Lines {
		b := &d.Lines[i]
		switch {
		case b.Torn && !errors.Is(b.Err, record.ErrNUL):
			Say(c, "%s: passed over the last line: its writer was stopped in the middle of it", d.Where(b))
		case b.Mended:
			Say(c, "%s: %s: read all the same", d.Where(b), b)
		default:
			Say(c, "%s: %s: left out", d.Where(b), b)
		}
	}
	if more := d.Broken + d.Mended + min(d.Torn, 1) - len(d.Lines); more > 0 {
		Say(c, "%s: further damaged lines: %d", d.File, more)
	}
}
