package procgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"conch/broadcast"
	"conch/token"
)

// Lease is a hold of a lock, as seen by who must be done when it ends.
type Lease interface {
	// Done returns a channel that is closed when the lock is lost.
	Done() <-chan struct{}
	// Warned returns a channel that is closed when the end is near or settled.
	Warned() <-chan struct{}
	// Warning says why the end is near or settled: it wraps [broadcast.ErrLapsing] if
	// it may yet come to nothing. It is nil if there is nothing to be said.
	Warning() error
	// Err is nil while the lock is held.
	Err() error
	// Deadline is when the lock is lost unless it is renewed, reckoned anew at each
	// call; zero if it cannot lapse.
	Deadline() time.Time
}

// OnLost says what becomes of the command when the lock is lost.
type OnLost int

const (
	// Kill: it is dead before somebody else gets the lock.
	Kill OnLost = iota
	// Warn: it goes on, and Config.Notify is told.
	Warn
	// Ignore: it goes on, and nobody is told before it has ended.
	Ignore
)

// Notice is something that happens while the command runs.
type Notice int

const (
	// Lapsing: the lock will be lost unless it is renewed. With [Warn] only.
	Lapsing Notice = iota
	// Lost: the lock is lost and the command goes on. With [Warn] only.
	Lost
	// Ending: the command was sent SIGTERM, since the lock is about to be lost.
	Ending
	// Killed: the command was sent SIGKILL, since the lock is lost or nearly so.
	Killed
	// Stopped: the command is stopped; the reason is a [StopError], which says whether
	// the lock is held meanwhile. It is told again each time that the terminal stops the
	// command.
	Stopped
	// Leftover: the command has ended and left processes behind, which were sent
	// SIGTERM.
	Leftover
)

// Config says what to run, and under what.
type Config struct {
	// Lease is the hold under which the command runs.
	Lease Lease
	// Path is the command's file (see [Find]), and Args its arguments, its name first.
	Path string
	Args []string
	// Env is added to this process's environment: NAME=VALUE each.
	Env []string
	// Stdin, Stdout and Stderr are the command's.
	Stdin, Stdout, Stderr *os.File

	// OnLost says what becomes of the command when the lock is lost.
	OnLost OnLost
	// Grace is how long ahead of the lease's end the command is sent SIGTERM, and how
	// long what it left behind may take to end. Margin is how long ahead of the
	// lease's end it is sent SIGKILL: as long as it may take this process to be
	// scheduled and the command to die.
	Grace, Margin time.Duration

	// Signals, if not nil, are signals that the caller has asked for already. What is
	// in it is passed on to the command. Its capacity must be at least one.
	Signals chan os.Signal
	// Notify, if not nil, is told what happens, with the reason where there is one. It
	// must not take long.
	Notify func(Notice, error)
}

// Result is how it ended.
type Result struct {
	// State is how the command ended; nil if it was not started.
	State *os.ProcessState
	// Lost says why the lock was lost, or was so close to it that the command was told
	// to end; nil if the lock was held all the time and still is.
	Lost error
}

// signalBase is added to a signal's number to make an exit code, as shells do.
const signalBase = 128

// ExitCode is the command's exit code, or 128 and the number of the signal that ended
// it; 0 if it was not started.
func (r Result) ExitCode() int {
	if r.State == nil {
		return 0
	}
	if number := r.Signal(); number != 0 {
		return signalBase + int(number)
	}
	return r.State.ExitCode()
}

// Signal is the signal that ended the command; 0 if it ended otherwise or was not started.
func (r Result) Signal() syscall.Signal {
	if r.State == nil {
		return 0
	}
	return endingSignal(r.State)
}

