package workload_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conch/broadcast"
	"conch/internal/node"
	"conch/internal/workload"
	"conch/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startAlone runs a node that is a cluster of one.
func startAlone(t *testing.T) *node.Node {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	address := listener.Addr().String()
	check(t, listener.Close())
	n, err := node.Start(t.Context(), node.Config{Listen: address})
	check(t, err)
	// A later call returns what the first did, which is not what these tests judge.
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	return n
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// witness is a shared file that can fail, and that tells when it is written to.
type witness struct {
	bytes.Buffer
	err     error
	written func()
}

func (w *witness) Write(line []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.written != nil {
		defer w.written()
	}
	return w.Buffer.Write(line)
}

func TestRunEntersAsOftenAsItShould(t *testing.T) {
	node, file := startAlone(t), &witness{}
	check(t, workload.Run(t.Context(), node, workload.Config{Lock: "a", Count: 3, Witness: file}))
	hold, err := node.Acquire(t.Context(), "a", token.Exclusive)
	check(t, err) // it was left
	next := hold.Fence()
	check(t, hold.Unlock())
	var want string
	for fence := next - 3; fence < next; fence++ {
		want += fmt.Sprintf("enter %s %d\nleave %s %d\n", node.Address(), fence, node.Address(), fence)
	}
	if file.String() != want {
		t.Errorf("the witness has\n%swant\n%s", file.String(), want)
	}
}

func TestRunLeavesWhenItIsToldTo(t *testing.T) {
	node := startAlone(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	file := &witness{written: func() { cancel(errors.New("told to")) }}
	check(t, workload.Run(ctx, node, workload.Config{Lock: "a", Hold: time.Hour, Witness: file}))
	if lines := bytes.Count(file.Bytes(), []byte("\n")); lines != 2 || !bytes.Contains(file.Bytes(), []byte("\nleave ")) {
		t.Errorf("the witness has\n%swant one entry, left", file.String())
	}
	// Nor does it wait until it has thought to the end, or until it gets the lock.
	check(t, workload.Run(ctx, node, workload.Config{Lock: "a", Think: time.Hour}))
	hold, err := node.Acquire(t.Context(), "a", token.Exclusive)
	check(t, err)
	defer func() { check(t, hold.Unlock()) }()
	waiting, cancelWaiting := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- workload.Run(waiting, node, workload.Config{Lock: "a"}) }()
	cancelWaiting()
	check(t, <-ended)
}

func TestRunSaysWhenItsHoldWasLost(t *testing.T) {
	node := startAlone(t)
	stop, cancel := context.WithCancel(t.Context())
	cancel() // a node that stops in such a hurry takes the lock away from its holder
	stopped := make(chan struct{})
	file := &witness{}
	file.written = func() {
		file.written = nil
		go func() {
			defer close(stopped)
			_ = node.Stop(stop) // it says that it was cut short
		}()
	}
	err := workload.Run(t.Context(), node, workload.Config{Lock: "a", Hold: time.Hour, Witness: file})
	<-stopped
	if !errors.Is(err, broadcast.ErrStopped) { // the next request finds no node
		t.Errorf("run: %v, want %v", err, broadcast.ErrStopped)
	}
	if !bytes.Contains(file.Bytes(), []byte("\nlost "+node.Address()+" ")) || bytes.Contains(file.Bytes(), []byte("leave")) {
		t.Errorf("the witness has\n%swant one entry, lost", file.String())
	}
}

func TestRunEndsWithItsErrors(t *testing.T) {
	node, full := startAlone(t), errors.New("no space")
	if err := workload.Run(t.Context(), node, workload.Config{Lock: "a", Witness: &witness{err: full}}); !errors.Is(err, full) {
		t.Errorf("run: %v, want %v", err, full)
	}
	hold, err := node.Acquire(t.Context(), "a", token.Exclusive)
	check(t, err) // the lock is not held all the same
	check(t, hold.Unlock())
	if err := workload.Run(t.Context(), node, workload.Config{Lock: ""}); !errors.Is(err, broadcast.ErrName) {
		t.Errorf("run: %v, want %v", err, broadcast.ErrName)
	}
}
