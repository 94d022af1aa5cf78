package procgroup

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPseudoTerminal returns both ends of a new pseudo terminal.
func openPseudoTerminal(t *testing.T) (person, terminal *os.File) {
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
	return person, terminal
}

// session is a shell at a terminal, whose job is a supervisor.
type session struct {
	trial
	person *os.File
	told   *bufio.Reader
	orders *os.File
}

// openSession starts a shell that starts a supervisor in the terminal's foreground or
// background.
func openSession(t *testing.T, where string, p plan) *session {
	t.Helper()
	person, terminal := openPseudoTerminal(t)
	s := &session{trial: trial{t: t, cmd: exec.Command(self()), out: bufio.NewReader(person)}, person: person}
	controlled, control := pipe(t)
	news, tell := pipe(t)
	told, shell := pipe(t)
	ordered, orders := pipe(t)
	check(t, news.SetReadDeadline(time.Now().Add(patience)))
	check(t, told.SetReadDeadline(time.Now().Add(patience)))
	s.control, s.news, s.told, s.orders = control, bufio.NewReader(news), bufio.NewReader(told), orders
	s.cmd.Env = append(os.Environ(), as("shell "+where))
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = terminal, terminal, terminal
	s.cmd.ExtraFiles = []*os.File{controlled, tell, shell, ordered}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(t, s.cmd.Start())
	for _, file := range []*os.File{terminal, controlled, tell, shell, ordered} {
		check(t, file.Close())
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // as a rule it is gone
		_ = s.cmd.Wait()
	})
	s.hear("started")
	line, err := json.Marshal(p)
	check(t, err)
	s.tell(string(line))
	return s
}

// hear waits for a report of the shell about its job.
func (s *session) hear(want string) {
	s.t.Helper()
	got, err := s.told.ReadString('\n')
	if err != nil || got != want+"\n" {
		s.t.Fatalf("the shell tells %q, %v, want %q", got, err, want)
	}
}

// typeIn types at the terminal.
func (s *session) typeIn(text string) {
	s.t.Helper()
	_, err := s.person.WriteString(text)
	check(s.t, err)
}

// see waits until the terminal shows a line, and returns all text up to its end.
func (s *session) see(want string) string {
	s.t.Helper()
	var shown bytes.Buffer
	for !strings.Contains(shown.String(), want) {
		line, err := s.out.ReadString('\n')
		if err != nil {
			s.t.Fatalf("the terminal shows %q, %v, want %q", shown.String(), err, want)
		}
		shown.WriteString(line)
	}
	return shown.String()
}

const (
	ctrlC = "\x03"
	ctrlZ = "\x1a"
)

// TestCommandHasTheTerminal: the command reads what is typed, the shell stops and continues
// it, Ctrl-C interrupts it, and afterwards the shell has the terminal again.
func TestCommandHasTheTerminal(t *testing.T) {
	s := openSession(t, "foreground", held("read"))
	s.see("ready ")
	s.typeIn("one\n")
	s.see("read one")
	s.typeIn(ctrlZ)
	s.hear("stopped")
	_, err := fmt.Fprintln(s.orders, "continue")
	check(t, err)
	s.typeIn("two\n")
	s.see("read two")
	s.typeIn(ctrlC)
	s.awaitNotice(Stopped)
	if got := s.next(); !got.Ended || got.Code != signalBase+int(unix.SIGINT) || got.Lost != "" {
		t.Errorf("got %+v, want the command ended by SIGINT", got)
	}
	s.hear("ended, foreground true")
}

// TestCommandInTheBackground: the command is stopped when it reads, until the shell brings
// it to the foreground.
func TestCommandInTheBackground(t *testing.T) {
	s := openSession(t, "background", held("read"))
	s.hear("stopped")
	_, err := fmt.Fprintln(s.orders, "continue")
	check(t, err)
	s.typeIn("one\n")
	s.see("read one")
	s.typeIn(ctrlC)
	s.awaitNotice(Stopped)
	if got := s.next(); !got.Ended || got.Code != signalBase+int(unix.SIGINT) {
		t.Errorf("got %+v, want the command ended by SIGINT", got)
	}
	s.hear("ended, foreground true")
}

