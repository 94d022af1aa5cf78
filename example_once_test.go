package conch_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conch"
)

// Many machines have the same schedule, and each turn of it is to run on one of them.
func ExampleClient_Once() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// The turn nearest to now: the machines' clocks may differ by up to half an interval.
	const interval = time.Hour
	tick := time.Now().Add(interval / 2).Truncate(interval).Unix()
	for machine := range 3 {
		ran, err := client.Once(ctx, "hourly report", tick, func(_ context.Context, fence uint64) error {
			// A resource that compares fences can refuse a run that comes too late.
			return nil
		})
		fmt.Println("machine", machine, "ran it:", ran, err)
	}

	// Output:
	// machine 0 ran it: true <nil>
	// machine 1 ran it: false <nil>
	// machine 2 ran it: false <nil>
}

// Whoever needs to know how another's run ended asks for the run itself. Numbers will do for
// ticks where there is no schedule, such as those of a database's migrations.
func ExampleClient_LockRun() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	const tenYears = 10 * 365 * 24 * time.Hour // a number that is forgotten is run again
	migrate := func() error {
		run, err := client.LockRun(ctx, "migrations", conch.Run{Tick: 42, Plain: true, RememberFor: tenYears})
		var ran *conch.RanError
		switch {
		case errors.As(err, &ran):
			fmt.Println("it ran before, and ended with", ran.Run.ExitCode)
			return nil
		case err != nil:
			return err
		}
		defer func() { _ = run.Unlock() }() // where the migration fails, the next one tries again
		// Migrate here, and return the error.
		return run.EndRun(ctx, conch.RunEnd{ExitCode: 0})
	}
	fmt.Println(migrate())
	fmt.Println(migrate())

	runs, err := client.Runs(ctx, "migrations")
	fmt.Println(len(runs), runs[0].Tick, runs[0].State, err)

	// Output:
	// <nil>
	// it ran before, and ended with 0
	// <nil>
	// 1 42 done <nil>
}

// A deployment that is cut short must not be followed by another before somebody has looked.
func ExampleClient_LockKept() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// If this program dies before it unlocks, nobody else gets the lock, until "conch break"
	// says that they may; but whoever comes back as the same owner takes it up again.
	hold, err := client.LockKept(ctx, "deploy/shop", conch.Keep{Owner: "pipeline 17", Adopt: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("deployed:", hold.Unlock())

	// Output:
	// deployed: <nil>
}
