package containers_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestContainers: three nodes on a network of their own, jobs that use one lock at all of
// them, and what happens to nodes in a year.
func TestContainers(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT with -short: containers")
	}
	if missing := engine(t); missing != nil {
		t.Skipf("LEFT OUT: containers, which need %v", missing)
	}
	c := start(t)
	c.awaitSessions("node1", 3)
	t.Run("conch lock is process 1", func(t *testing.T) { lockIsProcessOne(t, c) })
	t.Run("what happens to nodes", func(t *testing.T) { nodesComeAndGo(t, c) })
	t.Run("members change", func(t *testing.T) { membersChange(t, c) })
}

// nodesComeAndGo: jobs go on, one at a time, while a node is killed, one is cut off, and
// all are restarted one after the other.
func nodesComeAndGo(t *testing.T, c *cluster) {
	jobs := []string{"a", "b", "c"}
	for i, name := range jobs {
		nodes := []string{"node1:7400", "node2:7400", "node3:7400"}
		nodes = append(nodes[i:], nodes[:i]...) // each has another node as its own
		c.run("job", name, "loop", "/witness/log", name, "100ms", strings.Join(nodes, ","))
	}
	w := witness{t, c, filepath.Join(c.folder, "log")}
	w.awaitEntries(3, jobs...)

	t.Log("one node is killed")
	c.output("docker", "kill", "--signal", "KILL", c.node("node2"))
	w.awaitEntries(3, jobs...)
	c.output("docker", "start", c.node("node2"))
	c.awaitSessions("node2", 3)
	w.awaitEntries(3, jobs...)

	t.Log("one node is disconnected, and connected again")
	c.output("docker", "network", "disconnect", c.network(), c.node("node3"))
	c.awaitSessions("node1", 2)
	w.awaitEntries(3, jobs...)
	c.output("docker", "network", "connect", "--alias", "node3", c.network(), c.node("node3"))
	c.awaitSessions("node3", 3)
	w.awaitEntries(3, jobs...)

	t.Log("one node after the other is restarted")
	before := len(w.lines())
	for _, name := range []string{"node1", "node2", "node3"} {
		c.output("docker", "stop", "--time", "60", c.node(name))
		w.awaitEntries(2, jobs...)
		c.output("docker", "start", c.node(name))
		c.awaitSessions(name, 3)
	}
	w.awaitEntries(3, jobs...)
	for _, l := range w.lines()[before:] {
		if l.what == "ended" {
			t.Errorf("the rolling restart ended job %s, which held the lock with fence %d", l.job, l.fence)
		}
	}

	for _, name := range jobs {
		c.output("docker", "stop", "--time", "60", c.project+name)
	}
	w.judge()
}

// witness is the file that all jobs append to.
type witness struct {
	t    *testing.T
	c    *cluster
	file string
}

// line is what one of them wrote.
type line struct {
	what, job string
	fence     uint64
}

func (w witness) lines() (lines []line) {
	w.t.Helper()
	file, err := os.Open(w.file)
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		words := strings.Fields(scanner.Text())
		if len(words) != 3 {
			w.t.Fatalf("the witness has the line %q, want three words", scanner.Text())
		}
		number, err := strconv.ParseUint(words[2], 10, 64)
		if err != nil {
			w.t.Fatalf("the witness has the line %q: %v", scanner.Text(), err)
		}
		lines = append(lines, line{words[0], words[1], number})
	}
	return lines
}

// awaitEntries waits until each job has entered this often again.
func (w witness) awaitEntries(more int, jobs ...string) {
	w.t.Helper()
	begin := len(w.lines())
	until(w.t, func() string {
		return fmt.Sprintf("each of %v enters %d times more; since then:\n%v\n%s", jobs, more, w.lines()[begin:], w.c.state())
	}, func() bool {
		entries := make(map[string]int)
		for _, l := range w.lines()[begin:] {
			if l.what == "enter" {
				entries[l.job]++
			}
		}
		return !slices.ContainsFunc(jobs, func(job string) bool { return entries[job] < more })
	})
}

// judge checks what the jobs wrote: no two are in at once, and each fence is higher than
// all before it.
func (w witness) judge() {
	w.t.Helper()
	var inside string
	var highest uint64
	entries, codes := 0, make(map[uint64]int)
	for i, l := range w.lines() {
		switch l.what {
		case "enter":
			if inside != "" {
				w.t.Errorf("line %d: job %s entered while %s was inside", i+1, l.job, inside)
			}
			if l.fence <= highest {
				w.t.Errorf("line %d: job %s entered with fence %d, after %d", i+1, l.job, l.fence, highest)
			}
			inside, highest = l.job, l.fence
			entries++
		case "leave", "ended":
			if inside != l.job || l.fence != highest {
				w.t.Errorf("line %d: job %s left with fence %d, and %s was inside with %d", i+1, l.job, l.fence, inside, highest)
			}
			inside = ""
		case "code":
			codes[l.fence]++
		default:
			w.t.Errorf("line %d: %+v", i+1, l)
		}
	}
	w.t.Logf("%d entries; exit codes of conch lock other than 0, and how often: %v", entries, codes)
}

// lockIsProcessOne: conch lock as process 1 of a container passes signals on, while the
// command runs and while it waits.
func lockIsProcessOne(t *testing.T, c *cluster) {
	lock := []string{"lock", "--node", "node1:7400", "deploy", "--", "/usr/bin/job", "once", "/witness/one"}
	w := witness{t, c, filepath.Join(c.folder, "one")}
	holder := c.run("conch", "holder", append(lock, "holder", "1h")...)
	w.awaitEntries(1, "holder")
	waiter := c.run("conch", "waiter", append(lock, "waiter", "1h")...)
	until(t, func() string { return "the second job waits" }, func() bool {
		return strings.Contains(c.output("docker", "exec", c.node("node1"), "/usr/bin/conch", "who", "--node", "unix:/run/conch/conch.sock", "--json", "deploy"), `"waiting":1`)
	})
	c.output("docker", "kill", "--signal", "TERM", waiter)
	if code := c.output("docker", "wait", waiter); code != "143" {
		t.Errorf("conch lock that waits and gets SIGTERM: exit code %s, want 143", code)
	}
	c.output("docker", "kill", "--signal", "TERM", holder)
	if code := c.output("docker", "wait", holder); code != "0" {
		t.Errorf("conch lock whose command ends in order on SIGTERM: exit code %s, want the command's, 0", code)
	}
	if lines := w.lines(); len(lines) != 2 || lines[1].what != "ended" {
		t.Errorf("the witness has %v, want enter and ended of holder", lines)
	}
}
