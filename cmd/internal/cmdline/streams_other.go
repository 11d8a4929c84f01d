//go:build !unix

package cmdline

import "os"

// closedAtStart reports whether f was closed when the program started: then
// writing to it fails, and there is nothing else to do.
func closedAtStart(*os.File) bool { return false }

// writable reports whether f is there.
func writable(f *os.File) bool {
	_, err := f.Stat()
	return err == nil
}

func crashLoudly() {}
