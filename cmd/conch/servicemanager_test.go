package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// TestNodeReportsToItsServiceManager: one of three members alone reports that it is ready,
// that it has no quorum, signs of life, and when it stops.
func TestNodeReportsToItsServiceManager(t *testing.T) {
	dir, err := os.MkdirTemp("", "conch") //nolint:usetesting // t.TempDir's path is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	said := &overheard{t: t, dir: dir}
	members := freeAddresses(t, 3)
	cmd := said.conch(t.Context(), "node", "--listen", members[0],
		"--peers", members[1]+","+members[2], "--data-dir", "none", "--socket", "none")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+manager.LocalAddr().String(), "WATCHDOG_USEC=300000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := func(want string) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 4096)
		for {
			n, err := manager.Read(message)
			if err != nil {
				t.Fatalf("no message %q: %v\n%s", want, err, said.said.String())
			}
			if strings.HasPrefix(string(message[:n]), want) {
				return
			}
		}
	}
	heard("READY=1")
	heard("STATUS=no session, so no lock can be held here; connected to 1 of 3 members, quorum 2")
	heard("WATCHDOG=1")
	heard("WATCHDOG=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	heard("STOPPING=1")
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
}

// TestWatchdogHearsNothingOfAnOwnerThatStandsStill: a sign of life comes only from an owner
// that takes inputs.
func TestWatchdogHearsNothingOfAnOwnerThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards the variables below
		var stuck bool
		var messages []string
		took := func() []string {
			mu.Lock()
			defer mu.Unlock()
			all := messages
			messages = nil
			return all
		}
		stick := func(is bool) {
			mu.Lock()
			defer mu.Unlock()
			stuck = is
		}
		response := &clientv1.StatusResponse{
			Members: []string{"a:1", "b:1", "c:1"}, Quorum: 2,
			Statuses: []*clientv1.MemberStatus{{Session: 4, Peers: []*clientv1.PeerStatus{{Sends: true, Receives: true}, {Sends: true}}}},
		}
		m := &serviceManager{
			notify: func(message string) error {
				mu.Lock()
				defer mu.Unlock()
				messages = append(messages, message)
				return nil
			},
			status: func(ctx context.Context) (*clientv1.StatusResponse, error) {
				mu.Lock()
				waits := stuck
				mu.Unlock()
				if waits {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return response, nil
			},
			watchdog: 3 * time.Second,
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopping, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			m.run(ctx, stopping)
		}()
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		want := []string{"STATUS=in session; connected to 2 of 3 members, quorum 2", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"}
		if got := took(); !slices.Equal(got, want) {
			t.Errorf("an owner that works: got %q, want %q", got, want)
		}
		stick(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := took(); len(got) > 0 {
			t.Errorf("an owner that stands still: got %q, want nothing", got)
		}
		stick(false)
		close(stopping)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := took(); !slices.Contains(got, "STOPPING=1") || !slices.Contains(got, "WATCHDOG=1") {
			t.Errorf("a node that stops: got %q, want STOPPING=1 and WATCHDOG=1", got)
		}
		cancel()
		<-done
	})
}

func TestStatusLineHasBothQuorums(t *testing.T) {
	own := &clientv1.MemberStatus{Session: 4, Peers: []*clientv1.PeerStatus{{Sends: true, Receives: true}}}
	r := &clientv1.StatusResponse{Members: []string{"a:1", "b:1"}, Quorum: 2, Statuses: []*clientv1.MemberStatus{own}}
	if got, want := statusLine(r), "in session; connected to 2 of 2 members, quorum 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Membership = &clientv1.ShowMembersResponse{Version: 1, Members: []*clientv1.ListedMember{
		{Standing: clientv1.Standing_STANDING_MEMBER}, {Standing: clientv1.Standing_STANDING_JOINING},
	}}
	want := "in session; connected to 2 of 2 members, quorum 1 of the 1 member before the change and 2 of the 2 after it"
	if got := statusLine(r); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
