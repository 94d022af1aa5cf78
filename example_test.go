package conch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"conch"
)

// freeAddress stands for the address that you choose for a node.
func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A program that is a member of a cluster of three, whose others run elsewhere, would list
// their addresses in Peers. This cluster is the program alone.
func Example() {
	ctx := context.Background()
	node, err := conch.Start(ctx, conch.Config{Listen: freeAddress()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		// Whoever still holds a lock has ten seconds to unlock it.
		patient, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := node.Stop(patient); err != nil {
			fmt.Println(err)
		}
	}()

	hold, err := node.Lock(ctx, "printer")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("printing alone")
	if err := hold.Unlock(); err != nil {
		fmt.Println(err)
	}

	// Output:
	// printing alone
}

// A resource that two holders must never use at once compares fencing numbers: it remembers
// the highest that it has seen, and refuses a lower one.
func ExampleHold_Fence() {
	ctx := context.Background()
	node, err := conch.Start(ctx, conch.Config{Listen: freeAddress()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { fmt.Println("stopped:", node.Stop(ctx)) }()

	var highest uint64
	write := func(fence uint64, text string) error {
		if fence < highest {
			return errors.New("a later holder has been here")
		}
		highest = fence
		fmt.Println("written:", text)
		return nil
	}

	early, err := node.Lock(ctx, "file")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := early.Unlock(); err != nil {
		fmt.Println(err)
		return
	}
	late, err := node.Lock(ctx, "file")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(write(late.Fence(), "second"))
	fmt.Println(write(early.Fence(), "first, by a holder that overslept"))
	fmt.Println(late.Unlock())

	// Output:
	// written: second
	// <nil>
	// a later holder has been here
	// <nil>
	// stopped: <nil>
}

// A holder that works for long checks whether it still has the lock.
func ExampleHold_Done() {
	ctx := context.Background()
	node, err := conch.Start(ctx, conch.Config{Listen: freeAddress()})
	if err != nil {
		fmt.Println(err)
		return
	}
	hold, err := node.Lock(ctx, "valve")
	if err != nil {
		fmt.Println(err)
		return
	}

	// The program shuts down and does not wait for the holder.
	hurried, cancel := context.WithCancel(ctx)
	cancel()
	lost := hold.Done()
	stopped := make(chan error)
	go func() { stopped <- node.Stop(hurried) }()

	<-lost
	fmt.Println(hold.Err())
	fmt.Println(<-stopped)

	// Output:
	// the lock was lost: the node is stopped
	// stop: a lock is still held: context canceled
}
