package procs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// endPatience is how long a process may take to end after SIGTERM.
const endPatience = 5 * time.Second

// Process is one process. Its methods may be called from any goroutine.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdout *output
	stderr *output
	gone   chan struct{} // closed when it has ended
	err    error         // how; set before gone is closed
}

// Start starts a program. The name is for errors.
func Start(name, program string, args ...string) (*Process, error) {
	return StartOn(AllCores, name, program, args...)
}

// AllCores is as many cores as this process may use.
const AllCores = 0

// StartOn starts a program that may use so many cores of those that this process may
// use, the same ones each time.
func StartOn(cores int, name, program string, args ...string) (*Process, error) {
	p := &Process{
		name:   name,
		cmd:    exec.Command(program, args...),
		stdout: &output{},
		stderr: &output{},
		gone:   make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	// A group of its own, so that Ctrl-C reaches the one that started it alone.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread ends that started the process; and a
		// process may use the cores that this thread may. So the thread is this
		// goroutine's alone, and ends with it.
		runtime.LockOSThread()
		err := bind(cores)
		if err == nil {
			err = p.cmd.Start()
		}
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.gone)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// bind lets this thread, and what it starts, use some of its cores only.
func bind(cores int) error {
	if cores == AllCores {
		return nil
	}
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("cores: %w", err)
	}
	if n := all.Count(); cores < 1 || cores > n {
		return fmt.Errorf("cores: got %d, want 1 to %d", cores, n)
	}
	for core := 0; some.Count() < cores; core++ {
		if all.IsSet(core) {
			some.Set(core)
		}
	}
	return unix.SchedSetaffinity(0, &some)
}

// Ended returns an error if the process has ended, with what it said.
func (p *Process) Ended() error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s (process %d) has ended: %s", p.name, p.cmd.Process.Pid, p.ending())
	default:
		return nil
	}
}

// ending tells how a process that is gone ended.
func (p *Process) ending() string {
	text := p.cmd.ProcessState.String()
	for _, said := range []*output{p.stderr, p.stdout} {
		if s := said.tail(); s != "" {
			text += ", and said: " + s
		}
	}
	return text
}

// Wait waits until the process has ended by itself, and returns what it wrote to its
// standard output.
func (p *Process) Wait(ctx context.Context) ([]byte, error) {
	select {
	case <-p.gone:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the end of %s: %w", p.name, context.Cause(ctx))
	}
	if p.err != nil {
		return nil, fmt.Errorf("%s: %s", p.name, p.ending())
	}
	return p.stdout.all(), nil
}

// Kill ends the process at once, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.gone
	return nil
}

// Stop asks the process to end, and kills it if it does not.
func (p *Process) Stop() error {
	if err := errors.Join(p.signal(syscall.SIGTERM), p.signal(syscall.SIGCONT)); err != nil {
		return err
	}
	select {
	case <-p.gone:
		return nil
	case <-time.After(endPatience):
		return p.Kill()
	}
}

// Freeze stops the process in its tracks.
func (p *Process) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

// signal sends a signal. To a process that has ended it does nothing.
func (p *Process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to %s (process %d): %w", s, p.name, p.cmd.Process.Pid, err)
	}
	return nil
}

// keptBytes is how much is kept at least of a process's output, the most recent of
// it, and half of the most that is kept.
const keptBytes = 256 << 10

// output keeps what is written to it.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Write takes all of data, and forgets the oldest if there is too much.
func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, data...)
	if len(o.text) > 2*keptBytes {
		o.text = append(o.text[:0], o.text[len(o.text)-keptBytes:]...)
	}
	return len(data), nil
}

func (o *output) all() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.text)
}

// tail is the last of it, for an error.
func (o *output) tail() string {
	text := strings.TrimSpace(string(o.all()))
	const most = 2000
	if len(text) > most {
		text = "... " + text[len(text)-most:]
	}
	return text
}
