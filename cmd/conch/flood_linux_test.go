package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"conch"
	"conch/internal/verify/processes"
)

// begun is the beginning of HTTP/2, with an empty SETTINGS frame, of a connection that
// sends nothing more.
const begun = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// flood is many connections of unauthenticated peers, from several hosts, to one node.
type flood struct {
	t     testing.TB
	to    string
	words string // what each sends; nothing follows
	conns []net.Conn
}

// floodHosts is how many hosts the flood comes from. All are addresses of this machine.
const floodHosts = 20

// open opens so many more connections. The node may close them at any time.
func (c *flood) open(many int) {
	c.t.Helper()
	for range many {
		from := net.IPv4(127, 0, 1, byte(1+len(c.conns)%floodHosts))
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}
		conn, err := dialer.DialContext(c.t.Context(), "tcp", c.to)
		if err != nil {
			c.t.Fatalf("connection %d: %v", len(c.conns), err)
		}
		_, _ = conn.Write([]byte(c.words)) // perhaps it is already closed
		c.conns = append(c.conns, conn)
	}
}

// reconnect replaces each connection by a new one, over and over, until ctx ends.
func (c *flood) reconnect(ctx context.Context, running *sync.WaitGroup) {
	running.Go(func() {
		for i := 0; ctx.Err() == nil; i = (i + 1) % len(c.conns) {
			_ = c.conns[i].Close()
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%floodHosts))}}
			conn, err := dialer.DialContext(ctx, "tcp", c.to)
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(c.words))
			c.conns[i] = conn
		}
	})
}

// close closes all.
func (c *flood) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// mayOpen reports whether this process may have so many files open.
func mayOpen(t testing.TB, files int) bool {
	t.Helper()
	var limit syscall.Rlimit // Go has raised it to the maximum
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	return limit.Cur >= uint64(files)
}

// openFiles returns the names of a process's open files.
func openFiles(t *testing.T, pid int) []string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	check(t, err)
	files := make([]string, len(entries))
	for i, entry := range entries {
		files[i], _ = os.Readlink(filepath.Join(dir, entry.Name())) // it may be closed by now
	}
	return files
}

// floodFiles counts a process's sockets that are connected to the flood's hosts.
func floodFiles(t *testing.T, files []string) int {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	check(t, err)
	flooding := make(map[string]bool)
	for line := range strings.Lines(string(table)) {
		// 127.0.1.N is written NN01007F; the tenth column is the inode.
		columns := strings.Fields(line)
		if len(columns) > 9 && strings.HasPrefix(columns[2][2:], "01007F:") {
			flooding["socket:["+columns[9]+"]"] = true
		}
	}
	count := 0
	for _, file := range files {
		if flooding[file] {
			count++
		}
	}
	return count
}

// peakMegabytes returns the most memory that a process has had.
func peakMegabytes(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(t, err)
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmHWM in %s", status)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	check(t, err)
	return kilobytes >> 10
}

// withFewFiles returns a conch program with this limit on open files.
func withFewFiles(t *testing.T, files int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "conch")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", files, program(t))
	check(t, os.WriteFile(path, []byte(script), 0o700)) //nolint:gosec // it is to be run
	return path
}

// TestUnauthenticatedFloods opens ten thousand connections to a node that never ask
// anything, while three nodes pass a lock around and a client locks and unlocks. All of
// them are granted the lock as before, and a member that is killed and restarted gets
// through. The node spends little on the flood, and nothing after it; also if it may open
// fewer files than there are connections.
func TestUnauthenticatedFloods(t *testing.T) {
	for _, test := range []struct {
		name, words string
		files       int // that a node may open; 0 is as many as this process
		allowed     int // that it may let in, and a few
		megabytes   int // that it may need, at most
	}{
		{"that say nothing", "", 0, 540, 160},
		{"that begin and go no further", begun, 0, 540, 160},
		{"where few files may be open", begun, 300, 40, 160},
	} {
		t.Run(test.name, func(t *testing.T) { testFlood(t, test.words, test.files, test.allowed, test.megabytes) })
	}
}

