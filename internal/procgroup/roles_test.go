package procgroup

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"conch/broadcast"
)

// roleVariable names the role of a process of this test program. Without it the program
// runs the tests.
const roleVariable = "SUPERVISE_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		// Otherwise the race detector waits a second at the end of each process.
		if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	words := strings.Fields(role)
	roles := map[string]func(args []string){
		"supervise": beSupervisor,
		"exit":      beExit,
		"die":       beDying,
		"hear":      beHearing,
		"tree":      beTree,
		"env":       beEnvironment,
		"read":      beReader,
		"ask":       beAsking,
		"hide":      beHiding,
		"place":     bePlaced,
		"wait":      beWaiting,
		"late":      beLate,
		"shell":     beShell,
		"first":     beFirst,
	}
	roles[words[0]](words[1:])
}

// as returns the environment entry of a role.
func as(role string) string { return roleVariable + "=" + role }

// self returns this program's path.
func self() string {
	path, err := os.Executable()
	must(err)
	return path
}

// beExit ends with an exit code.
func beExit(args []string) {
	code, err := strconv.Atoi(args[0])
	must(err)
	os.Exit(code)
}

// beDying kills itself with a signal.
func beDying(args []string) {
	number, err := strconv.Atoi(args[0])
	must(err)
	must(unix.Kill(os.Getpid(), syscall.Signal(number)))
	select {} // until the signal comes
}

// beHearing prints each signal that it gets and goes on, except after SIGUSR2, when it ends
// with 0.
func beHearing([]string) {
	heard := make(chan os.Signal, 100)
	signal.Notify(heard)
	fmt.Printf("ready %d\n", os.Getpid())
	for got := range heard {
		if got == unix.SIGURG || got == unix.SIGCHLD || got == unix.SIGPIPE {
			continue
		}
		fmt.Printf("%d hears %s\n", os.Getpid(), unix.SignalName(got.(syscall.Signal)))
		if got == unix.SIGUSR2 {
			return
		}
	}
}

// beTree starts a process that hears, in this group or ("out") in a session of its own, or
// ("deep") two, one below the other. It then ends with 7, or hears too if it is to stay.
func beTree(args []string) {
	child := exec.Command(self())
	child.Stdout = os.Stdout
	child.Env = append(os.Environ(), as("hear"))
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: args[0] == "out"}
	if args[0] == "deep" {
		child.Env = append(os.Environ(), as("tree out stays"))
	}
	must(child.Start())
	if len(args) > 1 {
		beHearing(nil)
		return
	}
	os.Exit(7)
}

// beEnvironment prints the variables of its environment that begin with CONCH_.
func beEnvironment([]string) {
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "CONCH_") {
			fmt.Println(entry)
		}
	}
}

// beReader prints each line that it reads.
func beReader([]string) {
	fmt.Printf("ready %d\n", os.Getpid())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Printf("read %s\n", lines.Text())
	}
}

// beWaiting waits for ever, with the default action for each signal.
func beWaiting([]string) {
	fmt.Printf("ready %d\n", os.Getpid())
	select {}
}

// openOwnTerminal opens the controlling terminal, whatever standard input is.
func openOwnTerminal() *os.File {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	must(err)
	return file
}

// beAsking reads from the controlling terminal, whatever standard input is, as ssh and sudo
// do, and prints each line there.
func beAsking([]string) {
	terminal := openOwnTerminal()
	fmt.Fprintf(terminal, "asks, child of %d\n", os.Getppid())
	for lines := bufio.NewScanner(terminal); lines.Scan(); {
		fmt.Fprintf(terminal, "read %s\n", lines.Text())
	}
}

// beHiding changes the terminal's settings, as a program that reads a password does, and
// ends with 3.
func beHiding([]string) {
	terminal := openOwnTerminal()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), termiosGet)
	must(err)
	must(unix.IoctlSetTermios(int(terminal.Fd()), termiosSet, state))
	os.Exit(3)
}

// beLate changes the terminal's settings to get the foreground, and then starts a process
// in its group that stops itself.
func beLate(args []string) {
	terminal := openOwnTerminal()
	if len(args) > 0 {
		must(unix.Kill(os.Getpid(), unix.SIGSTOP))
		fmt.Fprintln(terminal, "went on")
		return
	}
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), termiosGet)
	must(err)
	must(unix.IoctlSetTermios(int(terminal.Fd()), termiosSet, state))
	child := exec.Command(self())
	child.Env = append(os.Environ(), as("late stops"))
	must(child.Run())
}

