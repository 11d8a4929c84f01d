package durable

import "golang.org/x/sys/unix"

// nameless is the open flag for a new file that has no name in its folder.
const nameless = unix.O_TMPFILE
