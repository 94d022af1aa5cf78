package processes

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// process is one run of a program.
type process struct {
	cmd    *exec.Cmd
	output *head
	gone   chan struct{} // closed when the process has ended
	err    error         // how it ended, as exec.Cmd.Wait tells it; set before gone is closed
}

// startProcess starts a program.
func startProcess(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), output: &head{}, gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = attributes()
	p.cmd.Env = slices.DeleteFunc(os.Environ(), isNodeVariable)
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that started the child
		// dies, and Go ends threads that it does not need. So this one stays until the
		// child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.cmd.Wait()
		close(p.gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// isNodeVariable tells the environment variables that give flags of conch node their
// values. Those that are set for a node of the user's are not for the nodes of a cluster,
// whose flags say everything.
func isNodeVariable(variable string) bool { return strings.HasPrefix(variable, "CONCH_") }

// isGone reports whether the process has ended.
func (p *process) isGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// signal sends a signal. To a process that has ended it does nothing.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to process %d: %w", s, p.cmd.Process.Pid, err)
	}
	return nil
}

// ending tells how a process that is gone ended, and what it wrote.
func (p *process) ending() string {
	text := p.cmd.ProcessState.String()
	if said := p.output.String(); said != "" {
		text += ", and said: " + said
	}
	return text
}

// maxHeadBytes bounds what is kept of a process's output: enough for the first
// lines of a panic or of the race detector's report, which matter most.
const maxHeadBytes = 16 << 10

// head keeps the beginning of what is written to it.
type head struct {
	mu   sync.Mutex
	text []byte
}

// Write takes all of data, and keeps what there is room for.
func (h *head) Write(data []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, data[:min(len(data), maxHeadBytes-len(h.text))]...)
	return len(data), nil
}

// String returns what was kept, without the last line's end.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimRight(string(h.text), "\n")
}
