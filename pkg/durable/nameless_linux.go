package durable

import "golang.org/x/sys/unix"

// nameless is the flag that opens a new file in a folder without naming it there.
const nameless = unix.O_TMPFILE
