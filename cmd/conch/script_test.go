package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"conch/hosts"
	"conch/logs"
)

const (
	// patience bounds every wait on a busy machine. No test passes or fails by how long
	// something took.
	patience = 40 * time.Second
	// pollInterval is how often a condition is checked.
	pollInterval = 10 * time.Millisecond
)

func TestMain(m *testing.M) {
	// Otherwise the race detector waits a second at the end of each process.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=10 "+os.Getenv("GORACE")); err != nil {
		panic(err)
	}
	programs := map[string]func(){"conch": main, "witness": witness}
	if programs[filepath.Base(os.Args[0])] == nil {
		// Tests must not use the nodes of whoever runs them.
		sockets, err := os.MkdirTemp("", "conch-sockets-")
		if err != nil {
			panic(err)
		}
		if err := os.Setenv("CONCH_SOCKET_DIR", sockets); err != nil {
			panic(err)
		}
		// Scripts wait for nodes and clocks more than they compute. The flag still counts.
		if err := flag.Set("test.parallel", "4"); err != nil {
			panic(err)
		}
	}
	testscript.Main(m, programs)
}

// TestScript runs the scripts of testdata/script with the real program.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		// Otherwise a node that wrongly starts would run for ever.
		Deadline: time.Now().Add(30 * patience),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"appears":  appears,
			"await":    await,
			"exits":    exits,
			"fetch":    fetch,
			"listen":   listen,
			"metric":   metric,
			"open":     open,
			"ports":    ports,
			"signal":   sendSignal,
			"garbage":  garbage,
			"tear":     tear,
			"validate": validate,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			// Scripts must not use the nodes of whoever runs the tests.
			env.Setenv("CONCH_SOCKET_DIR", filepath.Join(env.WorkDir, ".tmp"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "default-port" { // a node can have it
				return false, fmt.Errorf("unknown condition %q", name)
			}
			listener, err := net.Listen("tcp", hosts.DefaultListen)
			if err != nil {
				return false, nil //nolint:nilerr // that is the answer
			}
			return true, listener.Close()
		},
		RequireUniqueNames: true,
	})
}

// until waits for a condition, within patience.
func until(met func() bool) bool {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !met(); <-ticker.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// await FILE REGEXP [COUNT] waits until the file has COUNT matches, by default one.
func await(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) < 2 || len(args) > 3, "usage: await FILE REGEXP [COUNT]")
	file, pattern, count := ts.MkAbs(args[0]), regexp.MustCompile(args[1]), 1
	if len(args) == 3 {
		number, err := strconv.Atoi(args[2])
		ts.Check(err)
		count = number
	}
	var data []byte
	if !until(func() bool {
		data, _ = os.ReadFile(file)
		return len(pattern.FindAll(data, count)) == count
	}) {
		ts.Fatalf("%s: want %d matches of %q after %v; it has\n%s", args[0], count, args[1], patience, data)
	}
}

// appears FILE waits until the file exists.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 1, "usage: appears FILE")
	if !until(func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	}) {
		ts.Fatalf("%s: not there after %v", args[0], patience)
	}
}

// metric ADDRESS REGEXP expects a match in the metrics at the address.
func metric(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 2, "usage: metric ADDRESS REGEXP")
	client := http.Client{Timeout: patience}
	response, err := client.Get("http://" + args[0] + "/metrics")
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	if !regexp.MustCompile("(?m)" + args[1]).Match(text) {
		ts.Fatalf("no %q in\n%s", args[1], text)
	}
}

// exits CODE COMMAND ARGUMENT... runs a command that must end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) < 2, "usage: exits CODE COMMAND ARGUMENT...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// listen ADDRESS occupies a port until the script ends.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 1, "usage: listen ADDRESS")
	listener, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
}

// ports NAME... sets each variable to a loopback address with a free port.
func ports(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) == 0, "usage: ports NAME...")
	var listeners []net.Listener // all at once, so that no port comes twice
	for _, name := range args {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		listeners = append(listeners, listener)
		ts.Setenv(name, listener.Addr().String())
	}
	for _, listener := range listeners {
		ts.Check(listener.Close())
	}
}

// sendSignal INT|TERM|HUP|KILL TEXT sends a signal to the background command that has TEXT among
// its arguments.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 2, "usage: signal INT|TERM|HUP|KILL TEXT")
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": os.Kill}
	refuse(ts, signals[args[0]] == nil, "signal: want INT, TERM, HUP or KILL")
	for _, cmd := range ts.BackgroundCmds() {
		for _, arg := range cmd.Args {
			if arg == args[1] {
				ts.Check(cmd.Process.Signal(signals[args[0]]))
				return
			}
		}
	}
	ts.Fatalf("signal: no background command has the argument %q", args[1])
}

// garbage ADDRESS sends bytes that no node sends, and waits until the node closes the
// connection.
func garbage(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 1, "usage: garbage ADDRESS")
	conn, err := net.DialTimeout("tcp", args[0], patience)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(patience)))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: conch\r\n\r\n"); err != nil {
		return // hung up already
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		ts.Fatalf("%s: it did not hang up within %v", args[0], patience)
	}
}

// tear FILE BYTES removes the last bytes of a file.
func tear(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 2, "usage: tear FILE BYTES")
	count, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()-count))
}

// validate FILE... checks each line against the logs' schema.
func validate(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) == 0, "usage: validate FILE...")
	for _, name := range args {
		data, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(validateLines(name, data))
	}
}

// validateLines checks each line of a log against the schema. The log must not be empty.
func validateLines(name string, log []byte) error {
	lines := bytes.Split(bytes.TrimSuffix(log, []byte("\n")), []byte("\n"))
	for i, line := range lines {
		if err := logs.Validate(line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
	}
	return nil
}

// refuse fails a script that uses a command wrongly.
func refuse(ts *testscript.TestScript, wrong bool, usage string) {
	if wrong {
		ts.Fatalf("%s", usage)
	}
}