// TestStoppedCommandLosesTheLock: a stopped command whose lock is lost does not go on.
func TestStoppedCommandLosesTheLock(t *testing.T) {
	s := openSession(t, "foreground", held("read"))
	s.see("ready ")
	s.typeIn(ctrlZ)
	s.hear("stopped")
	s.tell("lose")
	_, err := fmt.Fprintln(s.orders, "continue")
	check(t, err)
	s.awaitNotice(Stopped)
	s.awaitNotice(Killed)
	if got := s.next(); !got.Ended || got.Code != signalBase+int(unix.SIGKILL) || got.Lost == "" {
		t.Errorf("got %+v, want the command killed", got)
	}
	s.hear("ended, foreground true")
}

// elsewhere returns plans of a command whose standard input, output or both are not the
// terminal.
func elsewhere(role string) map[string]plan {
	input, output := held(role), held(role)
	input.NoInput, output.NoOutput = true, true
	both := input
	both.NoOutput = true
	return map[string]plan{"input": input, "output": output, "both": both}
}

// TestCommandAsksAtTheTerminal: whatever its standard input and output are, a command that
// reads the terminal is not stopped, and Ctrl-Z and Ctrl-C reach it.
func TestCommandAsksAtTheTerminal(t *testing.T) {
	for name, p := range elsewhere("ask") {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, "foreground", p)
			s.see("asks, ")
			s.typeIn("one\n")
			s.see("read one")
			s.typeIn(ctrlZ)
			s.hear("stopped")
			s.awaitNotice(Stopped)
			_, err := fmt.Fprintln(s.orders, "continue")
			check(t, err)
			s.typeIn("two\n")
			s.see("read two")
			s.typeIn(ctrlC)
			if got := s.next(); !got.Ended || got.Code != signalBase+int(unix.SIGINT) || got.Lost != "" {
				t.Errorf("got %+v, want the command ended by SIGINT", got)
			}
			s.hear("ended, foreground true")
		})
	}
}

// TestCommandChangesTheTerminal: whatever its standard input and output are, a command may
// change the terminal's settings.
func TestCommandChangesTheTerminal(t *testing.T) {
	for name, p := range elsewhere("hide") {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, "foreground", p)
			if got := s.next(); !got.Ended || got.Code != 3 {
				t.Errorf("got %+v, want the command ended with 3", got)
			}
			s.hear("ended, foreground true")
		})
	}
}

// TestPipelineKeepsTheTerminal: a command that does not use the terminal leaves it to the
// rest of the pipeline, such as a pager.
func TestPipelineKeepsTheTerminal(t *testing.T) {
	for name, p := range elsewhere("place") {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, "foreground", p)
			s.see("foreground false")
			s.next()
			s.hear("ended, foreground true")
		})
	}
	s := openSession(t, "foreground", held("place"))
	s.see("foreground true")
	s.next()
	s.hear("ended, foreground true")
}

// TestReaderBesideIsStoppedAlone: the terminal stops the whole group of a process that
// reads from the background. The supervisor is in the pipeline's group and must not be
// stopped, or nobody would renew the lock.
func TestReaderBesideIsStoppedAlone(t *testing.T) {
	s := openSession(t, "foreground", elsewhere("ask")["output"])
	_, number, _ := strings.Cut(s.see("asks, child of "), "child of ")
	supervisor, err := strconv.Atoi(strings.TrimSpace(number))
	check(t, err)
	s.typeIn("one\n")
	s.see("read one") // it has the terminal
	check(t, unix.Kill(supervisor, unix.SIGTTIN))
	s.typeIn("two\n")
	s.see("read two")
	s.typeIn(ctrlC)
	s.next()
	s.hear("ended, foreground true")
}

// TestLateStopIsContinued: a process of the group that stops itself just after the command
// got the terminal is continued, even if it is not the command itself.
func TestLateStopIsContinued(t *testing.T) {
	s := openSession(t, "foreground", elsewhere("late")["both"])
	s.see("went on")
	if got := s.next(); !got.Ended || got.Code != 0 {
		t.Errorf("got %+v, want the command ended with 0", got)
	}
	s.hear("ended, foreground true")
}