// Run runs the command under the lease, and returns when it and what it left behind
// have ended. It does not release the lock. If the lock is lost before the command is
// started, it is not started. The error is what the system says of starting it; see
// [StartExitCode].
func Run(cfg Config) (Result, error) {
	// Linux sends the parent-death signal when the thread that started the child ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := &supervisor{
		Config:   cfg,
		children: make(chan os.Signal, 1),
		resumed:  make(chan os.Signal, 1),
	}
	if s.Signals == nil {
		s.Signals = make(chan os.Signal, signalBacklog)
	}
	if lost := s.awaitSafety(); lost != nil {
		return Result{Lost: lost}, nil
	}
	s.catch()
	defer s.release()
	if err := s.start(); err != nil {
		return Result{}, err
	}
	s.watch()
	s.clear()
	s.leaveTerminal()
	lost := s.lost
	if err := s.Lease.Err(); err != nil {
		lost = err
	}
	// It says only how the command ended, and that is in State.
	_ = s.cmd.Wait()
	return Result{State: s.cmd.ProcessState, Lost: lost}, nil
}

// supervisor is one run of a command. All its methods run in one goroutine.
type supervisor struct {
	Config
	cmd      *exec.Cmd
	group    group
	terminal terminal
	children chan os.Signal // SIGCHLD
	resumed  chan os.Signal // SIGCONT

	lost    error         // why the command was told to end
	told    token.Time    // when it was sent SIGTERM for that; 0: it was not
	killing bool          // SIGKILL was sent, and is sent again until nothing is left
	pause   time.Duration // between two looks at what is left; it grows
	stopped bool          // the command is stopped, and that has been dealt with
	late    token.Time    // until then a process that has stopped late is looked for; 0: it is not
	// lateSeen is when such a process was found; 0: none was.
	lateSeen token.Time
	spent    <-chan struct{} // the warning that was taken notice of
	noticed  [Leftover + 1]bool
}

// start starts the command.
func (s *supervisor) start() error {
	s.cmd = &exec.Cmd{
		Path: s.Path, Args: s.Args, Env: append(os.Environ(), s.Env...),
		Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr,
		SysProcAttr: attributes(),
	}
	if err := adoptOrphans(); err != nil {
		return fmt.Errorf("become the one that orphans fall to: %w", err)
	}
	present := otherChildren()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.group = group{leader: s.cmd.Process.Pid, otherChildren: present}
	s.terminal = openTerminal(s.Stdin, s.Stdout, s.Stderr)
	s.foreground()
	return nil
}

// isInteractive reports whether standard input and output are the terminal. If one of
// the two is something else, the rest of a pipeline may use the terminal.
func (s *supervisor) isInteractive() bool { return isTerminal(s.Stdin) && isTerminal(s.Stdout) }

// foreground brings an interactive command to the terminal's foreground, if this process
// is there; another one gets it when it asks for it: see suspend. The command may have
// been stopped for reading from the background.
func (s *supervisor) foreground() {
	if s.isInteractive() && s.terminal.give(s.group.leader) {
		s.group.signal(unix.SIGCONT)
	}
}

// leaveTerminal brings this process to the foreground again, and continues what has
// stopped in its group meanwhile for want of the terminal.
func (s *supervisor) leaveTerminal() {
	s.terminal.takeBack()
	if s.terminal.given != 0 && !s.isInteractive() {
		_ = unix.Kill(0, unix.SIGCONT) // one's own group can be sent it
	}
	s.terminal.close()
}

// watch lasts until the command has ended.
func (s *supervisor) watch() {
	for {
		switch state, by := s.group.state(); {
		case state == ended:
			return
		case state == stopped && !s.stopped:
			s.stopped = true
			s.suspend(by)
		case state == running:
			s.stopped = false
			s.continueLate()
		}
		s.group.reapOrphans()
		s.wait(s.obey())
	}
}

