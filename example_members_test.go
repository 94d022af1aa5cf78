package conch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"conch"
)

// A program on a new machine becomes a member of a cluster that runs. Its log says which
// command adds it.
func ExampleStart_join() {
	run := func(ctx context.Context) error {
		patient, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		node, err := conch.Start(patient, conch.Config{
			Listen:    ":7400",
			Advertise: "node4:7400",
			Join:      []string{"node1:7400", "node2:7400"},
			DataDir:   "/var/lib/jobs/conch",
			TLS:       conch.TLSFiles{Cert: "node4.crt", Key: "node4.key", CA: "ca.crt"},
			Log:       zerolog.New(os.Stderr),
		})
		if err != nil {
			return err // nobody has added it in an hour, say; the error has the command too
		}
		select {
		case <-ctx.Done():
		case <-node.Done():
		}
		if err := node.Err(); errors.Is(err, conch.ErrRemoved) {
			fmt.Println("the machine is no member any more") // do not start the program again
		}
		return node.Stop(context.WithoutCancel(ctx))
	}
	_ = run
}

// A machine is dead. Another one, whose node waits to be added, takes its place.
func ExampleClient_ChangeMembers() {
	replace := func(ctx context.Context, client *conch.Client) error {
		change := conch.Change{Remove: []string{"node2:7400"}, Add: []string{"node6:7400"}}
		plan, err := client.PlanChange(ctx, change)
		if err != nil {
			return err // it says what is missing
		}
		for _, warning := range plan.Warnings {
			fmt.Println(warning)
		}
		change.OnProgress = func(p conch.ChangeProgress) { fmt.Println(p.Stage, p.Awaited) }
		members, err := client.ChangeMembers(ctx, change)
		if errors.Is(err, conch.ErrOtherChange) {
			return fmt.Errorf("somebody else was first: %w", err)
		}
		fmt.Println("the members are", members)
		return err
	}
	_ = replace
}
