package claims

import (
	"errors"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

func TestCallerThatHasGoneDeclinesInTheSameStep(t *testing.T) {
	b := newBench(t)
	b.table.Ask(b.now, 1, "l", token.Exclusive, false, "gone", new(Caller))
	b.settle()
	b.wants("gone: answer")
	b.table.Ask(b.now, 2, "l", token.Exclusive, false, "next", new(Caller))
	b.settle()
	b.wants("next: answer")
	b.table.Release(b.now, 2)
	b.settle()
	b.empty()
}

// Inputs of one poster keep their order. If a withdrawal came first all the same, the
// claim's caller would be gone by the grant.
func TestWithdrawalBeforeItsClaimLosesNoLock(t *testing.T) {
	b := newBench(t)
	b.table.Withdraw(b.now, 1)
	b.table.Ask(b.now, 1, "l", token.Exclusive, false, "gone", new(Caller))
	b.settle()
	b.wants("gone: answer")
	b.empty()
}

func TestGrantThatNoClaimWaitsForGoesBack(t *testing.T) {
	b := newBench(t)
	b.node.Acquire(b.now, "l", 77) // unknown to the table
	b.settle()
	b.local("l")
	b.wants("next: answer")
}

func (b *bench) local(lock string) {
	b.table.Ask(b.now, 2, lock, token.Exclusive, false, "next", new(Caller))
	b.settle()
}

// A frame on a replaced stream neither resumes nor ends a hold, and the end of that stream
// changes nothing.
func TestLateFrameOfAReplacedStreamMeansNothing(t *testing.T) {
	b := newBench(t)
	b.attach("old", 1)
	b.ping("old")
	b.acquire("old", 1, "l")
	b.wants("old: pong", "old: granted 1")
	fence := b.fence("l")
	resume := frames.ClientMessage{Kind: frames.Acquire, ID: 1, Lock: "l", ResumeFence: fence}
	b.attach("new", 1)
	b.say("new", resume)
	b.wants("old: end 1", "new: granted 1")
	b.say("old", resume)
	b.say("old", frames.ClientMessage{Kind: frames.Release, ID: 1, Lock: "l", Fence: fence})
	b.acquire("old", 2, "other")
	b.detach("old")
	b.wants()
	for range 10 { // the hold is the new stream's, whose Pings extend it
		b.after(ttl / 2)
		b.ping("new")
	}
	if b.fence("l") != fence {
		t.Error("the hold was passed on")
	}
}

func TestClientIsForgottenWhateverEndsItsLastClaim(t *testing.T) {
	for name, end := range map[string]func(b *bench){
		"its lease": func(b *bench) { b.after(2 * ttl) },
		"the node fails": func(b *bench) {
			b.table.Fail(b.now, frames.Refuse(frames.CodeNodeLeaving, "failed"))
			b.settle()
		},
		"it is abandoned": func(b *bench) { b.table.Abandon(b.now); b.settle() },
		"a break": func(b *bench) {
			if _, err := b.table.Break(b.now, "l", Whom{Fence: b.fence("l")}, "by somebody"); err != nil {
				b.t.Error(err)
			}
			b.after(2 * ttl)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.attach("st", 1)
			b.ping("st")
			b.acquire("st", 1, "l")
			b.acquire("st", 2, "l") // waits
			b.detach("st")
			if holds, waits, clients := b.table.Counts(); holds != 1 || waits != 0 || clients != 1 {
				t.Fatalf("%d holds, %d waits, %d clients after the stream's end; want the hold and its client", holds, waits, clients)
			}
			end(b)
			b.empty()
		})
	}
}

func TestWaitsEndWithTheirStreamAndHoldsDoNot(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	b.acquire("st", 1, "l")
	b.acquire("st", 2, "l")
	b.detach("st")
	b.local("l")
	b.wants("st: pong", "st: granted 1")
	b.after(ttl - 1)
	b.wants()
	b.after(1)
	b.wants("expired l", "next: answer")
}

func TestReleaseIsAnsweredBeforeTheNextGrant(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	b.acquire("st", 1, "l")
	b.acquire("st", 2, "l")
	b.say("st", frames.ClientMessage{Kind: frames.Release, ID: 1, Lock: "l", Fence: b.fence("l")})
	b.wants("st: pong", "st: granted 1", "st: released 1 outcome 1", "st: granted 2")
}

func TestReleaseTellsAnEarlierHoldFromNone(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	b.acquire("st", 1, "l")
	fence := b.fence("l")
	release := func(f token.Fence) { b.say("st", frames.ClientMessage{Kind: frames.Release, Lock: "l", Fence: f}) }
	release(fence + 1)
	release(fence)
	release(fence)
	b.wants("st: pong", "st: granted 1", "st: released 0 outcome 3", "st: released 0 outcome 1", "st: released 0 outcome 2")
}

func TestSilentClientLosesItsStreamAndThenItsHold(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	b.acquire("st", 1, "l")
	b.wants("st: pong", "st: granted 1")
	b.after(ttl)
	b.wants("expired l", "st: lost 1 reason 4")
	b.acquire("st", 2, "l")
	b.wants("st: granted 2")
	b.after(2 * ttl)
	b.wants("expired l", "st: lost 2 reason 4")
	b.local("l")
	b.acquire("st", 3, "l")
	b.wants("next: answer")
	b.after(2 * ttl)
	b.wants("st: end 2")
}

