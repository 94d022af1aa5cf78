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

// How a connection may begin that goes no further: with what HTTP/2 begins with, and an
// empty SETTINGS frame.
const begun = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// crowd are connections of strangers to one node, from several hosts.
type crowd struct {
	t     testing.TB
	to    string
	words string // what each says; nothing more comes of it
	conns []net.Conn
}

// crowdHosts is how many hosts they come from; all are this machine.
const crowdHosts = 20

// come lets so many more come. The node may close them at any time.
func (c *crowd) come(many int) {
	c.t.Helper()
	for range many {
		from := net.IPv4(127, 0, 1, byte(1+len(c.conns)%crowdHosts))
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}
		conn, err := dialer.DialContext(c.t.Context(), "tcp", c.to)
		if err != nil {
			c.t.Fatalf("stranger %d: %v", len(c.conns), err)
		}
		_, _ = conn.Write([]byte(c.words)) // to one that is closed already, perhaps
		c.conns = append(c.conns, conn)
	}
}

// change has each connection replaced by a new one, again and again, until ctx ends.
func (c *crowd) change(ctx context.Context, running *sync.WaitGroup) {
	running.Go(func() {
		for i := 0; ctx.Err() == nil; i = (i + 1) % len(c.conns) {
			_ = c.conns[i].Close()
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%crowdHosts))}}
			conn, err := dialer.DialContext(ctx, "tcp", c.to)
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(c.words))
			c.conns[i] = conn
		}
	})
}

// leave lets all go.
func (c *crowd) leave() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// mayOpen tells whether this process may have so many files open.
func mayOpen(t testing.TB, files int) bool {
	t.Helper()
	var limit syscall.Rlimit // which Go has raised as far as it may
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	return limit.Cur >= uint64(files)
}

// openFiles names what a process has open.
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

// crowdFiles counts the sockets among a process's open files whose other end is one of the
// crowd's hosts.
func crowdFiles(t *testing.T, files []string) int {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	check(t, err)
	crowds := make(map[string]bool)
	for line := range strings.Lines(string(table)) {
		// 127.0.1.N is written NN01007F; the tenth column is the inode.
		columns := strings.Fields(line)
		if len(columns) > 9 && strings.HasPrefix(columns[2][2:], "01007F:") {
			crowds["socket:["+columns[9]+"]"] = true
		}
	}
	count := 0
	for _, file := range files {
		if crowds[file] {
			count++
		}
	}
	return count
}

// peakMegabytes is the most memory that a process has had.
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

// frugal returns a program that is conch, and may open so few files.
func frugal(t *testing.T, files int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "conch")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", files, program(t))
	check(t, os.WriteFile(path, []byte(script), 0o700)) //nolint:gosec // it is to be run
	return path
}

// TestCrowdsOfStrangers: ten thousand connections to a node on which nothing is ever
// asked, while three nodes pass a lock around and a client locks and unlocks: all of them
// are granted the lock as ever, a member that is killed and started again comes through
// the crowd, and the node spends little on it, and nothing when it is gone. So it is also
// where a node may open fewer files than there are strangers.
func TestCrowdsOfStrangers(t *testing.T) {
	for _, test := range []struct {
		name, words string
		files       int // that a node may open; 0 is as many as this process
		strangers   int // that it may let in, and a few
		megabytes   int // that it may need, at most
	}{
		{"that say nothing", "", 0, 540, 160},
		{"that begin and go no further", begun, 0, 540, 160},
		{"where few files may be open", begun, 300, 40, 160},
	} {
		t.Run(test.name, func(t *testing.T) { besiege(t, test.words, test.files, test.strangers, test.megabytes) })
	}
}

// dialInACrowd connects to a node. Where there is room for few connections, those of the
// members and of the client come from one host, and may be the ones to give way to those
// of others: the client then tries again, and gets in before long.
func dialInACrowd(ctx context.Context, t *testing.T, address string) *conch.Client {
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

func besiege(t *testing.T, words string, files, strangers, megabytes int) {
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
		cfg.Program = frugal(t, files)
	}
	c, err := processes.New(cfg)
	check(t, err)
	defer func() { check(t, c.Kill()) }()
	check(t, c.Start(ctx))
	target := c.Nodes()[0]
	turns := func(each int) { // waits until each node has had so many more turns
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

	strange := &crowd{t: t, to: target.Address(), words: words}
	defer strange.leave()
	strange.come(many)
	turns(10)
	client := dialInACrowd(ctx, t, target.Address())
	for range 10 {
		granted(ctx, t, client)
	}
	crowded := openFiles(t, target.Pid())
	if taken := len(crowded) - len(calm); taken > strangers {
		t.Errorf("the crowd takes %d files; want %d at most", taken, strangers)
	}
	if crowdFiles(t, crowded) == 0 {
		t.Error("none of the crowd is let in, or none is found")
	}

	// A member comes back while the crowd presses on.
	pressing, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	strange.change(pressing, &running)
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

	strange.leave()
	// Members dial each other anew meanwhile: two connections a pair may be doubled.
	const members = 4
	left := calm
	defer func() {
		if t.Failed() {
			t.Logf("open before:\n%q\nopen at the end:\n%q", calm, left)
		}
	}()
	awaitTrue(ctx, t, "as few files open as before", func() bool {
		left = openFiles(t, target.Pid())
		return crowdFiles(t, left) == 0 && len(left) <= len(calm)+members
	})
	turns(3)
	check(t, c.Stop(ctx))
	checkRefusals(t, target.LogFile())
}

// granted lets a client lock and unlock. On a busy machine it may lose the lock meanwhile,
// and then it tries again.
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

// checkRefusals checks that the log tells of the crowd, and not of each one in it.
func checkRefusals(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	check(t, validateLines(file, data))
	lines := bytes.Count(data, []byte(`"event":"peer_refused"`))
	if lines == 0 || lines > 3*crowdHosts { // in at most so many minutes
		t.Errorf("%d lines tell of connections that were closed; want some, and one for each host and minute at most", lines)
	}
	if !bytes.Contains(data, []byte(`"reason":"closed to make room`)) {
		t.Error("the log does not say why they were closed")
	}
}
