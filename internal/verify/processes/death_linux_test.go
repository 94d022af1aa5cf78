package processes

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// processState returns the state letter of a process, "" if it no longer exists.
func processState(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name in parentheses may contain anything.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	return string(fields[0])
}

func TestFreezeAndThaw(t *testing.T) {
	ctx, c := prepare(t, 1)
	check(t, c.Start(ctx))
	node := c.Nodes()[0]
	check(t, node.Freeze())
	check(t, poll(ctx, func() (bool, error) { return processState(node.Pid()) == "T", nil }))
	check(t, node.Thaw())
	check(t, poll(ctx, func() (bool, error) { return processState(node.Pid()) != "T", nil }))
}

func TestNodesDieWithTheirParent(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	parent := exec.Command(os.Args[0], "parent", t.TempDir())
	out, err := parent.StdoutPipe()
	check(t, err)
	check(t, parent.Start())
	lines := bufio.NewReader(out)
	var nodes []int
	for range 3 {
		line, err := lines.ReadString('\n')
		check(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		check(t, err)
		nodes = append(nodes, pid)
	}
	check(t, parent.Process.Kill())
	_ = parent.Wait() // it was killed, and returns that
	for _, pid := range nodes {
		// The process that inherits the dead may be slow to wait for them.
		err := poll(ctx, func() (bool, error) { return slices.Contains([]string{"", "Z", "X"}, processState(pid)), nil })
		if err != nil {
			t.Errorf("process %d outlives its parent by %v, in state %s", pid, patience, processState(pid))
		}
	}
}
