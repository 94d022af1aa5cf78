package procgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lastSignal is the highest number of a signal.
const lastSignal = 64

// attributes puts the command into a process group of its own, and has it killed when the
// thread that started it ends. (If that ended before the child could ask for it, the
// syscall package ends the child.)
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
}

// adoptOrphans makes this process the parent of its descendants whose parents end.
func adoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// The codes of siginfo_t for a child.
const (
	codeExited  = 1 // CLD_EXITED
	codeStopped = 5 // CLD_STOPPED
	codeTrapped = 4 // CLD_TRAPPED
)

// child is siginfo_t as waitid fills it.
type child struct {
	signo, errno, code int32
	_                  [unsafe.Sizeof(uintptr(0)) - 4]byte // on 64 bits the union is aligned
	pid                int32
	uid                uint32
	status             int32 // exit code, or the signal
	_                  [104]byte
}

// peek returns the state of a child, or of any with unix.P_ALL, and leaves it to be read
// again. The zero child means that there is nothing to report.
func peek(kind, pid, states int) (child, error) {
	for {
		var info child
		err := unix.Waitid(kind, pid, (*unix.Siginfo)(unsafe.Pointer(&info)), states|unix.WNOHANG|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return info, err
		}
	}
}

// state returns the state of the command's process, and the signal that stopped it.
func (g group) state() (state, syscall.Signal) {
	info, err := peek(unix.P_PID, g.leader, unix.WEXITED|unix.WSTOPPED)
	switch {
	case err != nil:
		return ended, 0 // nobody but this process can have waited for it
	case info.pid == 0 || info.code == codeTrapped:
		return running, 0
	case info.code == codeStopped:
		return stopped, syscall.Signal(info.status)
	}
	return ended, 0
}

// reapOrphans waits for the children that have ended, other than the command.
func (g group) reapOrphans() {
	for {
		info, err := peek(unix.P_ALL, 0, unix.WEXITED)
		pid := int(info.pid)
		if err != nil || pid == 0 || pid == g.leader || g.otherChildren[pid] && !isInit() {
			return // the others are seen to by rest
		}
		reap(pid)
		delete(g.otherChildren, pid) // the number may be given away anew
	}
}

// reap waits for a child if it has ended, and reports whether it had.
func reap(pid int) bool {
	reaped, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return err == nil && reaped == pid
}

// process is a line of /proc.
type process struct {
	pid, parent, group int
	state              byte
}

// processes lists all processes.
func processes() ([]process, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []process
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, err := readProcess(pid); err == nil { // else it has ended meanwhile
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// readProcess reads /proc/PID/stat: PID (NAME) STATE PARENT GROUP ..., where the name
// may hold anything.
func readProcess(pid int) (process, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return process{}, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 {
		return process{}, fmt.Errorf("%s: got %q, want PID (NAME) STATE PARENT GROUP", path, stat)
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return process{}, fmt.Errorf("%s: parent: %w", path, err)
	}
	leader, err := strconv.Atoi(string(fields[2]))
	if err != nil {
		return process{}, fmt.Errorf("%s: group: %w", path, err)
	}
	return process{pid: pid, parent: parent, group: leader, state: fields[0][0]}, nil
}

// children lists the children of this process.
func children() ([]process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	return slices.DeleteFunc(all, func(p process) bool { return p.parent != self }), nil
}

// otherChildren returns the children of this process before it starts the command. They
// need not be known where /proc cannot be read, since nothing is killed by its number then.
func otherChildren() map[int]bool {
	if _, err := peek(unix.P_ALL, 0, unix.WEXITED); errors.Is(err, unix.ECHILD) {
		return nil // as a rule; it is told much sooner than /proc is read
	}
	present, err := children()
	if err != nil {
		return nil
	}
	pids := make(map[int]bool)
	for _, p := range present {
		pids[p.pid] = true
	}
	return pids
}

// rest returns the children that the command left to this process, and waits for those that
// have ended. Every living descendant of the command is one of them, or below one. isAll is
// false if one has ended: its children may have fallen to this process after the list was
// read.
func (g group) rest() (rest []process, isAll bool, err error) {
	present, err := children()
	if err != nil {
		return nil, false, err
	}
	isAll = true
	for _, p := range present {
		switch {
		case p.pid == g.leader || g.otherChildren[p.pid]:
		case reap(p.pid):
			isAll = false
		default:
			rest = append(rest, p)
		}
	}
	return rest, isAll, nil
}

// remains reports whether anything may be left that the command started. Where /proc
// cannot be read it kills what may be left of the group. It is called when the command
// has ended.
func (g group) remains() bool {
	for {
		rest, isAll, err := g.rest()
		switch {
		case err != nil:
			g.signal(unix.SIGKILL)
			return false
		case isAll:
			return len(rest) > 0
		}
	}
}

// sweep sends a signal to the group and to the children of this process outside it. When
// those are killed, their children fall to this process, for the next sweep.
func (g group) sweep(number syscall.Signal) {
	g.signal(number)
	rest, _, err := g.rest()
	if err != nil {
		return // the group is what can be reached
	}
	for _, p := range rest {
		if p.group != g.leader {
			_ = unix.Kill(p.pid, number) // it is not waited for, so its number is its own
		}
	}
}

// hasStopped reports whether a process of the group is stopped, as far as is known.
func (g group) hasStopped() bool {
	const stoppedState = 'T'
	all, err := processes()
	return err == nil && slices.ContainsFunc(all, func(p process) bool { return p.group == g.leader && p.state == stoppedState })
}

// The actions of a signal, in the kernel's struct sigaction.
const (
	actionDefault = 0 // SIG_DFL
	actionIgnore  = 1 // SIG_IGN
)

// signalAction is the kernel's struct sigaction.
type signalAction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// ignoreTerminalInput makes this process ignore SIGTTIN, or be stopped by it again. The
// package os/signal can ignore a signal, but does not restore its default action.
func ignoreTerminalInput(ignore bool) {
	action := signalAction{handler: actionDefault}
	if ignore {
		action.handler = actionIgnore
	}
	// It does not fail for a signal that can be ignored.
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTTIN), uintptr(unsafe.Pointer(&action)), 0, unsafe.Sizeof(action.mask), 0, 0)
}
