package procgroup

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// lastSignal is the highest number of a signal.
const lastSignal = 31

// attributes puts the command into a process group of its own.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// adoptOrphans does nothing: orphans fall to launchd.
func adoptOrphans() error { return nil }

// otherChildren returns nothing: only the group is ever sent a signal.
func otherChildren() map[int]bool { return nil }

// reapOrphans does nothing: this process has no child but the command.
func (g group) reapOrphans() {}

// The states of a process, of sys/proc.h.
const (
	stateStopped = 4 // SSTOP
	stateZombie  = 5 // SZOMB
)

// state returns the state of the command's process, and the signal that stopped it. It does
// not use waitid, which on macOS reports stopped processes even if only ended ones are
// asked for.
func (g group) state() (state, syscall.Signal) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", g.leader)
	switch {
	case err != nil || info.Proc.P_stat == stateZombie:
		return ended, 0
	case info.Proc.P_stat == stateStopped:
		return stopped, syscall.Signal(info.Proc.P_xstat)
	}
	return running, 0
}

// remains reports whether a process of the group lives. If the system does not tell, it
// kills what may be left.
func (g group) remains() bool {
	members, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", g.leader)
	if err != nil {
		g.signal(unix.SIGKILL)
		return false
	}
	for _, member := range members {
		if member.Proc.P_stat != stateZombie {
			return true
		}
	}
	return false
}

// hasStopped reports whether a process of the group is stopped, as far as is known.
func (g group) hasStopped() bool {
	members, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", g.leader)
	return err == nil && slices.ContainsFunc(members, func(m unix.KinfoProc) bool { return m.Proc.P_stat == stateStopped })
}

// sweep sends a signal to the group.
func (g group) sweep(number syscall.Signal) { g.signal(number) }

// ReapOrphans does nothing: there are no containers whose first process this could be.
func ReapOrphans() (stop func()) { return func() {} }

// ignoreTerminalInput does nothing: the action of a signal cannot be restored here once
// it is ignored, and this process stops itself by SIGTTIN.
func ignoreTerminalInput(bool) {}
