package procgroup

import (
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalBacklog bounds the signals that wait to be passed on.
const signalBacklog = 64

// kept are the signals that are not passed on.
var kept = map[syscall.Signal]bool{
	unix.SIGKILL: true, // cannot be caught
	unix.SIGSTOP: true,
	unix.SIGCHLD: true, // about this process's own doings
	unix.SIGURG:  true, // Go's own: it interrupts goroutines with it
	unix.SIGCONT: true, // see resume
	unix.SIGTTIN: true, // about this process and its terminal
	unix.SIGTTOU: true,
}

// forwarded are the signals that are passed on to the command. SIGHUP is not if this
// process ignores it, as under nohup; then the command ignores it too. SIGINT always is: a
// shell's & has it ignored, and whoever sends it to this process means it. SIGPIPE is
// caught, so that it does not end this process, but it is not passed on, since this
// process's own writes cause it.
func forwarded() []os.Signal {
	var signals []os.Signal
	for number := syscall.Signal(1); number <= lastSignal; number++ {
		if !kept[number] && (number != unix.SIGHUP || !signal.Ignored(number)) {
			signals = append(signals, number)
		}
	}
	return signals
}

// ending are the signals by which people, terminals and service managers end a process.
var ending = []syscall.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM}

// forward passes a signal on to the command's group. A signal that ends processes is
// followed by SIGCONT: a stopped process would not react, and would hold the lock for ever.
func (s *supervisor) forward(got os.Signal) {
	number, ok := got.(syscall.Signal)
	if !ok || number == unix.SIGPIPE {
		return
	}
	s.group.signal(number)
	if slices.Contains(ending, number) {
		s.asked = number
		s.group.signal(unix.SIGCONT)
	}
}

// endingSignal is the signal that ended a process; 0 if it ended otherwise.
func endingSignal(state *os.ProcessState) syscall.Signal {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok {
		return 0
	}
	return max(status.Signal(), 0) // it is -1 for none
}