func TestTryThatFindsOutNothingEnds(t *testing.T) {
	node, err := token.New(0, token.Config{
		Members: 2, Session: 1, TTL: ttl, IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, node: node, table: New(node, Config{TTL: ttl, Member: "a:1", Quorum: 2, Members: 2, MaxLocks: 100, MaxPerClient: 100, MaxClaims: 100})}
	b.settle()
	b.attach("st", 1)
	b.say("st", frames.ClientMessage{Kind: frames.Acquire, Try: true, ID: 1, Lock: "l"})
	for range 4 {
		b.after(ttl / 4)
		b.ping("st")
	}
	b.wants("st: pong", "st: pong", "st: pong", "st: refused 1 code 5", "st: pong")
}

func TestStopAfterALeaseRanOut(t *testing.T) {
	// A waiter has a lower id than a holder, and Stop is the first input after the lease.
	node, err := token.New(0, token.Config{
		Members: 1, Session: 1, TTL: ttl, IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, node: node, table: New(node, Config{TTL: ttl, MaxLocks: 100, MaxPerClient: 100, MaxClaims: 100})}
	b.settle()
	b.table.Ask(b.now, 1, "l", token.Exclusive, false, "first", new(Caller))
	b.table.Ask(b.now, 2, "l", token.Exclusive, false, "waiter", new(Caller))
	b.settle()
	b.table.Ask(b.now, 3, "m", token.Exclusive, false, "holder", new(Caller))
	b.settle()
	b.wants("first: answer", "holder: answer")
	b.now += 100 * ttl
	b.table.Stop(b.now)
	b.settle()
	b.wants("waiter: refuse code 6", "first: warn reason 3", "holder: warn reason 3")
	b.table.Abandon(b.now)
	b.settle()
	b.wants("first: lose", "holder: lose")
	b.empty()
}

func TestDrainMovesWaitersOnAndLeavesHoldersAlone(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	b.acquire("st", 1, "l")
	b.acquire("st", 2, "l")
	b.table.Drain(b.now)
	b.settle()
	b.acquire("st", 3, "m")
	b.wants("st: pong", "st: granted 1", "st: refused 2 code 6", "st: refused 3 code 6")
	for range 10 {
		b.after(ttl / 2)
		b.ping("st")
	}
	b.fence("l") // the lease goes on
	b.told = nil
	b.table.Stop(b.now)
	b.settle()
	b.wants("st: warned 1 reason 3")
}

func TestBrokenLocalHoldEndsAfterOneTimeToLive(t *testing.T) {
	b := newBench(t)
	b.local("l")
	if _, err := b.table.Break(b.now, "l", Whom{Fence: b.fence("l") + 1}, "by"); !errors.Is(err, ErrWrongFence) {
		t.Errorf("Break with another fence = %v, want ErrWrongFence", err)
	}
	if _, err := b.table.Break(b.now, "m", Whom{Fence: 1}, "by"); !errors.Is(err, ErrNotHeld) {
		t.Errorf("Break of a lock that nobody holds = %v, want ErrNotHeld", err)
	}
	if broken, err := b.table.Break(b.now, "l", Whom{Fence: b.fence("l")}, "by"); err != nil || len(broken) != 1 || broken[0].Before {
		t.Errorf("Break = %+v, %v", broken, err)
	}
	if broken, err := b.table.Break(b.now, "l", Whom{Fence: b.fence("l")}, "by"); err != nil || len(broken) != 1 || !broken[0].Before {
		t.Errorf("second Break = %+v, %v; want it to change nothing", broken, err)
	}
	b.settle()
	b.after(ttl - 1)
	b.wants("next: answer", "next: warn reason 2")
	b.after(1)
	b.wants("expired l", "next: lose")
	b.empty()
}

func TestBounds(t *testing.T) {
	b := newBench(t)
	b.table.cfg.MaxPerClient, b.table.cfg.MaxClaims, b.table.cfg.MaxLocks = 2, 3, 2
	b.attach("one", 1)
	b.attach("two", 2)
	b.acquire("one", 0, "l")
	b.acquire("one", 1, "l")
	b.acquire("one", 1, "m")
	b.acquire("one", 2, "m")
	b.acquire("one", 3, "l")
	b.wants("one: refused 0 code 2", "one: granted 1", "one: refused 1 code 2", "one: granted 2", "one: refused 3 code 7")
	b.acquire("two", 1, "n")
	b.acquire("two", 1, "l")
	b.acquire("two", 2, "l")
	b.wants("two: refused 1 code 13", "two: refused 2 code 7")
	b.say("two", frames.ClientMessage{Kind: frames.Withdraw, ID: 1})
	b.wants("two: withdrawn 1")
}

func TestAnotherCallersIncarnationIsNotTaken(t *testing.T) {
	b := newBench(t)
	if !b.table.Attach(b.now, "st", frames.Incarnation{1}, Caller{Identity: "anna"}) {
		t.Fatal("the first is not let in")
	}
	if b.table.Attach(b.now, "other", frames.Incarnation{1}, Caller{Identity: "bert"}) {
		t.Error("another caller took over the client")
	}
	b.settle()
	b.wants()
}
