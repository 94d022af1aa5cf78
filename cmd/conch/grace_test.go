package main

import (
	"testing"

	"conch/internal/client/attachment"
	"conch/internal/frames"
	"conch/token"
)

// A client of a cluster that is well, in which no message takes any time, and in which
// node and client ping each T/4 at any phase to each other: how near the end of its lease
// comes between two Pings. Nobody may ask for more grace than that, and for nearly as
// much less as one Ping that comes late.
func TestGraceLeavesRoomForALeaseThatIsWell(t *testing.T) {
	const (
		ttl     = token.Time(1_000_000)
		quarter = ttl / 4
	)
	least := ttl
	for phase := token.Time(0); phase < quarter; phase += quarter / 100 {
		now := 10 * ttl
		a := attachment.New(now, attachment.Config{TTL: ttl})
		a.Up(now)
		id := a.Ask(now, "x", token.Exclusive, false)
		// answer answers the Ping of a frame as a node does, whose own Ping was answered
		// at the latest multiple of T/4 and the phase.
		answer := func(frame []frames.ClientMessage) {
			remaining := (now-phase)/quarter*quarter + phase + ttl*99/100 - now
			for _, m := range frame {
				answer := frames.NodeMessage{Kind: frames.Pong, Stamp: m.Stamp, Session: 1, Remaining: remaining}
				if m.Kind == frames.Acquire {
					answer = frames.NodeMessage{Kind: frames.Granted, ID: m.ID, Fence: 1, Session: 1, HadPing: true, Stamp: now, Remaining: remaining}
				}
				if err := a.Receive(now, answer); err != nil {
					t.Fatal(err)
				}
			}
		}
		answer(a.Take(now))
		for end := now + 3*ttl; a.NextTick() < end; {
			now = a.NextTick()
			deadline, held := a.Deadline(id)
			if !held {
				t.Fatal("the lock is lost, and all is well")
			}
			least = min(least, deadline-now)
			a.Tick(now)
			answer(a.Take(now))
		}
	}
	most := ttl / maxGraceShare
	t.Logf("%d of %d is left at the least, and the most grace is %d", least, ttl, most)
	if margin := least - most; margin < ttl/5 {
		t.Errorf("%d is left between the most grace and the end of a lease that is well; want a fifth of T, %d, at least", margin, ttl/5)
	}
}