// clear ends what the command left behind. The command has ended and is not waited for
// yet, so that its group's number stays its own.
func (s *supervisor) clear() {
	var since token.Time // when what is left was sent SIGTERM; 0: it was not
	for s.group.remains() {
		switch {
		case s.killing: // obey sends SIGKILL
		case since == 0:
			since = broadcast.Clock()
			s.notify(Leftover, nil)
			s.group.sweep(unix.SIGTERM)
			s.group.signal(unix.SIGCONT)
		case broadcast.Clock()-since >= token.Time(s.Grace):
			s.killing, s.pause = true, 0
		}
		s.wait(min(s.obey(), s.longerPause()))
	}
}

const (
	// glance is how long the lease goes without being looked at: also after a suspend,
	// in which timers stand still, and when a warning comes a second time.
	glance = 50 * time.Millisecond
	// shortestPause is how soon what is left is looked at again: processes that are not
	// children of this one end without a signal to it. Pauses double up to a glance.
	shortestPause = time.Millisecond
)

// longerPause returns how long to wait until the next look at what is left.
func (s *supervisor) longerPause() time.Duration {
	s.pause = min(max(2*s.pause, shortestPause), glance)
	return s.pause
}

// wait waits until there may be something to do, at most for so long.
func (s *supervisor) wait(atMost time.Duration) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	done, warned := s.Lease.Done(), s.Lease.Warned()
	if s.Lease.Err() != nil {
		done = nil // known
	}
	if warned == s.spent {
		warned = nil
	}
	select {
	case got := <-s.Signals:
		s.forward(got)
	case <-s.resumed:
		s.resume()
	case <-s.children:
	case <-done:
	case <-warned:
		s.spent = warned // a closed channel tells nothing new
	case <-timer.C:
	}
}

// obey does what the lease asks for, and returns how long it may go without being
// looked at.
func (s *supervisor) obey() time.Duration {
	if s.killing {
		s.group.sweep(unix.SIGKILL)
		return s.longerPause()
	}
	want, next, why := s.demand()
	switch {
	case s.OnLost == Ignore || want == nothing:
		return next
	case s.OnLost == Warn:
		notice := Lapsing
		if want == kill && s.Lease.Err() != nil {
			notice = Lost
		}
		s.notify(notice, why)
		return next
	case want == kill:
		s.killing, s.lost, s.pause = true, why, 0
		s.group.sweep(unix.SIGKILL)
		s.notify(Killed, why)
		return s.longerPause()
	}
	if s.told == 0 {
		s.told, s.lost = broadcast.Clock(), why
		s.group.signal(unix.SIGTERM)
		s.group.signal(unix.SIGCONT) // a stopped process notices nothing else
		s.notify(Ending, why)
	}
	return next
}

// notify tells the caller, of each thing once.
func (s *supervisor) notify(what Notice, why error) {
	if s.Notify != nil && !s.noticed[what] {
		s.Notify(what, why)
	}
	s.noticed[what] = true
}

// awaitSafety waits until the lease leaves the command some time, and returns nil; or
// why it never will.
func (s *supervisor) awaitSafety() error {
	for {
		want, _, why := s.demand()
		if err := s.Lease.Err(); err != nil {
			return err
		}
		switch {
		case want == nothing || s.OnLost != Kill:
			return nil
		case !errors.Is(why, broadcast.ErrLapsing):
			return why
		}
		s.waitLease()
	}
}

// waitLease waits for a while, or until the lock is lost.
func (s *supervisor) waitLease() {
	timer := time.NewTimer(shortestPause)
	defer timer.Stop()
	select {
	case <-s.Lease.Done():
	case <-timer.C:
	}
}

// catch asks for the signals that are passed on, and for news of children.
func (s *supervisor) catch() {
	signal.Notify(s.children, unix.SIGCHLD)
	signal.Notify(s.resumed, unix.SIGCONT)
	signal.Notify(s.Signals, forwarded()...)
}

// release lets signals do what they do by default.
func (s *supervisor) release() {
	signal.Stop(s.children)
	signal.Stop(s.resumed)
	signal.Stop(s.Signals)
}
