package procgroup

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// group is the command's process group, and its other descendants. It is used only before
// the command is waited for, so that the group's number cannot be another's.
type group struct {
	leader int // the command's own process, whose number is the group's
	// otherChildren are children that this process had before, such as one of a shell that
	// replaced itself by this program. Only the first process of a container waits for
	// them.
	otherChildren map[int]bool
}

// state is that of the command's own process, the group's leader.
type state int

const (
	running state = iota
	stopped
	ended // and not waited for
)

// signal sends a signal to each process of the group. It is no error if a process cannot be
// sent it, or if all have gone.
func (g group) signal(number syscall.Signal) {
	if err := unix.Kill(-g.leader, number); err == unix.ESRCH {
		// The command itself may have gone to another group.
		_ = unix.Kill(g.leader, number)
	}
}
