package processes

import "syscall"

// Process is one run of any program. It has a process group of its own, and on Linux it is
// killed when this process ends.
type Process struct{ process *process }

// Launch starts a program.
func Launch(name string, args ...string) (*Process, error) {
	p, err := startProcess(name, args...)
	if err != nil {
		return nil, err
	}
	return &Process{p}, nil
}

// Signal sends a signal. It does nothing if the process has ended.
func (p *Process) Signal(s syscall.Signal) error { return p.process.signal(s) }

// Gone returns a channel that is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.process.gone }

// Err is how a process that is gone ended: nil for exit status 0.
func (p *Process) Err() error { return p.process.err }

// Ending says how an ended process ended, with the beginning of its output.
func (p *Process) Ending() string { return p.process.ending() }
