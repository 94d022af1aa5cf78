package procgroup

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// group is the command's process group, and what the command has started besides. It is
// used only before the command is waited for, so the group's number is nobody else's.
type group struct {
	leader int // the command's own process, whose number is the group's
	// otherChildren are children that this process had before: a shell that starts a
	// process and then replaces itself by this program leaves it one. Nobody waits for
	// them but the first process of a container, which waits for all.
	otherChildren map[int]bool
}

// state is that of the command's own process, the group's leader.
type state int

const (
	running state = iota
	stopped
	ended // and not waited for
)

// signal sends a signal to each process of the group. That one of them cannot be sent
// it, or that all are gone, is no error: there is nothing else to be done.
func (g group) signal(number syscall.Signal) {
	if err := unix.Kill(-g.leader, number); err == unix.ESRCH {
		// The command itself may have gone to another group.
		_ = unix.Kill(g.leader, number)
	}
}
