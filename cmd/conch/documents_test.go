package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestReadmeRunsThreeNodes runs the README's three nodes, and checks and reports their
// logs.
func TestReadmeRunsThreeNodes(t *testing.T) {
	s := newStage(t)
	lines := commands(t, "README.md", "## Three nodes in terminals", 5)
	var nodes []startedNode
	for _, line := range lines[:3] {
		nodes = append(nodes, s.start(line))
	}
	for i := range nodes {
		awaitLine(t, filepath.Join(s.dir, fmt.Sprintf("node%d.log", i+1)), `"event":"leave"`)
	}
	s.stop(nodes...)
	for _, line := range lines[3:] {
		s.run(line)
	}
	report, err := os.ReadFile(filepath.Join(s.dir, "report.pdf"))
	check(t, err)
	if !bytes.HasPrefix(report, []byte("%PDF-")) {
		t.Error("the report is no PDF")
	}
}

// TestReadmeRunsNodesFromAFile starts a node for each line of the README's file of members.
// The names stand for addresses of this machine.
func TestReadmeRunsNodesFromAFile(t *testing.T) {
	s := newStage(t)
	line := commands(t, "README.md", "### On three machines", 1)[0]
	var file string
	for _, member := range indented(t, "README.md", "### On three machines") {
		if !strings.HasPrefix(member, "bin/conch ") {
			file += member + "\n"
		}
	}
	addresses := map[string]string{}
	for i, member := range regexp.MustCompile(`(?m)^[^#\s]\S+:\d+$`).FindAllString(file, -1) {
		addresses[member] = "127.0.0.1:" + s.changes[2*i+1]
		file = strings.Replace(file, "\n"+member+"\n", "\n"+addresses[member]+"\n", 1)
	}
	if len(addresses) != 3 {
		t.Fatalf("%d members, want three, in\n%s", len(addresses), file)
	}
	s.file("hosts.txt", file, 0o600)
	var nodes []startedNode
	s.changes = nil
	for member, address := range addresses {
		own := strings.NewReplacer("node1.example:7400", address, "--listen :7400", "--listen "+address, "node1.log", member+".log").Replace(line)
		nodes = append(nodes, s.start(own))
	}
	for member := range addresses {
		awaitLine(t, filepath.Join(s.dir, member+".log"), `"event":"leave"`)
	}
	s.stop(nodes...)
}

// TestLockCommandsOfDocumentsWork runs the documents' commands on locks, as they are
// written.
func TestLockCommandsOfDocumentsWork(t *testing.T) {
	s := newStage(t)
	s.file("backup", "#!/bin/sh\necho backed up\n", 0o700)
	s.file("apply", "#!/bin/sh\necho applied\n", 0o700)
	s.file("deploy", "#!/bin/sh\necho deployed\n", 0o700)
	s.file("scheduler", "#!/bin/sh\necho scheduled\n", 0o700)
	s.file("train", "#!/bin/sh\necho trained\n", 0o700)
	s.file("app.conf", "configured\n", 0o600)
	s.file("Makefile", "deploy:\n\t@./deploy\n", 0o600)
	n := s.start("bin/conch node --listen 127.0.0.1:7401 --single")
	awaitLine(t, n.log, `"event":"session_started"`)
	defer s.stop(n)
	readme := commands(t, "README.md", "## A lock for your jobs", 7)
	for _, line := range slices.Concat(
		readme[:5],
		commands(t, "docs/USING.md", "## Once at each turn", 2),
		commands(t, "docs/USING.md", "## A hold that outlives its holder", 1),
		commands(t, "docs/USING.md", "## From the shell", 5),
		commands(t, "docs/USING.md", "## Elect a leader", 2)[:1],
		commands(t, "docs/USING.md", "## A stale holder does no harm: fences", 1),
	) {
		said := s.run(line)
		if strings.Contains(line, "backup") && !strings.Contains(said, "backed up") || strings.Contains(line, "./deploy") && !strings.Contains(said, "deployed") ||
			strings.Contains(line, "./scheduler") && !strings.Contains(said, "scheduled") ||
			strings.Contains(line, "./apply") && !strings.Contains(said, "applied") ||
			strings.Contains(line, "./train") && !strings.Contains(said, "trained") || strings.Contains(line, "app.conf") && !strings.Contains(said, "configured") {
			t.Errorf("%s: the command did not run: %s", line, said)
		}
	}

	holder := s.command("bin/conch lock nightly")
	input, err := holder.StdinPipe()
	check(t, err)
	output, err := holder.StdoutPipe()
	check(t, err)
	check(t, holder.Start())
	fence, err := bufio.NewReader(output).ReadString('\n')
	check(t, err)
	for _, line := range append(readme[5:], commands(t, "docs/USING.md", "## Who holds a lock, and why you still wait", 6)...) {
		switch {
		case strings.Contains(line, " watch "):
			watch := s.command(strings.SplitN(line, " #", 2)[0])
			changes, err := watch.StdoutPipe()
			check(t, err)
			check(t, watch.Start())
			if first, err := bufio.NewReader(changes).ReadString('\n'); err != nil {
				t.Errorf("%s: %q, %v", line, first, err)
			}
			check(t, watch.Process.Signal(syscall.SIGINT))
			_ = watch.Wait()
		case strings.Contains(line, " break "):
			s.run(regexp.MustCompile(`--fence \d+`).ReplaceAllString(line, "--fence "+strings.TrimSpace(fence)))
		default:
			if said := s.run(line); strings.HasPrefix(line, "bin/conch who ") && !strings.Contains(said, strings.TrimSpace(fence)) {
				t.Errorf("%s does not name the fence %s: %s", line, fence, said)
			}
		}
	}
	if _, err := io.Copy(io.Discard, output); err != nil {
		t.Error(err)
	}
	check(t, input.Close())
	if err := holder.Wait(); holder.ProcessState.ExitCode() != exitLost {
		t.Errorf("the holder whose lock was broken: %v, want exit code %d", err, exitLost)
	}
}

