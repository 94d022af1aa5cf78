package procgroup

import "golang.org/x/sys/unix"

// The requests by which the attributes of a terminal are read and set.
const (
	termiosGet = unix.TCGETS
	termiosSet = unix.TCSETS
)
