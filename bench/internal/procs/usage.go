package procs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// processClock is the kernel's clock of a process: how long all its threads have run.
func processClock(pid int) int32 { return int32(^pid)<<3 | 2 }

// ProcessorTime is how long the process has run on any core, its kernel's work
// included.
func (p *Process) ProcessorTime() (time.Duration, error) {
	var used unix.Timespec
	if err := unix.ClockGettime(processClock(p.cmd.Process.Pid), &used); err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.name, err)
	}
	return time.Duration(used.Nano()), nil
}

// Switches is how often a thread of the process has given its core up, to wait for
// something. Those of threads that have ended are not counted.
func (p *Process) Switches() (uint64, error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("switches of %s: %w", p.name, err)
	}
	var sum uint64
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended since
		}
		switches, err := counted(data, "voluntary_ctxt_switches:")
		if err != nil {
			return 0, fmt.Errorf("switches of %s: %s: %w", p.name, path, err)
		}
		sum += switches
	}
	return sum, nil
}

// counted is a number in one of the kernel's files of the form "name: number".
func counted(data []byte, name string) (uint64, error) {
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}

// Resident is how many bytes of the machine's memory the process has.
func (p *Process) Resident() (uint64, error) {
	path := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	text, _, _ := strings.Cut(string(data[max(0, bytes.Index(data, []byte("VmRSS:"))):]), " kB")
	kilobytes, err := counted([]byte(text), "VmRSS:")
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %s: %w", p.name, path, err)
	}
	return 1024 * kilobytes, nil
}

// Written is how many bytes the process has handed to the kernel to be written: to
// connections, and to whatever else it writes to.
func (p *Process) Written() (uint64, error) {
	path := fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid)
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("what %s has written: %w", p.name, err)
	}
	written, err := counted(data, "wchar:")
	if err != nil {
		return 0, fmt.Errorf("what %s has written: %s: %w", p.name, path, err)
	}
	return written, nil
}

// Usage is what processes have used since their start.
type Usage struct {
	Processor time.Duration // ProcessorTime
	Written   uint64        // bytes
	Switches  uint64
}

// UsageOf is what some processes have used, all together.
func UsageOf(processes []*Process) (Usage, error) {
	var sum Usage
	for _, p := range processes {
		processor, err := p.ProcessorTime()
		if err != nil {
			return Usage{}, err
		}
		written, err := p.Written()
		if err != nil {
			return Usage{}, err
		}
		switches, err := p.Switches()
		if err != nil {
			return Usage{}, err
		}
		sum = Usage{sum.Processor + processor, sum.Written + written, sum.Switches + switches}
	}
	return sum, nil
}

// Since is what was used since an earlier reading.
func (u Usage) Since(earlier Usage) Usage {
	return Usage{u.Processor - earlier.Processor, u.Written - earlier.Written, u.Switches - earlier.Switches}
}
