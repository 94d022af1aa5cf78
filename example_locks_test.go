package conch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"conch"
)

// exampleNode stands for the node that already runs on the machine. stop ends it.
func exampleNode() (address string, stop func()) {
	dir, err := os.MkdirTemp("", "conch-example")
	if err != nil {
		panic(err)
	}
	node, err := conch.Start(context.Background(), conch.Config{Listen: freeAddress(), DataDir: dir})
	if err != nil {
		panic(err)
	}
	return node.Address(), func() {
		if err := node.Stop(context.Background()); err != nil {
			fmt.Println(err)
		}
		_ = os.RemoveAll(dir)
	}
}

// A program that is a member of the cluster itself runs a node.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "conch-example") // better a directory that outlasts the program
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	node, err := conch.Start(ctx, conch.Config{
		Listen:  freeAddress(),
		Peers:   nil, // the addresses of the other members
		DataDir: dir,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hold, err := node.Lock(ctx, "printer")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("printing alone, as a member of", len(node.Members()))
	fmt.Println(hold.Unlock())
	fmt.Println(node.Stop(ctx))

	// Output:
	// printing alone, as a member of 1
	// <nil>
	// <nil>
}

// A program that is not a member asks one. Without Nodes, Dial finds the node that runs on
// the same machine.
func ExampleDial() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}, Command: "nightly backup"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close() // waits until the node has heard of each Unlock

	hold, err := client.Lock(ctx, "backup")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("backing up alone")
	fmt.Println(hold.Unlock())

	// Output:
	// backing up alone
	// <nil>
}

// Do unlocks whatever happens, and ends the function's context when the lock is lost.
func ExampleClient_Do() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	err = client.Do(ctx, "report", func(ctx context.Context, fence uint64) error {
		for page := 1; page <= 3; page++ {
			if err := context.Cause(ctx); err != nil {
				return err // which wraps conch.ErrLost when the lock was lost
			}
			fmt.Println("page", page)
		}
		return nil
	})
	fmt.Println(err)

	// Output:
	// page 1
	// page 2
	// page 3
	// <nil>
}

// Many may read at once; whoever writes is alone.
func ExampleClient_RLock() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	var readers []conch.Hold
	for range 2 { // in real life, at several machines
		hold, err := client.RLock(ctx, "settings")
		if err != nil {
			fmt.Println(err)
			return
		}
		readers = append(readers, hold)
	}
	_, err = client.TryLock(ctx, "settings")
	fmt.Println(len(readers), "readers; no writer:", errors.Is(err, conch.ErrBusy))
	for _, hold := range readers {
		fmt.Println(hold.Unlock())
	}
	fmt.Println(client.Do(ctx, "settings", func(context.Context, uint64) error {
		fmt.Println("writing alone")
		return nil
	}))

	// Output:
	// 2 readers; no writer: true
	// <nil>
	// <nil>
	// writing alone
	// <nil>
}

// A semaphore: of five jobs, at most two run at once.
func ExampleClient_DoPermit() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	var running, done atomic.Int32
	var jobs sync.WaitGroup
	for range 5 {
		jobs.Go(func() {
			err := client.DoPermit(ctx, "gpu", 2, func(context.Context, uint64) error {
				if n := running.Add(1); n > 2 {
					fmt.Println(n, "jobs at once")
				}
				done.Add(1)
				running.Add(-1)
				return nil
			})
			if err != nil {
				fmt.Println(err)
			}
		})
	}
	jobs.Wait()
	fmt.Println(done.Load(), "jobs done")

	// Another limit is an error, which names both limits and who said the other one.
	_, err = client.TryAcquire(ctx, "gpu", 3)
	fmt.Println(errors.Is(err, conch.ErrLimit))

	// Output:
	// 5 jobs done
	// true
}

// A job that somebody else already does is left to them.
func ExampleClient_TryLock() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	for _, host := range []string{"host1", "host2"} {
		client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer client.Close() //nolint:gocritic // both hosts live to the end

		hold, err := client.TryLock(ctx, "cleanup")
		switch {
		case errors.Is(err, conch.ErrBusy):
			fmt.Println(host, "leaves it to the other")
		case err != nil:
			fmt.Println(host, err)
		default:
			fmt.Println(host, "cleans up")
			defer hold.Unlock() //nolint:errcheck,gocritic // the other host is to find it held
		}
	}

	// Output:
	// host1 cleans up
	// host2 leaves it to the other
}

// A wait may be bounded.
func ExampleClient_Lock() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	hold, err := client.Lock(ctx, "valve")
	if err != nil {
		fmt.Println(err)
		return
	}
	impatient, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err = client.Lock(impatient, "valve") // locks are not reentrant
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	fmt.Println(hold.Unlock())

	// Output:
	// true
	// <nil>
}
