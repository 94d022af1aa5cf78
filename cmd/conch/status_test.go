package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

var (
	someone  = &clientv1.Holder{Member: "a:1", Client: &clientv1.Client{Host: "web1", Pid: 42, User: "root", Command: "backup.sh"}, Fence: 1 << 60, HeldNs: 3e9, LeaseRemainingNs: 2e9}
	absentee = []*clientv1.Missing{{Member: "b:2", Reason: "connection\nrefused"}}
)

const absence = `conch: b:2 did not answer: "connection\nrefused"` + "\n"

func listOf(locks ...*clientv1.LockStatus) []*clientv1.ListLocksResponse {
	var messages []*clientv1.ListLocksResponse
	for _, lock := range locks {
		messages = append(messages, &clientv1.ListLocksResponse{Lock: lock})
	}
	return messages
}

func TestStatus(t *testing.T) {
	node := (&fakeNode{status: &clientv1.StatusResponse{
		AnsweredBy: "a:1", Members: []string{"a:1", "b:2"}, Quorum: 2, TtlNs: 2e9,
		Statuses: []*clientv1.MemberStatus{{Member: "a:1", Session: 7}}, Missing: absentee,
	}}).serve(t)
	code, stdout, stderr := conchRun(t, "status", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, "2 members, a quorum is 2; a session lives 2.0s. Answered by a:1.\n", absence)
	code, stdout, stderr = conchRun(t, "status", "--json", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, `{"answered_by":"a:1",`, absence)
	for _, request := range node.asked {
		if got := request.(*clientv1.StatusRequest).GetScope(); got != clientv1.Scope_SCOPE_CLUSTER {
			t.Errorf("asked for %v, want the whole cluster", got)
		}
	}
}

// TestWho: the exit code alone tells whether a lock is held.
func TestWho(t *testing.T) {
	for name, c := range map[string]struct {
		answer         []*clientv1.ListLocksResponse
		code           int
		stdout, stderr string
		json           string
	}{
		"held":    {listOf(&clientv1.LockStatus{Lock: "x y", Holder: someone}), 0, "\"x y\" is held.\n", "", `{"lock":"x y","held":true,`},
		"free":    {listOf(&clientv1.LockStatus{Lock: "x y"}), exitNotHeld, "Nobody holds \"x y\".\n", "", `{"lock":"x y","held":false,`},
		"unknown": {[]*clientv1.ListLocksResponse{{Missing: absentee}}, exitInsufficient, "It is not known whether anyone holds \"x y\"", absence, `{"lock":"x y","held":false,`},
		"held and missing": {
			[]*clientv1.ListLocksResponse{{Missing: absentee}, {Lock: &clientv1.LockStatus{Lock: "x y", Holder: someone}}},
			0, "\"x y\" is held.\n", absence, `{"lock":"x y","held":true,`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := (&fakeNode{locks: c.answer}).serve(t)
			code, stdout, stderr := conchRun(t, "who", "x y", "--node", node.socket)
			expect(t, code, stdout, stderr, c.code, c.stdout, c.stderr)
			code, stdout, stderr = conchRun(t, "who", "--json", "x y", "--node", node.socket)
			expect(t, code, stdout, stderr, c.code, c.json, c.stderr)
			var object struct{ Missing []struct{ Member string } }
			check(t, json.Unmarshal([]byte(stdout), &object))
			if got, want := len(object.Missing), strings.Count(c.stderr, "did not answer"); got != want {
				t.Errorf("%d missing members in %s, want %d", got, stdout, want)
			}
			request := node.asked[0].(*clientv1.ListLocksRequest)
			if request.GetLock() != "x y" || request.GetScope() != clientv1.Scope_SCOPE_CLUSTER {
				t.Errorf("asked for %v", request)
			}
		})
	}
}

func TestWhy(t *testing.T) {
	lock := &clientv1.LockStatus{Lock: "x", Holder: someone, Waiting: 1, Obstacles: []*clientv1.Obstacle{{Kind: clientv1.Obstacle_KIND_HELD}}}
	node := (&fakeNode{locks: []*clientv1.ListLocksResponse{{Lock: lock, Missing: absentee}}}).serve(t)
	code, stdout, stderr := conchRun(t, "why", "x", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, "1 waiting for x. What keeps them, most important first:\n\n- root on web1 (process 42), a client of a:1, has held it for 3.0s", absence)
	code, stdout, stderr = conchRun(t, "why", "x", "--node", node.socket, "--json")
	expect(t, code, stdout, stderr, 0, `{"lock":"x","held":true,`, absence)
}

func TestLs(t *testing.T) {
	locks := listOf(&clientv1.LockStatus{Lock: "a", Holder: someone}, &clientv1.LockStatus{Lock: "b"}, &clientv1.LockStatus{Lock: "c", Waiting: 2})
	locks[0].Missing = absentee
	node := (&fakeNode{locks: locks}).serve(t)
	code, stdout, stderr := conchRun(t, "ls", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, `HELD FOR  WAITING  NODE                   LOCK
    3.0s        0  a:1                    a
       -        2  -                      c
`, absence)
	code, stdout, stderr = conchRun(t, "ls", "--all", "--json", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, `{"lock":"a","held":true,`, absence)
	if got := strings.Count(stdout, `"missing":[{"member":"b:2"`); got != 3 {
		t.Errorf("%d lines name the missing member, want all 3:\n%s", got, stdout)
	}

	// No lock to list, and a member missing.
	node = (&fakeNode{locks: []*clientv1.ListLocksResponse{{Missing: absentee}}}).serve(t)
	code, stdout, stderr = conchRun(t, "ls", "--json", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, `{"lock":null,"missing":[{"member":"b:2",`, absence)

	// A member whose answer breaks off is named at the end.
	late := append(listOf(&clientv1.LockStatus{Lock: "a", Holder: someone}), &clientv1.ListLocksResponse{
		Missing: []*clientv1.Missing{absentee[0], {Member: "c:3"}},
	})
	late[0].Missing = absentee
	node = (&fakeNode{locks: late}).serve(t)
	code, stdout, stderr = conchRun(t, "ls", "--json", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, `{"lock":"a",`, absence+"conch: c:3 did not answer\n")
	if lines := strings.Split(stdout, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], `{"lock":null,"missing":[{"member":"b:2",`) {
		t.Errorf("the last line does not name the missing members:\n%s", stdout)
	}

	// A list that breaks off counts as a failure.
	node = (&fakeNode{locks: locks, err: status.Error(codes.Unavailable, "shutting down")}).serve(t)
	code, stdout, stderr = conchRun(t, "ls", "--node", node.socket)
	expect(t, code, stdout, stderr, exitUnreachable, "HELD FOR", "conch: the node at unix:"+node.socket+": shutting down\n")
}

