package cmdline

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"nertools/pkg/fault"
)

// errNoStdout is the error of writing to a stdout that is closed or open only for reading.
var errNoStdout = fault.WithHint(errors.New("stdout is not open for writing"),
	"redirect it to a file or a pipe; > /dev/null discards what is written")

// openStdout makes os.Stdout a file that cannot be written to if the program was
// started without a stdout: where that is so, the Go runtime has opened the null
// device in its place, and whatever is written there would be lost in silence.
func openStdout() {
	if !closedAtStart(os.Stdout) {
		return
	}
	if null, err := os.Open(os.DevNull); err == nil {
		os.Stdout = null
	}
}

// noStdout reports whether err is that of writing to a stdout that takes nothing.
func noStdout(err error) bool {
	path, ok := errors.AsType[*fs.PathError](err)
	return ok && path.Op == "write" && path.Path == os.Stdout.Name() && errors.Is(err, syscall.EBADF)
}
