package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWaitingNodeReportsToItsServiceManager: a node that waits for its members reports that
// it is ready, what it waits for, and signs of life, and stops in order.
func TestWaitingNodeReportsToItsServiceManager(t *testing.T) {
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
	addresses := freeAddresses(t, 2)
	cmd := said.conch(t.Context(), "node", "--listen", addresses[0], "--serf-listen", addresses[1],
		"--discover", "serf:"+addresses[1], "--expect", "3", "--data-dir", "none", "--socket", "none")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+manager.LocalAddr().String(), "WATCHDOG_USEC=300000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"READY=1", "STATUS=waiting for members: found 1 of 3 members: " + addresses[0] + " (this node); 2 more expected",
		"WATCHDOG=1", "WATCHDOG=1", "STOPPING=1",
	} {
		if want == "STOPPING=1" {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		hearManager(t, manager, want)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) || err != nil {
		t.Errorf("%v, want the node to end in order: %s", err, said.said.String())
	}
}

// hearManager reads messages until one has this prefix.
func hearManager(t *testing.T, manager *net.UnixConn, want string) {
	t.Helper()
	if err := manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for message := make([]byte, 4096); ; {
		n, err := manager.Read(message)
		if err != nil {
			t.Fatalf("no message %q: %v", want, err)
		}
		if strings.HasPrefix(string(message[:n]), want) {
			return
		}
	}
}

// TestPageIsHandedOver: the page's port stays open when the node stops waiting.
func TestPageIsHandedOver(t *testing.T) {
	flags := pageFlags{address: "127.0.0.1:0"}
	p, err := flags.listen(t.Context(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.wait(func() string { return "" })()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	taken, err := p.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = taken.Close()
}
