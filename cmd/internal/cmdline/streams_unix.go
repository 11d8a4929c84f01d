//go:build unix

package cmdline

import (
	"os"
	"os/signal"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// closedAtStart reports whether f, one of the three standard files, is what the
// runtime opens for one that was closed: the null device, for reading and
// writing. A shell's > /dev/null opens it for writing only. (Python's and Node's
// ways to discard a stream open it for both, too, which looks the same.)
func closedAtStart(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return true
	}
	null, err1 := os.Stat(os.DevNull)
	mine, err2 := f.Stat()
	return flags&unix.O_ACCMODE == unix.O_RDWR && err1 == nil && err2 == nil && os.SameFile(null, mine)
}

// writable reports whether f is open for writing.
func writable(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY
}

// crashLoudly keeps a crash that nothing recovers from (a panic in a goroutine of
// a library, a fatal error of the runtime) from ending the program with 2, the
// exit code of a wrong command line: it ends by SIGABRT instead, which a shell
// shows as 134. No core file is left behind, which would hold the API key.
//
// Writing more to a file than the user's limit allows is an error of writing, not a
// crash.
func crashLoudly() {
	signal.Ignore(unix.SIGXFSZ)
	debug.SetTraceback("crash")
	if os.Getenv("GOTRACEBACK") != "crash" {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	}
}