// bePlaced prints whether it is in the terminal's foreground.
func bePlaced([]string) {
	terminal := openOwnTerminal()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	must(err)
	fmt.Fprintf(terminal, "foreground %v\n", group == unix.Getpgrp())
}

// plan tells a supervisor what to run and under which lease. Durations are in nanoseconds.
type plan struct {
	Role          string // of the command
	Path          string // of the command; empty: this program
	OnLost        OnLost
	Grace, Margin time.Duration
	Left          time.Duration // of the lease; 0: it cannot lapse
	Renewing      bool          // each look at the lease renews it
	Lose          bool          // before the start
	OtherChild    bool          // it already has a child
	NoInput       bool          // standard input is not the terminal
	NoOutput      bool          // standard output is not the terminal
}

// news is one message of a supervisor to its test.
type news struct {
	Notice     *Notice
	Why        string
	Code       int
	Lost       string
	Broken     bool // Lost wraps broadcast.ErrBroken
	Error      string
	ErrCode    int // of Error
	Ended      bool
	Asked      syscall.Signal
	OtherChild int // its earlier child
	Looks      int // how often it has looked at the lease
}

// beSupervisor runs a command as its plan says. It reads changes of the lease from
// descriptor 3 and writes news to 4.
func beSupervisor([]string) {
	control, tell := os.NewFile(3, "control"), os.NewFile(4, "news")
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	lines := bufio.NewScanner(control)
	lines.Scan()
	var p plan
	must(json.Unmarshal(lines.Bytes(), &p))
	out := json.NewEncoder(tell)
	lease := &fakeLease{left: p.Left, isRenewing: p.Renewing, done: make(chan struct{}), warned: make(chan struct{})}
	if p.Lose {
		lease.lose()
	}
	if p.OtherChild {
		other := exec.Command(self())
		other.Env = append(os.Environ(), as("hear"))
		must(other.Start())
		must(out.Encode(news{OtherChild: other.Process.Pid}))
	}
	go func() {
		for lines.Scan() {
			lease.take(lines.Text(), out)
		}
	}()
	path := p.Path
	if path == "" {
		path = self()
	}
	stdin, stdout := os.Stdin, os.Stdout
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	must(err)
	if p.NoInput {
		stdin = null
	}
	if p.NoOutput {
		stdout = null
	}
	result, err := Run(Config{
		Lease: lease, Path: path, Args: []string{"command"},
		Env:   []string{as(p.Role), "CONCH_LOCK=x", "CONCH_FENCE=7"},
		Stdin: stdin, Stdout: stdout, Stderr: os.Stderr,
		OnLost: p.OnLost, Grace: p.Grace, Margin: p.Margin,
		Notify: func(n Notice, why error) { must(out.Encode(news{Notice: &n, Why: fmt.Sprint(why)})) },
	})
	last := news{Ended: true, Code: result.ExitCode(), Asked: result.Asked}
	if result.Lost != nil {
		last.Lost, last.Broken = result.Lost.Error(), errors.Is(result.Lost, broadcast.ErrBroken)
	}
	if err != nil {
		last.Error, last.ErrCode = err.Error(), StartExitCode(err)
	}
	must(out.Encode(last))
}

// fakeLease is a lease that the test controls.
type fakeLease struct {
	mu         sync.Mutex
	left       time.Duration
	isRenewing bool
	looks      int
	err        error
	warning    error
	done       chan struct{}
	warned     chan struct{}
}

func (l *fakeLease) Done() <-chan struct{} { return l.done }

func (l *fakeLease) Warned() <-chan struct{} { return l.warned }

func (l *fakeLease) Warning() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.warning
}

func (l *fakeLease) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *fakeLease) Deadline() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		return time.Time{}
	}
	l.looks++
	return time.Now().Add(l.left)
}

func (l *fakeLease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = broadcast.ErrLost
	close(l.done)
}

// take applies one line of the test's.
func (l *fakeLease) take(line string, out *json.Encoder) {
	words := strings.Fields(line)
	if words[0] == "lose" {
		l.lose()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch words[0] {
	case "left":
		left, err := time.ParseDuration(words[1])
		must(err)
		l.left = left
	case "break":
		l.warning = fmt.Errorf("%w: tired of waiting", broadcast.ErrBroken)
		close(l.warned)
	case "lapse":
		l.warning = broadcast.ErrLapsing
		close(l.warned)
	case "looks":
		must(out.Encode(news{Looks: l.looks}))
	}
}

// must ends a process that cannot play its role.
func must(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Getenv(roleVariable), err)
		os.Exit(99)
	}
}
