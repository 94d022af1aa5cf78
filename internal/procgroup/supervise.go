package procgroup

import (
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

// Run runs the command under the lease, and returns when it and all that it left behind
// have ended. It does not release the lock. If the lock is lost before the start, the
// command is not started. The error is the system's about starting it; see [StartExitCode].
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
	// The error says only how the command ended, which State has.
	_ = s.cmd.Wait()
	return Result{State: s.cmd.ProcessState, Lost: lost, Asked: s.asked}, nil
}

// supervisor runs one command. All its methods run in one goroutine.
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
	asked    syscall.Signal // the latest of the ending ones that was passed on; 0: none was
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

// foreground brings an interactive command to the terminal's foreground, if this process is
// there. Other commands get it when they use the terminal: see suspend. The command may
// already have been stopped for reading from the background.
func (s *supervisor) foreground() {
	if s.isInteractive() && s.terminal.give(s.group.leader) {
		s.group.signal(unix.SIGCONT)
	}
}

// leaveTerminal brings this process back to the foreground, and continues what the terminal
// has stopped in its group meanwhile.
func (s *supervisor) leaveTerminal() {
	s.terminal.takeBack()
	if s.terminal.given != 0 && !s.isInteractive() {
		_ = unix.Kill(0, unix.SIGCONT) // one's own group can be sent it
	}
	s.terminal.close()
}

// watch returns when the command has ended.
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

// clear ends what the command left behind. The command is not waited for yet, so that its
// group's number stays its own.
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
	// glance is the longest time between two checks of the lease, since timers stand still
	// in a suspend, and a warning may come a second time.
	glance = 50 * time.Millisecond
	// shortestPause is the first time between two checks of what is left: processes that
	// are not children of this one end without a signal to it. The time doubles up to a
	// glance.
	shortestPause = time.Millisecond
)

// longerPause returns the time until the next check of what is left.
func (s *supervisor) longerPause() time.Duration {
	s.pause = min(max(2*s.pause, shortestPause), glance)
	return s.pause
}

// wait returns when there may be something to do, or after this time.
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

// notify tells the caller, once of each notice.
func (s *supervisor) notify(what Notice, why error) {
	if s.Notify != nil && !s.noticed[what] {
		s.Notify(what, why)
	}
	s.noticed[what] = true
}

// catch subscribes to the signals that are passed on, and to SIGCHLD and SIGCONT.
func (s *supervisor) catch() {
	signal.Notify(s.children, unix.SIGCHLD)
	signal.Notify(s.resumed, unix.SIGCONT)
	signal.Notify(s.Signals, forwarded()...)
}

// release restores the signals' default actions.
func (s *supervisor) release() {
	signal.Stop(s.children)
	signal.Stop(s.resumed)
	signal.Stop(s.Signals)
}
