package procs

import (
	"fmt"
	"os"
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

// Written is how many bytes the process has handed to the kernel to be written: to
// connections, and to whatever else it writes to.
func (p *Process) Written() (uint64, error) {
	path := fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid)
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("what %s has written: %w", p.name, err)
	}
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "wchar:"); ok {
			return strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		}
	}
	return 0, fmt.Errorf("what %s has written: %s has no wchar", p.name, path)
}

// ProcessorTime is how long some processes have run, all together.
func ProcessorTime(processes []*Process) (time.Duration, error) {
	var sum time.Duration
	for _, p := range processes {
		used, err := p.ProcessorTime()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// Written is how many bytes some processes have written, all together.
func Written(processes []*Process) (uint64, error) {
	var sum uint64
	for _, p := range processes {
		written, err := p.Written()
		if err != nil {
			return 0, err
		}
		sum += written
	}
	return sum, nil
}
