package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// exitMisuse is the exit code for wrong arguments.
const exitMisuse = 64

func main() {
	switch {
	case len(os.Args) == 5 && os.Args[1] == "once":
		once(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 6 && os.Args[1] == "loop":
		loop(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	default:
		fmt.Fprintln(os.Stderr, "usage: job once WITNESS NAME TIME | job loop WITNESS NAME TIME NODES")
		os.Exit(exitMisuse)
	}
}

// once tells the witness that it has begun, works for a time, and tells that it has ended:
// "leave", or "ended" if it was told to end before.
func once(witness, name, working string) {
	signals, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	work, err := time.ParseDuration(working)
	must(err)
	fence := os.Getenv("CONCH_FENCE")
	tell(witness, "enter", name, fence)
	select {
	case <-signals.Done():
		tell(witness, "ended", name, fence)
	case <-time.After(work):
		tell(witness, "leave", name, fence)
	}
}

// loop runs once under a lock, again and again, until SIGTERM. It tells the witness how
// each run of conch lock ended, if that was not with 0.
func loop(witness, name, working, nodes string) {
	signals, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	for signals.Err() == nil {
		cmd := exec.Command("/usr/bin/conch", "lock", "--node", nodes, "--wait", "60s", "deploy", "--", "/usr/bin/job", "once", witness, name, working)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			tell(witness, "code", name, fmt.Sprint(exit.ExitCode()))
			time.Sleep(100 * time.Millisecond) // a node that is gone is asked for a while
		case err != nil:
			must(err)
		}
	}
}

// tell appends a line to the witness, in one piece.
func tell(witness, what, name, number string) {
	file, err := os.OpenFile(witness, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	must(err)
	_, err = fmt.Fprintf(file, "%s %s %s\n", what, name, number)
	must(errors.Join(err, file.Close()))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "job:", err)
		os.Exit(1)
	}
}
