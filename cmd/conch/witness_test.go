package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"conch/broadcast"
	"conch/token"
)

// witnessPause is the time between two lines of a witness.
const witnessPause = 2 * time.Millisecond

// witness is a command to run under a lock. It appends "FENCE PID" to a file again and
// again, and ignores SIGTERM.
//
//	witness FILE brief           a few lines
//	witness FILE stubborn        for ever, and another process with it
//	witness FILE alone           for ever
//	witness FILE orphan DURATION for ever, and for so long after its parent has ended
//	witness FILE turn JOB DEATH  a line when it begins a turn, and one when it ends
func witness() {
	file, err := os.OpenFile(os.Args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(err)
	if os.Args[2] == "turn" {
		must(runTurn(file, os.Args[3], os.Getenv(tickVariable), os.Args[4]))
		return
	}
	signal.Ignore(unix.SIGTERM)
	lines := -1
	isOver := func() bool { return false }
	switch os.Args[2] {
	case "brief":
		lines = 10
	case "stubborn":
		must(exec.Command(os.Args[0], os.Args[1], "alone").Start())
	case "orphan":
		after, err := time.ParseDuration(os.Args[3])
		must(err)
		isOver = outlive(after)
	}
	ticker := time.NewTicker(witnessPause)
	for ; lines != 0 && !isOver(); lines-- {
		_, err := fmt.Fprintf(file, "%s %d\n", os.Getenv(fenceVariable), os.Getpid())
		must(err)
		<-ticker.C
	}
}

// must ends a witness that cannot be one.
func must(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "witness: %v\n", err)
		os.Exit(99)
	}
}

// testimony is what witnesses wrote to a file.
type testimony struct {
	lines    int
	fences   []uint64 // in the order of their first lines
	overlaps int      // lines of a fence after one that is higher
}

// readTestimony reads what witnesses have written so far.
func readTestimony(t *testing.T, file string) testimony {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		return testimony{}
	}
	var all testimony
	var highest uint64
	for lines := bufio.NewScanner(bytes.NewReader(data[:bytes.LastIndexByte(data, '\n')+1])); lines.Scan(); {
		fence, err := strconv.ParseUint(strings.Fields(lines.Text())[0], 10, 64)
		check(t, err)
		all.lines++
		switch {
		case fence > highest:
			highest = fence
			all.fences = append(all.fences, fence)
		case fence < highest:
			all.overlaps++
		}
	}
	return all
}

// outlive makes a process outlive its parent, and returns whether that has ended so long
// ago.
func outlive(after time.Duration) func() bool {
	leaveDeathToOthers()
	parent := os.Getppid()
	var since token.Time
	return func() bool {
		if since == 0 && os.Getppid() != parent {
			since = broadcast.Clock()
		}
		return since != 0 && broadcast.Clock()-since > token.Time(after)
	}
}
