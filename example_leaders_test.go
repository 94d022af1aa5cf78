package conch_test

import (
	"context"
	"fmt"

	"conch"
)

// One of several processes leads. The others learn from its value where it is.
func ExampleClient_Elect() {
	address, stop := exampleNode()
	defer stop()

	ctx := context.Background()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	err = client.Elect(ctx, "scheduler", "http://10.0.0.7:8080", func(ctx context.Context, term conch.Hold) error {
		leader, err := client.Leader(ctx, "scheduler")
		if err != nil {
			return err
		}
		fmt.Println("leads:", leader.Value, leader.Term == term.Fence())
		return term.Say(ctx, "http://10.0.0.7:9090") // it has moved
	})
	fmt.Println(err)

	// Output:
	// leads: http://10.0.0.7:8080 true
	// <nil>
}

// An observer is told of each leader, and when nobody leads.
func ExampleClient_Observe() {
	address, stop := exampleNode()
	defer stop()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	leaders, err := client.Observe(ctx, "scheduler")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-leaders)
	err = client.Elect(ctx, "scheduler", "worker 7", func(context.Context, conch.Hold) error {
		fmt.Println("leads:", (<-leaders).Value)
		return nil
	})
	fmt.Println(err)
	fmt.Println(<-leaders)

	// Output:
	// nobody leads
	// leads: worker 7
	// <nil>
	// nobody leads
}
