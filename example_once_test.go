package conch_test

import (
	"context"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"conch"
)

// Each of several machines has the same schedule, with robfig/cron. The backup runs once a
// night.
func ExampleLocker_cron() {
	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	jobs := cron.New(cron.WithLocation(time.UTC)) // in one zone on all machines
	var id cron.EntryID
	id, err = jobs.AddFunc("0 3 * * *", func() {
		turn := jobs.Entry(id).Prev // 03:00:00, though it is a little later by now
		ran, err := client.Once(ctx, "nightly", turn.Unix(), func(ctx context.Context, fence uint64) error {
			return nil // back up
		})
		fmt.Println(ran, err)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs.Run()
}

// Two machines start the same job. One of them runs it, and it is known how it ended.
func ExampleClient_Once() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	turn := time.Now().Round(24 * time.Hour)
	for _, machine := range []string{"web1", "web2"} {
		client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
		if err != nil {
			fmt.Println(err)
			return
		}
		ran, err := client.Once(ctx, "nightly", turn.Unix(), func(context.Context, uint64) error {
			fmt.Println("backs up:", machine)
			return nil
		})
		fmt.Println(ran, err)
		if err := client.Close(); err != nil {
			fmt.Println(err)
		}
	}

	// Output:
	// backs up: web1
	// true <nil>
	// false <nil>
}
