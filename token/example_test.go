package token_test

import (
	"fmt"

	"conch/token"
)

// driver does for three nodes what a driver does for one: it performs their effects.
// Here messages travel at once and clocks stand still.
type driver struct {
	nodes [3]*token.Node
}

// clock is what every node's clock reads.
const clock token.Time = 0

// perform performs the effects of a node's latest input, in order.
func (d *driver) perform(m token.Member) {
	type letter struct {
		to      token.Member
		message token.Message
	}
	var sent []letter
	for _, e := range d.nodes[m].Effects() {
		switch e.Kind {
		case token.Send:
			sent = append(sent, letter{e.Peer, e.Message})
			if e.Lock != "" {
				fmt.Printf("%d sends %v to %d\n", m, e.Message.Kind, e.Peer)
			}
		case token.Asked:
			fmt.Printf("%d asks, RN %v\n", m, e.State.RequestNumbers)
		case token.Grant:
			fmt.Printf("%d enters: waiter %d, fence %d\n", m, e.Waiter, e.Fence)
		case token.Left:
			fmt.Printf("%d leaves, LN %v, Q %v\n", m, e.State.LastGranted, e.State.Queue)
		}
	}
	for _, l := range sent {
		d.nodes[l.to].Receive(clock, m, l.message)
		d.perform(l.to)
	}
}

// startCluster starts three nodes, opens the streams between them, and waits for
// their sessions.
func startCluster() *driver {
	d := &driver{}
	for m := range d.nodes {
		var err error
		d.nodes[m], err = token.New(clock, token.Config{
			Self:           token.Member(m),
			Members:        len(d.nodes),
			Incarnation:    token.Incarnation{byte(m)}, // drawn at random in earnest
			Session:        1,                          // above all that were stored
			TTL:            2e9,
			IdleToken:      token.DefaultIdleToken,
			IdleLock:       token.DefaultIdleLock,
			FencesPerEpoch: token.MaxFencesPerEpoch,
		})
		if err != nil {
			panic(err)
		}
	}
	for m := range token.Member(len(d.nodes)) {
		for j := range token.Member(len(d.nodes)) {
			if j == m {
				continue
			}
			if err := d.nodes[j].ReceiveHello(clock, m, d.nodes[m].Hello(j)); err != nil {
				panic(err)
			}
			d.nodes[m].PeerUp(clock, j)
			d.perform(m)
		}
	}
	for m := range token.Member(len(d.nodes)) {
		d.perform(m)
		d.nodes[m].Tick(clock)
		d.perform(m)
	}
	return d
}

// One entry, from the request to the token's next move. The first to ask for a lock
// brings its token about; the second has it sent.
func Example() {
	d := startCluster()

	d.nodes[0].Acquire(clock, "printer", 7)
	d.perform(0)

	fmt.Println("-- now 1 asks, while 0 is in the critical section")
	d.nodes[1].Acquire(clock, "printer", 8)
	d.perform(1)

	fmt.Println("-- and 0 leaves")
	d.nodes[0].Release(clock, "printer", 7)
	d.perform(0)
	// Output:
	// 0 asks, RN [1.1 0.0 0.0]
	// 0 sends REQUEST to 1
	// 0 sends REQUEST to 2
	// 0 sends PROBE to 1
	// 0 sends PROBE to 2
	// 1 sends PROBE-ANSWER to 0
	// 2 sends PROBE-ANSWER to 0
	// 0 sends BALLOT to 1
	// 0 sends BALLOT to 2
	// 1 sends BALLOT-ANSWER to 0
	// 2 sends BALLOT-ANSWER to 0
	// 0 enters: waiter 7, fence 16777217
	// -- now 1 asks, while 0 is in the critical section
	// 1 asks, RN [1.1 1.1 0.0]
	// 1 sends REQUEST to 0
	// 1 sends REQUEST to 2
	// -- and 0 leaves
	// 0 leaves, LN [1.1 1.0 1.0], Q [1]
	// 0 sends TOKEN to 1
	// 1 enters: waiter 8, fence 16777218
}
