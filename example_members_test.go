package conch_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"conch"
)

// A machine is dead. Another one, whose node runs with --join, takes its place.
func ExampleClient_ChangeMembers() {
	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	change := conch.Change{Remove: []string{"node2:7400"}, Add: []string{"node6:7400"}}
	plan, err := client.PlanChange(ctx, change)
	if err != nil {
		log.Fatal(err) // it says what is missing
	}
	for _, warning := range plan.Warnings {
		fmt.Println(warning)
	}
	change.OnProgress = func(p conch.ChangeProgress) { fmt.Println(p.Stage, p.Awaited) }
	members, err := client.ChangeMembers(ctx, change)
	switch {
	case errors.Is(err, conch.ErrOtherChange):
		fmt.Println("somebody else was first:", err)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("the members are", members)
	}
}
