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
