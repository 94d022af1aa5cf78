package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminalNode is a node that was started in a terminal.
type terminalNode struct {
	cmd    *exec.Cmd
	person *os.File // the other end of the terminal
	log    string
}

// startInTerminal starts a node by a command line of sh, in a terminal of its own.
func startInTerminal(t *testing.T, line string) *terminalNode {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	check(t, err)
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	check(t, err)
	check(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n := &terminalNode{person: os.NewFile(uintptr(fd), "person"), log: filepath.Join(t.TempDir(), "node.log")}
	t.Cleanup(func() { _ = n.person.Close() })
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	defer terminal.Close()
	n.cmd = exec.Command("sh", "-c", line, program(t), "node", "--single", "--listen", freeAddresses(t, 1)[0],
		"--data-dir", none, "--socket", none, "--log-file", n.log)
	n.cmd.Stdin, n.cmd.Stdout, n.cmd.Stderr = terminal, terminal, terminal
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(t, n.cmd.Start())
	t.Cleanup(func() {
		_ = n.cmd.Process.Kill() // as a rule it is gone
		_ = n.cmd.Wait()
	})
	n.await(t, n.log, `"event":"session_started"`)
	return n
}

func (n *terminalNode) await(t *testing.T, file, pattern string) {
	t.Helper()
	var text []byte
	if !until(func() bool {
		text, _ = os.ReadFile(file)
		return regexp.MustCompile(pattern).Match(text)
	}) {
		t.Fatalf("no %q in %s:\n%s", pattern, file, text)
	}
}

// TestClosedTerminalStopsANodeInOrder closes the terminal of a node that leads the
// terminal's session, of one in the foreground of a shell, and of one in its background, to
// which the shell sends the signal.
func TestClosedTerminalStopsANodeInOrder(t *testing.T) {
	for name, line := range map[string]string{
		"session leader": `exec "$0" "$@"`,
		"foreground":     `"$0" "$@"; true`,
		"background":     `"$0" "$@" & node=$!; trap 'kill -HUP $node; wait $node; exit 1' HUP; wait $node`,
	} {
		t.Run(name, func(t *testing.T) {
			n := startInTerminal(t, line)
			check(t, n.person.Close())
			n.await(t, n.log, `"event":"node_stopped"`)
			if err := n.cmd.Wait(); name == "session leader" && err != nil {
				t.Errorf("the node ended with %v; want 0, as after SIGTERM", err)
			}
		})
	}
}

// TestHangupInALivingTerminalOpensTheLogAnew sends SIGHUP to a node whose terminal still
// exists, and to one that nohup started, whose terminal is closed later.
func TestHangupInALivingTerminalOpensTheLogAnew(t *testing.T) {
	n := startInTerminal(t, `trap "" HUP; exec "$0" "$@"`)
	reopen := func(to string) {
		t.Helper()
		check(t, os.Rename(n.log, to))
		check(t, n.cmd.Process.Signal(syscall.SIGHUP))
		if !until(func() bool { _, err := os.Stat(n.log); return err == nil }) {
			t.Fatal("the log is not opened anew")
		}
	}
	reopen(n.log + ".1")
	check(t, n.person.Close())
	reopen(n.log + ".2")
	check(t, n.cmd.Process.Signal(syscall.SIGTERM))
	if err := n.cmd.Wait(); err != nil {
		t.Error(err)
	}
	n.await(t, n.log, `"event":"node_stopped"`)

	n = startInTerminal(t, `exec "$0" "$@"`)
	reopen(n.log + ".1")
	check(t, n.cmd.Process.Signal(syscall.SIGHUP)) // again, with no file moved
	check(t, n.cmd.Process.Signal(syscall.SIGTERM))
	if err := n.cmd.Wait(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(n.log)
	check(t, err)
	if !strings.Contains(string(text), `"event":"node_stopped"`) {
		t.Errorf("the log ends without node_stopped:\n%s", text)
	}
}