// dialUnderFlood connects to a node. If there is room for few connections, those of the
// members and the client, which share a host, may be closed to make room. The client then
// tries again.
func dialUnderFlood(ctx context.Context, t *testing.T, address string) *conch.Client {
	t.Helper()
	for {
		client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
		if err == nil {
			return client
		}
		if !errors.Is(err, conch.ErrUnreachable) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func testFlood(t *testing.T, words string, files, allowed, megabytes int) {
	many := 10_000
	if !mayOpen(t, many+1000) {
		many = 500
		t.Logf("LEFT OUT: all but %d of 10,000 connections, since this process may not open so many files (ulimit -n)", many)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cfg := processes.Config{
		Program: program(t), Nodes: 3, Dir: t.TempDir(),
		Flags: []string{"--auto-think", "5ms", "--auto-hold", "0s"},
	}
	if files > 0 {
		cfg.Program = withFewFiles(t, files)
	}
	c, err := processes.New(cfg)
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	check(t, c.Start(ctx))
	target := c.Nodes()[0]
	turns := func(each int) { // waits for so many more turns of each node
		t.Helper()
		had, served := map[string]int{}, 0
		check(t, c.Follow(ctx, func(line processes.Line) bool {
			if line.What == "leave" {
				if had[line.Node]++; had[line.Node] == each {
					served++
				}
			}
			return served == len(c.Nodes())
		}))
	}
	turns(3)
	calm := openFiles(t, target.Pid())

	flood := &flood{t: t, to: target.Address(), words: words}
	defer flood.close()
	flood.open(many)
	turns(10)
	client := dialUnderFlood(ctx, t, target.Address())
	for range 10 {
		granted(ctx, t, client)
	}
	flooded := openFiles(t, target.Pid())
	if taken := len(flooded) - len(calm); taken > allowed {
		t.Errorf("the flood takes %d files; want %d at most", taken, allowed)
	}
	if floodFiles(t, flooded) == 0 {
		t.Error("none of the flood is let in, or none is found")
	}

	// A member comes back while the flood goes on.
	pressing, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	flood.reconnect(pressing, &running)
	check(t, c.Nodes()[1].Kill())
	check(t, c.Nodes()[1].Start(ctx))
	turns(5)
	granted(ctx, t, client)
	stop()
	running.Wait()
	check(t, client.Close())
	if most := peakMegabytes(t, target.Pid()); raceDetector {
		t.Logf("not judged under the race detector: the node has had %d MB", most)
	} else if most > megabytes {
		t.Errorf("the node has had %d MB; want %d at most", most, megabytes)
	}

	flood.close()
	// Members may be dialling each other anew, with two connections for one.
	const members = 4
	left := calm
	defer func() {
		if t.Failed() {
			t.Logf("open before:\n%q\nopen at the end:\n%q", calm, left)
		}
	}()
	awaitTrue(ctx, t, "as few files open as before", func() bool {
		left = openFiles(t, target.Pid())
		return floodFiles(t, left) == 0 && len(left) <= len(calm)+members
	})
	turns(3)
	check(t, c.Stop(ctx))
	checkRefusals(t, target.LogFile())
}

// granted locks and unlocks. If the lock is lost meanwhile, on a busy machine, it tries
// again.
func granted(ctx context.Context, t *testing.T, client *conch.Client) {
	t.Helper()
	err := conch.ErrLost
	for errors.Is(err, conch.ErrLost) {
		err = client.Do(ctx, "another", func(context.Context, uint64) error { return nil })
	}
	check(t, err)
}

// awaitTrue waits until a condition holds.
func awaitTrue(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not %s: %v", what, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// checkRefusals checks that the log reports the flood, in far fewer lines than connections.
func checkRefusals(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	check(t, validateLines(file, data))
	lines := bytes.Count(data, []byte(`"event":"peer_refused"`))
	if lines == 0 || lines > 3*floodHosts { // a line per host and minute, within three minutes
		t.Errorf("%d lines tell of connections that were closed; want some, and one for each host and minute at most", lines)
	}
	if !bytes.Contains(data, []byte(`"reason":"closed to make room`)) {
		t.Error("the log does not say why they were closed")
	}
}
