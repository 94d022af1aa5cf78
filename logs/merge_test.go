package logs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestMergeIsCausal checks the merged order by its definition, with clocks that are far
// off: each line once, each node's lines in order, no receive before its send.
func TestMergeIsCausal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCluster(t)
		for _, m := range c.nodes {
			m.skew = drawSkew(t)
		}
		c.run(rapid.IntRange(20, 200).Draw(t, "steps"), faults{cuts: true, crashes: rapid.Bool().Draw(t, "crashes")})
		run := readAll(t, c.files()...)
		merged := run.Merge()
		written := 0
		for _, m := range c.nodes {
			written += len(m.lines)
		}
		if len(merged) != written {
			t.Fatalf("got %d lines, want %d", len(merged), written)
		}
		at := make(map[*Event]int)
		latest := make(map[string]int) // the line number reached in each file
		for i, e := range merged {
			if e.Line <= latest[e.File] {
				t.Fatalf("%s comes behind line %d", e.Position(), latest[e.File])
			}
			latest[e.File] = e.Line
			at[e] = i
			if e.Received() && e.Cause == nil {
				t.Fatalf("%s has no cause", e.Position())
			}
			if e.Cause != nil {
				if sent, ok := at[e.Cause]; !ok || sent >= i {
					t.Fatalf("%s comes before its sending at %s", e.Position(), e.Cause.Position())
				}
			}
		}
		checkClocks(t, run)
	})
}

// checkClocks compares the vector clocks with reachability.
func checkClocks(t *rapid.T, run *Run) {
	past := make(map[*Event]map[*Event]bool)
	run.WalkClocks(func(e *Event, clock Clock) {
		mine := map[*Event]bool{e: true}
		inherit := func(from *Event) {
			for earlier := range past[from] {
				mine[earlier] = true
			}
		}
		if e.Seq > 0 {
			inherit(e.Life.Events[e.Seq-1])
		} else if i := e.Life.Index; i > 0 && run.Lives[i-1].Node == e.Node {
			inherit(run.Lives[i-1].last())
		}
		if e.Cause != nil {
			inherit(e.Cause)
		}
		past[e] = mine
		for _, life := range run.Lives {
			for _, other := range life.Events {
				if clock.Includes(other) != mine[other] {
					t.Fatalf("%s happened before %s: got %v, want %v", other.Position(), e.Position(), clock.Includes(other), mine[other])
				}
			}
		}
	})
}

// TestMergeByTime: lines that causality does not order are ordered by time, then by node.
func TestMergeByTime(t *testing.T) {
	started := func(node, at string) string {
		return fmt.Sprintf(`{"level":"info","node":%q,"event":"node_started","members":["a:1","b:1"],"incarnation":"0123456789abcdef0123456789abcdef","version":"test","session":"1","time":%q,"message":"node started"}`+"\n", node, at)
	}
	stopped := func(node, at string) string {
		return fmt.Sprintf(`{"level":"info","node":%q,"event":"node_stopped","time":%q,"message":"node stopped"}`+"\n", node, at)
	}
	run := readAll(t,
		started("b:1", "2026-01-01T00:00:01Z")+stopped("b:1", "2026-01-01T00:00:04Z"),
		started("a:1", "2026-01-01T00:00:01Z")+stopped("a:1", "2026-01-01T00:00:02Z"))
	var got []string
	for _, e := range run.Merge() {
		got = append(got, e.Node+" "+e.Kind)
	}
	want := []string{"a:1 node_started", "b:1 node_started", "a:1 node_stopped", "b:1 node_stopped"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMergeCycle merges contradictory logs: two receipts, each moved before the sending
// that the other depends on.
func TestMergeCycle(t *testing.T) {
	c := newCluster(2, []string{"cs"}, seeded(3))
	c.run(600, faults{})
	for _, i := range []int{0, 1} {
		m, peer := c.nodes[i], c.nodes[1-i]
		received := lineOf(m.lines, 0, event(RequestReceived), `"peer":"`+peer.name)
		line := m.lines[received]
		m.lines = slices.Insert(slices.Delete(m.lines, received, received+1), 1, line)
	}
	run := readAll(t, c.files()...)
	merged := run.Merge()
	total := 0
	for _, life := range run.Lives {
		total += len(life.Events)
	}
	if len(merged) != total {
		t.Errorf("got %d lines, want all %d", len(merged), total)
	}
	report := Check(run)
	if report.Verdict() != Insufficient || !strings.Contains(reportText(report), "contradict each other") {
		t.Errorf("the cycle is not reported:\n%s", reportText(report))
	}
}

func TestCopiesAreCountedOnce(t *testing.T) {
	files := busyCluster(3, 3).files()
	whole := reportText(Check(readAll(t, files...)))
	half := files[1][:strings.Index(files[1], "\n")+1]
	for name, more := range map[string]string{"whole": files[1], "cut": half} {
		t.Run(name, func(t *testing.T) {
			report := Check(readAll(t, append(files, more)...))
			if report.Verdict() != Holds || len(report.Findings) != 1 || !strings.Contains(report.Findings[0].Text, "counted once") {
				t.Errorf("got\n%s\nwant the same as\n%s", reportText(report), whole)
			}
		})
	}
	t.Run("changed", func(t *testing.T) {
		report := Check(readAll(t, append(files, strings.Replace(files[1], `"fence":"2"`, `"fence":"3"`, 1))...))
		if report.Verdict() != Insufficient || !strings.Contains(reportText(report), "differs from") {
			t.Errorf("got\n%s", reportText(report))
		}
	})
}

// TestOneFileOfAllNodes: one file with all nodes' lines has the same verdict as a file for
// each.
func TestOneFileOfAllNodes(t *testing.T) {
	c := busyCluster(3, 3)
	var mixed bytes.Buffer
	for _, e := range readAll(t, c.files()...).Merge() {
		mixed.Write(e.Raw)
		mixed.WriteByte('\n')
	}
	apart, together := Check(readAll(t, c.files()...)), Check(readAll(t, mixed.String()))
	for i, want := range apart.Requirements {
		if got := together.Requirements[i]; got.Verdict != want.Verdict || i > 0 && got.Reason != want.Reason {
			t.Errorf("%s: got %s, %s; want %s, %s", want.Name, got.Verdict, got.Reason, want.Verdict, want.Reason)
		}
	}
}
