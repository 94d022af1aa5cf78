package procgroup

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"conch/broadcast"
	"conch/token"
)

// terminalPath opens the controlling terminal, whatever standard input is.
const terminalPath = "/dev/tty"

// terminal is the controlling terminal of this process. The zero terminal is none.
type terminal struct {
	file   *os.File
	opened bool // by openTerminal, and to be closed
	own    int  // this process's group
	given  int  // the group that it gave the foreground to; 0: none
}

// openTerminal returns the controlling terminal; the zero terminal if there is none. If its
// path cannot be opened, one of the files may be it.
func openTerminal(files ...*os.File) terminal {
	t := terminal{own: unix.Getpgrp()}
	if file, err := os.OpenFile(terminalPath, os.O_RDWR, 0); err == nil {
		t.file, t.opened = file, true
	} else if i := slices.IndexFunc(files, isTerminal); i >= 0 {
		t.file = files[i]
	} else {
		return terminal{}
	}
	// A background process that changes the terminal is stopped by SIGTTOU. If one reads
	// it, such as a pager behind this process, SIGTTIN stops its whole group, and this
	// process would no longer renew the lock. Both are ignored from here on; earlier, the
	// command would inherit that.
	signal.Ignore(unix.SIGTTOU)
	ignoreTerminalInput(true)
	return t
}

// isTerminal reports whether a file is the controlling terminal of this process.
func isTerminal(file *os.File) bool {
	if file == nil {
		return false
	}
	_, err := unix.IoctlGetInt(int(file.Fd()), unix.TIOCGPGRP)
	return err == nil
}

// close closes what openTerminal opened.
func (t *terminal) close() {
	if t.file != nil {
		ignoreTerminalInput(false)
	}
	if t.opened {
		_ = t.file.Close()
	}
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

// give brings a group to the foreground if this process is there, and reports whether the
// group is there now.
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

// takeBack brings this process back to the foreground, if it gave that away. A terminal
// that has hung up has none any more.
func (t *terminal) takeBack() {
	if t.given != 0 && t.foreground() == t.given {
		_ = unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, t.own)
	}
}

// stopPatience bounds the wait of this process to be stopped. A process that no shell could
// continue is not stopped at all.
const stopPatience = 100 * time.Millisecond

// suspend is called when a signal has stopped the command. A command that was stopped
// for using the terminal from the background gets the foreground, if this process is
// there. Otherwise, if the terminal stopped the command, this process and its group stop
// too, so that the shell sees a job that is stopped; whoever froze the command by
// SIGSTOP has to continue it.
func (s *supervisor) suspend(by syscall.Signal) {
	if s.killing {
		return
	}
	s.late, s.lateSeen = 0, 0
	wantsTerminal := by == unix.SIGTTIN || by == unix.SIGTTOU
	if wantsTerminal && s.terminal.give(s.group.leader) {
		s.group.signal(unix.SIGCONT)
		s.stopped, s.late = false, broadcast.Clock()+lateStop
		return
	}
	isTerminals := s.terminal.file != nil && (wantsTerminal || by == unix.SIGTSTP)
	if isTerminals {
		s.noticed[Stopped] = false // a person did it, and is told each time
	}
	s.notify(Stopped, &StopError{Signal: by, StopsBoth: isTerminals, Left: s.left()})
	if !isTerminals {
		return
	}
	s.terminal.takeBack()
	drain(s.resumed)
	// SIGTTIN does what SIGTSTP would, whose default action Go does not restore once the
	// signal was caught.
	ignoreTerminalInput(false)
	_ = unix.Kill(0, unix.SIGTTIN) // one's own group can be sent it
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-s.resumed:
	case <-timer.C:
	}
	ignoreTerminalInput(true)
	s.resume()
}

// StopError says which signal stopped the command.
type StopError struct {
	Signal syscall.Signal
	// StopsBoth: this process stops with the command, and does not renew the lock.
	StopsBoth bool
	// Left is how long the command may go without a renewal before it is ended, or the lock
	// is lost; 0 if the lock cannot lapse.
	Left time.Duration
}

func (e *StopError) Error() string { return "stopped by " + unix.SignalName(e.Signal) }

// left is [StopError.Left].
func (s *supervisor) left() time.Duration {
	deadline := s.Lease.Deadline()
	if deadline.IsZero() {
		return 0
	}
	left := time.Until(deadline)
	if s.OnLost == Kill {
		left -= max(s.Grace, s.Margin)
	}
	return max(left, 1)
}

// lateStop is how long, after the command got the foreground, a stopped process in its
// group is looked for. A program that asks for a password catches the signal that stops it,
// restores the terminal, and only then stops itself: perhaps after the SIGCONT that came
// with the foreground, and perhaps not as the command's own process.
const lateStop = token.Time(5 * time.Second)

// continueLate continues such a process at the second check that finds it. At the first,
// Ctrl-Z may be stopping the whole group; a glance later the command itself would be
// stopped, too.
func (s *supervisor) continueLate() {
	now := broadcast.Clock()
	switch {
	case s.late == 0:
	case now > s.late:
		s.late, s.lateSeen = 0, 0
	case !s.group.hasStopped():
		s.lateSeen = 0
	case s.lateSeen == 0:
		s.lateSeen = now
	case now-s.lateSeen >= token.Time(glance):
		s.lateSeen = 0
		s.group.signal(unix.SIGCONT)
	}
}

// resume continues the command, once the lease allows it.
func (s *supervisor) resume() {
	s.obey()
	if s.killing {
		return
	}
	if s.isInteractive() || s.terminal.given != 0 {
		s.terminal.give(s.group.leader)
	}
	s.group.signal(unix.SIGCONT)
	s.stopped = false
}

// drain empties a channel.
func drain(c <-chan os.Signal) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}
