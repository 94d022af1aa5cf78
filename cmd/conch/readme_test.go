package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReadmeMakesACertifiedCluster runs the README's commands from nothing to a cluster
// with mutual TLS as they are written, but for the ports, which may be taken.
func TestReadmeMakesACertifiedCluster(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	check(t, err)
	_, section, found := strings.Cut(string(text), "## On a network that is not trusted\n")
	if !found {
		t.Fatal("the README has no such section")
	}
	var commands []string
	for line := range strings.Lines(section) {
		command, isCommand := strings.CutPrefix(strings.TrimRight(line, "\n"), "    bin/conch ")
		if isCommand {
			commands = append(commands, command)
		} else if len(commands) > 0 {
			break
		}
	}
	if len(commands) != 4 {
		t.Fatalf("%d commands %q; want four", len(commands), commands)
	}
	var ports []string
	for i, address := range freeAddresses(t, 3) {
		_, port, _ := strings.Cut(address, ":")
		ports = append(ports, fmt.Sprint(7401+i), port)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	dir := t.TempDir()
	conch := func(command string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program(t), strings.Fields(strings.NewReplacer(ports...).Replace(command))...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"), "XDG_RUNTIME_DIR="+dir)
		return cmd
	}
	if said, err := conch(commands[0]).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", commands[0], err, said)
	}
	var nodes []*exec.Cmd
	var logs []*bytes.Buffer
	for _, command := range commands[1:] {
		node, log := conch(command), new(bytes.Buffer)
		node.Stdout, node.Stderr = log, os.Stderr
		check(t, node.Start())
		nodes, logs = append(nodes, node), append(logs, log)
	}
	// Once the sockets are there, a lock is had at each node.
	if !until(func() bool {
		sockets, _ := filepath.Glob(filepath.Join(dir, "conch-*.sock"))
		return len(sockets) == len(nodes)
	}) {
		t.Fatal("not all nodes have a socket")
	}
	for i := range nodes {
		address := strings.NewReplacer(ports...).Replace(fmt.Sprint("127.0.0.1:", 7401+i))
		socket := "unix:conch-" + strings.TrimPrefix(address, "127.0.0.1:") + ".sock"
		if said, err := conch("lock nightly --node " + socket + " -- true").CombinedOutput(); err != nil {
			t.Errorf("%s grants no lock: %v: %s", address, err, said)
		}
	}
	for i, node := range nodes {
		check(t, node.Process.Signal(syscall.SIGTERM))
		if err := node.Wait(); err != nil {
			t.Errorf("node %d: %v", i+1, err)
		}
		if !bytes.Contains(logs[i].Bytes(), []byte(`"event":"peer_connected"`)) || bytes.Contains(logs[i].Bytes(), []byte(`"event":"peer_refused"`)) {
			t.Errorf("node %d: want it connected, and nobody refused:\n%s", i+1, logs[i])
		}
	}
}