// TestLsDoesNotCollect: ls prints many locks while the node's list has not ended yet.
func TestLsDoesNotCollect(t *testing.T) {
	const names = 20_000
	var locks []*clientv1.LockStatus
	for i := range names {
		locks = append(locks, &clientv1.LockStatus{Lock: fmt.Sprintf("lock-%06d", i), Waiting: 1})
	}
	node := (&fakeNode{locks: listOf(locks...), listed: make(chan struct{})}).serve(t)
	cmd, lines := startAsking(t, "ls", "--node", node.socket)
	for i := -1; i < names; i++ {
		line, err := lines.ReadString('\n')
		check(t, err)
		if i >= 0 && !strings.HasSuffix(line, " "+locks[i].GetLock()+"\n") {
			t.Fatalf("line %d: %q, want %s", i, line, locks[i].GetLock())
		}
	}
	close(node.listed)
	rest, err := io.ReadAll(lines)
	if check(t, err); len(rest) > 0 {
		t.Errorf("more than was told: %q", rest)
	}
	check(t, cmd.Wait())
}

// startAsking starts the program, whose output can be read line by line.
func startAsking(t *testing.T, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := conchCommand(t, args...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	return cmd, bufio.NewReader(stdout)
}

var passing = []*clientv1.WatchResponse{
	{Lock: &clientv1.LockStatus{Lock: "x"}},
	{},
	{Lock: &clientv1.LockStatus{Lock: "x", Holder: someone}, Missing: absentee},
	{Lock: &clientv1.LockStatus{Lock: "x"}},
}

func TestWatch(t *testing.T) {
	node := (&fakeNode{changes: passing}).serve(t)
	code, stdout, stderr := conchRun(t, "watch", "x", "--count", "2", "--json", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, `{"time":"`, "")
	if lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n"); len(lines) != 2 ||
		!strings.Contains(lines[0], `"changes":["first"],`) || !strings.Contains(lines[1], `"changes":["holder","missing"],`) {
		t.Errorf("got\n%s", stdout)
	}

	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, lines := startAsking(t, "watch", "x", "--node", node.socket)
		for _, want := range []string{"free; 0 waiting", "held by root@web1:42 at a:1 with fence 1152921504606846976 (backup.sh); b:2 did not answer", "no longer held"} {
			line, err := lines.ReadString('\n')
			check(t, err)
			if !strings.Contains(line, "  "+want) {
				t.Errorf("got %q, want %q", line, want)
			}
		}
		check(t, cmd.Process.Signal(signal))
		_, err := io.Copy(io.Discard, lines)
		check(t, err)
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %v: %v, want success", signal, err)
		}
	}
}

// TestWatchEnds: a watch that ends by itself is a failure.
func TestWatchEnds(t *testing.T) {
	for err, want := range map[error]string{
		status.Error(codes.Unavailable, "shutting down"): "shutting down",
		io.EOF: "it ended the watch",
	} {
		node := (&fakeNode{changes: passing, err: err}).serve(t)
		code, stdout, stderr := conchRun(t, "watch", "x", "--json", "--node", node.socket)
		expect(t, code, stdout, stderr, exitUnreachable, `{"time":`, "conch: the node at unix:"+node.socket+": "+want+"\n")
		if got := strings.Count(stdout, "\n"); got != 3 {
			t.Errorf("%d lines, want 3:\n%s", got, stdout)
		}
	}
}

func TestBreak(t *testing.T) {
	node := (&fakeNode{broken: &clientv1.BreakResponse{Holder: someone}}).serve(t)
	code, stdout, stderr := conchRun(t, "break", "x", "--fence", "1152921504606846976", "--reason", "it hangs", "--node", node.socket)
	expect(t, code, stdout, stderr, 0, "x is broken. Its holder has been told:\n\n  by       root on web1 (process 42)\n", "")
	code, stdout, stderr = conchRun(t, "break", "x", "--fence", "1152921504606846976", "--reason", "it hangs", "--node", node.socket, "--json")
	expect(t, code, stdout, stderr, 0, `{"lock":"x","holder":{"member":"a:1",`, "")
	host, err := os.Hostname()
	check(t, err)
	for _, asked := range node.asked {
		request := asked.(*clientv1.BreakRequest)
		if request.GetLock() != "x" || request.GetFence() != 1<<60 || request.GetReason() != "it hangs" || request.GetScope() != clientv1.Scope_SCOPE_CLUSTER {
			t.Errorf("asked to break %v", request)
		}
		if caller := request.GetCaller(); caller.GetHost() != host || caller.GetPid() == 0 || caller.GetUser() == "" || caller.GetCommand() != "conch break" {
			t.Errorf("the caller is %v", caller)
		}
	}
}
