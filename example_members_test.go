package conch_test

import (
	"context"
	"errors"
	"fmt"

	"conch"
)

// A machine is dead. Another one, whose node runs with --join, takes its place.
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
