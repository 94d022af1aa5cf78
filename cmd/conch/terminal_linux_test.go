package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a new pseudo terminal.
func openTerminal(t *testing.T) (person, terminal *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	check(t, err)
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	check(t, err)
	check(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	person = os.NewFile(uintptr(fd), "person")
	t.Cleanup(func() { person.Close() })
	check(t, person.SetReadDeadline(time.Now().Add(patience)))
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	t.Cleanup(func() { terminal.Close() })
	return person, terminal
}

// atTerminal runs the program at a terminal and returns what the terminal shows.
func atTerminal(t *testing.T, args ...string) string {
	t.Helper()
	person, terminal := openTerminal(t)
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Stdout = terminal
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	check(t, cmd.Start())
	check(t, terminal.Close())
	shown, err := io.ReadAll(person)
	if err != nil && !errors.Is(err, syscall.EIO) { // a closed terminal ends so
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v: %s", args, err, complaints.String())
	}
	return string(shown)
}

// nodeAtTerminal starts a single node that asks in a loop, with a log file.
func nodeAtTerminal(t *testing.T, terminal *os.File, flags ...string) (node *exec.Cmd, logFile string) {
	t.Helper()
	dir := t.TempDir()
	logFile = filepath.Join(dir, "node.log")
	node = exec.CommandContext(t.Context(), program(t), append([]string{"node", "--single", "--listen", freeAddresses(t, 1)[0],
		"--data-dir", filepath.Join(dir, "state"), "--socket", filepath.Join(dir, "s"), "--auto-request", "--log-file", logFile}, flags...)...)
	node.Stdout = terminal
	check(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // as a rule it is gone
	return node, logFile
}

// A node with a log file also shows its log at the terminal, in the form for people.
func TestLogFileAndTerminal(t *testing.T) {
	person, terminal := openTerminal(t)
	node, logFile := nodeAtTerminal(t, terminal, "--auto-count", "1", "--auto-think", "1ms", "--auto-hold", "1ms")
	check(t, terminal.Close())
	if !until(func() bool {
		text, _ := os.ReadFile(logFile)
		return bytes.Contains(text, []byte(`"event":"leave"`))
	}) {
		t.Fatal("the node does not enter")
	}
	check(t, node.Process.Signal(syscall.SIGINT))
	shown, err := io.ReadAll(person)
	if err != nil && !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	check(t, node.Wait())
	text, err := os.ReadFile(logFile)
	check(t, err)
	if lines, want := strings.Count(string(shown), "\n"), bytes.Count(text, []byte{'\n'}); lines != want {
		t.Errorf("the terminal has %d lines, and the file %d", lines, want)
	}
	for _, want := range []string{"entered the critical section", "RN=", "node stopped"} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("the terminal does not show %q:\n%s", want, shown)
		}
	}
	if strings.Contains(string(shown), `"event"`) || !bytes.HasPrefix(text, []byte(`{"level"`)) {
		t.Errorf("the terminal shows JSON, or the file has none:\n%s\n%s", shown, text)
	}
}

// A terminal that accepts nothing does not hold up the node.
func TestTerminalStandsStill(t *testing.T) {
	_, terminal := openTerminal(t) // from which nobody reads
	node, logFile := nodeAtTerminal(t, terminal, "--auto-think", "0s", "--auto-hold", "0s")
	const much = 2 << 20 // more than a terminal takes and a queue of lines holds
	if !until(func() bool {
		info, err := os.Stat(logFile)
		return err == nil && info.Size() > much
	}) {
		t.Fatal("the node stands still")
	}
	check(t, node.Process.Signal(syscall.SIGINT))
	check(t, node.Wait())
}

// At a terminal explain tells an entry in one line a step.
func TestExplainAtTerminal(t *testing.T) {
	kept := filepath.Join("..", "..", "logs", "testdata", "contended.merged.jsonl")
	short, full := atTerminal(t, "logs", "explain", kept), atTerminal(t, "logs", "explain", kept, "--full")
	if strings.Contains(short, `"event"`) || !strings.Contains(short, "The nodes: A is 10.0.0.1:7400") || strings.Count(short, "\n") > 24 {
		t.Errorf("a terminal is shown:\n%s", short)
	}
	if !strings.Contains(full, `"event":"enter"`) || !strings.Contains(full, "enters the critical section") {
		t.Errorf("with --full it is shown:\n%s", full)
	}
}

// Ctrl-Z stops conch lock and its command, so nobody renews the lock. conch lock says how
// much is left of the session's 2 s.
func TestStoppedAtTheTerminal(t *testing.T) {
	c := startMembers(t.Context(), t, 1, "--session-ttl", "2s")
	person, terminal := openTerminal(t)
	lock := exec.CommandContext(t.Context(), program(t), "lock", "--node", c.Nodes()[0].Address(), "a", "--", "sh", "-c", "echo ready; exec cat")
	lock.Stdin, lock.Stdout, lock.Stderr = terminal, terminal, terminal
	lock.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(t, lock.Start())
	t.Cleanup(func() { _ = lock.Process.Kill() }) // as a rule it is gone
	check(t, terminal.Close())
	shown := bufio.NewReader(person)
	see := func(want string) string {
		for {
			line, err := shown.ReadString('\n')
			check(t, err)
			if strings.Contains(line, want) {
				return line
			}
		}
	}
	see("ready")
	_, err := person.WriteString("\x1a") // Ctrl-Z
	check(t, err)
	line := see("the command is stopped by SIGTSTP")
	told := regexp.MustCompile(`and conch with it, so the lock a is not renewed: continue both \(fg or bg\) within (\S+), or it is lost`).FindStringSubmatch(line)
	if told == nil {
		t.Fatalf("it says %q", line)
	}
	if left, err := time.ParseDuration(told[1]); err != nil || left <= 0 || left > 2*time.Second {
		t.Errorf("it says that %s is left, %v; want more than 0 and at most 2s", told[1], err)
	}
	_, err = person.WriteString("\x03") // Ctrl-C: no shell is there that could continue it, so it goes on by itself
	check(t, err)
	_, _ = io.Copy(io.Discard, shown) // a closed terminal ends with an error
	_ = lock.Wait()                   // by the signal, or since the lock was lost
}
