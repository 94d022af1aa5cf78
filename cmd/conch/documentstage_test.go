package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// section returns the part of a document between a heading and the next.
func section(t *testing.T, document, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", document))
	check(t, err)
	_, rest, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", document, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n#")
	return rest
}

// indented returns the lines of code of a section.
func indented(t *testing.T, document, heading string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(section(t, document, heading)) {
		if code, isCode := strings.CutPrefix(line, "    "); isCode {
			lines = append(lines, strings.TrimRight(code, "\n"))
		}
	}
	return lines
}

// commands returns a section's commands that run the program. There must be as many as want
// says, so that none is missed.
func commands(t *testing.T, document, heading string, want int) (found []string) {
	t.Helper()
	for _, line := range indented(t, document, heading) {
		if strings.HasPrefix(line, "bin/conch ") {
			found = append(found, line)
		}
	}
	if len(found) != want {
		t.Fatalf("%s, %q: %d commands, want %d: the test has to be told:\n%s", document, heading, len(found), want, strings.Join(found, "\n"))
	}
	return found
}

// stage is a folder in which commands of documents run as written, with free ports in place
// of theirs.
type stage struct {
	*testing.T
	ctx context.Context
	dir string
	// changes are pairs of a text and its replacement.
	changes []string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, dir: t.TempDir()}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	s.ctx = ctx
	check(t, os.Mkdir(filepath.Join(s.dir, "bin"), 0o755))
	check(t, os.Symlink(program(t), filepath.Join(s.dir, "bin", "conch")))
	for i, address := range freeAddresses(t, 3) {
		_, port, _ := strings.Cut(address, ":")
		s.changes = append(s.changes, fmt.Sprint(7401+i), port)
	}
	return s
}

func (s *stage) file(name, text string, mode os.FileMode) {
	s.Helper()
	check(s.T, os.WriteFile(filepath.Join(s.dir, name), []byte(text), mode))
}

// command prepares a command. The shell execs the program, so that signals reach it.
func (s *stage) command(line string) *exec.Cmd {
	line = strings.NewReplacer(s.changes...).Replace(line)
	if !strings.ContainsAny(line, "|>#&") {
		line = "exec " + line
	}
	cmd := exec.CommandContext(s.ctx, "bash", "-o", "pipefail", "-c", line)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(s.dir, "state"), "CONCH_SOCKET_DIR="+s.dir, "CONCH_NODE=")
	return cmd
}

// run runs a command, which must succeed.
func (s *stage) run(line string) string {
	s.Helper()
	said, err := s.command(line).CombinedOutput()
	if err != nil {
		s.Fatalf("%s: %v\n%s", line, err, said)
	}
	return string(said)
}

// startedNode is a node that a document's command started.
type startedNode struct {
	*exec.Cmd
	log string
}

// start starts a node, whose standard output goes to a file.
func (s *stage) start(line string) startedNode {
	s.Helper()
	log, err := os.CreateTemp(s.dir, "output-*")
	check(s.T, err)
	cmd := s.command(line)
	cmd.Stdout, cmd.Stderr = log, os.Stderr
	check(s.T, cmd.Start())
	check(s.T, log.Close())
	return startedNode{cmd, log.Name()}
}

// stop stops nodes in order.
func (s *stage) stop(nodes ...startedNode) {
	s.Helper()
	for _, n := range nodes {
		check(s.T, n.Process.Signal(syscall.SIGTERM))
	}
	for _, n := range nodes {
		if err := n.Wait(); err != nil {
			s.Errorf("%v: %v", n.Args, err)
		}
	}
}
