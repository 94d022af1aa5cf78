package procgroup

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal of this process, if standard input is that. The
// zero terminal is none.
type terminal struct {
	file  *os.File
	own   int // this process's group
	given int // the group that it gave the foreground to; 0: none
}

// openTerminal returns the terminal that a file is.
func openTerminal(file *os.File) terminal {
	if file == nil {
		return terminal{}
	}
	if _, err := unix.IoctlGetInt(int(file.Fd()), unix.TIOCGPGRP); err != nil {
		return terminal{}
	}
	// Who is in the background and changes the terminal is stopped by this signal. It is
	// ignored only now, since a command would inherit that.
	signal.Ignore(unix.SIGTTOU)
	return terminal{file: file, own: unix.Getpgrp()}
}

// foreground is the group in the terminal's foreground; 0 if there is none.
func (t *terminal) foreground() int {
	if t.file == nil {
		return 0
	}
	leader, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return 0 // it has hung up
	}
	return leader
}

// give brings a group to the foreground if this process is there, and reports whether
// it is there now.
func (t *terminal) give(to int) bool {
	switch t.foreground() {
	case t.own:
		t.given = to
		return unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, to) == nil
	case to:
		return true
	}
	return false
}

// takeBack brings this process to the foreground, if it gave that away. If the terminal
// has hung up there is none any more.
func (t *terminal) takeBack() {
	if t.given != 0 && t.foreground() == t.given {
		_ = unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, t.own)
	}
}

// stopPatience is how long this process waits to be stopped. A process that no shell
// could continue is not stopped at all.
const stopPatience = 100 * time.Millisecond

// suspend is called when a signal has stopped the command. If the terminal did that, it
// stops this process and its group too, so that the shell sees a job that is stopped;
// somebody who froze the command by SIGSTOP sees to it himself.
func (s *supervisor) suspend(by syscall.Signal) {
	isTerminals := by == unix.SIGTSTP || by == unix.SIGTTIN || by == unix.SIGTTOU
	if s.terminal.file == nil || !isTerminals || s.killing {
		return
	}
	if by != unix.SIGTSTP && s.terminal.foreground() == s.group.leader {
		s.group.signal(unix.SIGCONT) // it read just before it was in the foreground
		s.stopped = false
		return
	}
	s.terminal.takeBack()
	drain(s.resumed)
	// It does what SIGTSTP does, which cannot be had back: Go goes on catching a signal
	// that was once asked for.
	_ = unix.Kill(0, unix.SIGTTIN) // one's own group can be sent it
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-s.resumed:
	case <-timer.C:
	}
	s.resume()
}

// resume continues the command, once the lease allows it.
func (s *supervisor) resume() {
	s.obey()
	if s.killing {
		return
	}
	s.terminal.give(s.group.leader)
	s.group.signal(unix.SIGCONT)
	s.stopped = false
}

// drain takes out what is in a channel.
func drain(c <-chan os.Signal) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}
