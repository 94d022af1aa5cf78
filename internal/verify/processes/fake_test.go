package processes

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test program act as conch: called as "PROGRAM node ..." it is a node
// that does just enough for this package to run it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		if err := fakeNode(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "parent" {
		parent(os.Args[2])
	}
	// A process built with the race detector waits for a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=10 "+os.Getenv("GORACE")); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// fakeNode listens, logs that it has started, records one critical section, and waits for
// SIGTERM. A node for clients has a socket and a page instead of a log and a critical
// section.
func fakeNode(args []string) error {
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	address := flags.String("listen", "", "")
	logFile := flags.String("log-file", "", "")
	csFile := flags.String("cs-file", "", "")
	flags.String("data-dir", "", "")
	flags.String("peers", "", "")
	flags.String("drain", "", "")
	flags.Bool("auto-request", false, "")
	flags.Bool("single", false, "")
	socket := flags.String("socket", "", "")
	page := flags.String("http", "", "")
	ignoresTerm := flags.Bool("ignores-sigterm", false, "ignore SIGTERM")
	dies := flags.Bool("dies", false, "end after the critical section")
	if err := flags.Parse(args); err != nil {
		return err
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	defer listener.Close()
	if *socket != "" {
		_ = os.Remove(*socket) // of an earlier process
		page, err := net.Listen("tcp", *page)
		if err != nil {
			return err
		}
		defer page.Close()
		clients, err := net.Listen("unix", *socket)
		if err != nil {
			return err
		}
		defer clients.Close()
	} else if err := takeTurn(*address, *logFile, *csFile); err != nil {
		return err
	}
	if *dies {
		return fmt.Errorf("died as it was told to")
	}
	<-terminate
	for *ignoresTerm {
		<-terminate
	}
	return nil
}

// takeTurn logs that a node has started, and records a critical section.
func takeTurn(address, logFile, csFile string) error {
	if err := appendTo(logFile, `{"event":"node_started"}`+"\n"); err != nil {
		return err
	}
	return appendTo(csFile, fmt.Sprintf("enter %s 7\nleave %s 7\n", address, address))
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
}

// parent starts a cluster in dir, writes the process ids of its nodes, and waits for its
// own end.
func parent(dir string) {
	c, err := New(Config{Program: os.Args[0], Nodes: 3, Dir: dir})
	if err == nil {
		err = c.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, node := range c.Nodes() {
		fmt.Println(node.Pid())
	}
	select {}
}