// TestTLSPageMakesACertifiedCluster runs the commands of docs/TLS.md, from no certificate
// to a cluster with mutual TLS.
func TestTLSPageMakesACertifiedCluster(t *testing.T) {
	s := newStage(t)
	lines := commands(t, "docs/TLS.md", "## A cluster with mutual TLS", 4)
	s.run(lines[0])
	var nodes []startedNode
	for _, line := range lines[1:] {
		nodes = append(nodes, s.start(line))
	}
	for i, n := range nodes {
		awaitLine(t, n.log, `"event":"session_started"`)
		s.run(fmt.Sprintf("bin/conch lock nightly --node unix:conch-%d.sock -- true", 7401+i))
	}
	s.stop(nodes...)
	for _, n := range nodes {
		log, err := os.ReadFile(n.log)
		check(t, err)
		if !bytes.Contains(log, []byte(`"event":"peer_connected"`)) || bytes.Contains(log, []byte(`"event":"peer_refused"`)) {
			t.Errorf("%v: want it connected, and nobody refused:\n%s", n.Args, log)
		}
	}
}

// TestReportPageWorks runs the commands of docs/REPORT.md on the sample logs. The tests of
// the command demo cover "make demo".
func TestReportPageWorks(t *testing.T) {
	s := newStage(t)
	sample, err := filepath.Abs("../../logs/sample")
	check(t, err)
	check(t, os.CopyFS(filepath.Join(s.dir, "evidence"), os.DirFS(sample)))
	for _, line := range slices.Concat(
		commands(t, "docs/REPORT.md", "## Logs for an appendix", 3),
		commands(t, "docs/REPORT.md", "## The report", 1),
		commands(t, "docs/REPORT.md", "## Pictures", 2),
	) {
		s.run(line)
	}
	for _, name := range []string{"merged.log", "report.pdf", "run.svg", "run.shiviz.log"} {
		if info, err := os.Stat(filepath.Join(s.dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s was not made: %v", name, err)
		}
	}
}

// TestGoInDocumentsCompiles builds the Go of the README and of docs/USING.md.
func TestGoInDocumentsCompiles(t *testing.T) {
	for _, document := range []string{"README.md", "docs/USING.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", document))
		check(t, err)
		blocks := regexp.MustCompile("(?m)^```go\n((?:.*\n)*?)```$").FindAllSubmatch(text, -1)
		if len(blocks) == 0 {
			t.Fatalf("%s has no Go", document)
		}
		file := filepath.Join(t.TempDir(), "main.go")
		source := []byte(`package main

import (
	"context"
	"time"

	"conch"
)

var locks conch.Locker // of all but the first block

func backUp(context.Context, uint64) error { return nil }

func schedule(context.Context, uint64) error { return nil }

var turn time.Time

func connect(string) {}

func main() {}

`)
		for i, block := range blocks {
			source = fmt.Appendf(source, "func example%d(ctx context.Context) error {\n%sreturn nil\n}\n\n", i, block[1])
		}
		check(t, os.WriteFile(file, source, 0o600))
		build := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, file)
		build.Dir = "../.."
		if said, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", document, err, said)
		}
	}
}
