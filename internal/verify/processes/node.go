package processes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// pollInterval is how often a file is checked for something awaited.
	pollInterval = 5 * time.Millisecond
	// stopPatience is how long a node may take to stop before it is killed. A stopping node
	// lets its critical section end and passes the token on, which takes milliseconds.
	stopPatience = 10 * time.Second
)

// errPortTaken: a node found its port in use.
var errPortTaken = errors.New("port is in use")

// Node is one member of a cluster: an address, a log file, and its present process, if any.
// Its methods may be called from any goroutine, but only one of Start and Stop at a time.
type Node struct {
	address string
	listen  string
	logFile string
	socket  string // empty: it serves no clients
	page    string // HOST:PORT; empty: it has none
	dataDir string
	command []string

	mu      sync.Mutex
	process *process // nil before the first start
	wanted  bool     // the process should be running
}

// Address is the node's address, by which it is known in all logs.
func (n *Node) Address() string { return n.address }

// Listens is where the node listens: at its address, unless Config.Advertise gave it
// another.
func (n *Node) Listens() string { return n.listen }

// Socket is the path of the node's unix socket, and Page the HOST:PORT of its page. They
// are empty unless the node serves clients.
func (n *Node) Socket() string { return n.socket }

// Page is described at Socket.
func (n *Node) Page() string { return n.page }

// LogFile is where the node writes its log; each of its processes appends.
func (n *Node) LogFile() string { return n.logFile }

// Pid is the process id of the node's latest process, 0 if there was none.
func (n *Node) Pid() int {
	if p := n.latest(); p != nil {
		return p.cmd.Process.Pid
	}
	return 0
}

// Start starts a process for the node, the first time or after Kill or Stop, and waits
// until the log says that it has started or, if it serves clients, until its socket accepts
// them.
func (n *Node) Start(ctx context.Context) error {
	offset, err := n.launch()
	if err != nil {
		return err
	}
	return n.awaitStarted(ctx, offset)
}

// launch starts a process and returns where its part of the log begins.
func (n *Node) launch() (offset int64, err error) {
	if p := n.latest(); p != nil && !p.isGone() {
		return 0, fmt.Errorf("node %s: it runs already, as process %d", n.address, n.Pid())
	}
	if info, err := os.Stat(n.logFile); err == nil {
		offset = info.Size()
	}
	p, err := startProcess(n.command[0], n.command[1:]...)
	if err != nil {
		return 0, fmt.Errorf("node %s: start: %w", n.address, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process, n.wanted = p, true
	return offset, nil
}

// awaitStarted waits until the latest process has started: its log says so, or the socket
// of a node that serves clients, since that node may log only errors.
func (n *Node) awaitStarted(ctx context.Context, offset int64) error {
	err := poll(ctx, func() (bool, error) {
		if err := n.failure(); err != nil {
			return false, err
		}
		if n.socket != "" {
			return admits(ctx, n.socket), nil
		}
		return contains(n.logFile, offset, `"event":"node_started"`)
	})
	if err != nil {
		return fmt.Errorf("node %s: wait for its start: %w", n.address, err)
	}
	return nil
}

// failure says how the node's process ended if it ended although it should run.
func (n *Node) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.process
	if !n.wanted || !p.isGone() {
		return nil
	}
	if strings.Contains(p.output.String(), syscall.EADDRINUSE.Error()) {
		return fmt.Errorf("process %d ended: %w: %s", p.cmd.Process.Pid, errPortTaken, p.ending())
	}
	return fmt.Errorf("process %d ended: %s", p.cmd.Process.Pid, p.ending())
}

// Kill ends the node's process at once, with SIGKILL, and waits until it is gone.
func (n *Node) Kill() error {
	p := n.dismiss()
	if p == nil {
		return nil
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("node %s: %w", n.address, err)
	}
	<-p.gone
	return nil
}

// Stop asks the node's process to end, with SIGTERM, and waits until it is gone: a
// frozen process is thawed for it, and one that is still there after ten seconds,
// or when ctx ends, is killed. The error tells of a process that did not end by
// itself with exit status 0.
func (n *Node) Stop(ctx context.Context) error {
	p := n.dismiss()
	if p == nil || p.isGone() {
		return nil
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGCONT} {
		if err := p.signal(s); err != nil {
			return fmt.Errorf("node %s: %w", n.address, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	select {
	case <-p.gone:
	case <-ctx.Done():
		if err := n.Kill(); err != nil {
			return err
		}
		return fmt.Errorf("node %s: it did not stop on SIGTERM and was killed: %w", n.address, ctx.Err())
	}
	if p.err != nil {
		return fmt.Errorf("node %s: it did not stop cleanly: %s", n.address, p.ending())
	}
	return nil
}

// Freeze stops the node's process in its tracks, with SIGSTOP.
func (n *Node) Freeze() error { return n.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on, with SIGCONT.
func (n *Node) Thaw() error { return n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) error {
	p := n.latest()
	if p == nil || p.isGone() {
		return fmt.Errorf("node %s: no process to send %v to", n.address, s)
	}
	if err := p.signal(s); err != nil {
		return fmt.Errorf("node %s: %w", n.address, err)
	}
	return nil
}

func (n *Node) latest() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// dismiss returns the latest process, nil if there was none, and notes that it is
// to end.
func (n *Node) dismiss() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted = false
	return n.process
}

// poll calls met until it says yes or fails, or ctx ends.
func poll(ctx context.Context, met func() (bool, error)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		ok, err := met()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// admits reports whether a process accepts connections at a unix socket.
func admits(ctx context.Context, path string) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return false // there is none yet
	}
	_ = conn.Close() // nothing was said
	return true
}

// contains reports whether text stands in a file, from offset on. In a file that is
// not there, nothing does.
func contains(path string, offset int64, text string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.NewSectionReader(file, offset, math.MaxInt64-offset))
	return bytes.Contains(data, []byte(text)), err
}
