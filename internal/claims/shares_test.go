package claims

import (
	"errors"
	"strings"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

func (b *bench) share(st Stream, id uint64, lock string, limit token.Limit) {
	b.say(st, frames.ClientMessage{Kind: frames.Acquire, ID: id, Lock: lock, Limit: limit})
}

// fences are those of a lock's holders, in the order in which they entered.
func (b *bench) fences(lock string) []token.Fence {
	var fences []token.Fence
	b.table.HoldersOf(b.now, lock, func(h Holder) { fences = append(fences, h.Fence) })
	return fences
}

func TestReadersHoldTogetherAndAWriterWaits(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	b.share("st", 1, "l", token.Unlimited)
	b.share("st", 2, "l", token.Unlimited)
	b.acquire("st", 3, "l")
	b.share("st", 4, "l", token.Unlimited) // behind the writer
	b.wants("st: pong", "st: granted 1", "st: granted 2")
	fences := b.fences("l")
	if len(fences) != 2 {
		t.Fatalf("holders with the fences %v, want two readers", fences)
	}
	b.say("st", frames.ClientMessage{Kind: frames.Release, ID: 1, Lock: "l", Fence: fences[0]})
	b.wants("st: released 1 outcome 1")
	b.say("st", frames.ClientMessage{Kind: frames.Release, ID: 2, Lock: "l", Fence: fences[1]})
	b.wants("st: released 2 outcome 1", "st: granted 3")
	b.say("st", frames.ClientMessage{Kind: frames.Release, ID: 3, Lock: "l", Fence: b.fence("l")})
	b.wants("st: released 3 outcome 1", "st: granted 4")
}

// Holds of one fence are told apart by their ids: a Release that is repeated ends no other.
func TestReleaseOfASharedHoldNamesIt(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	for id := uint64(1); id <= 3; id++ {
		b.share("st", id, "l", 3)
	}
	b.wants("st: pong", "st: granted 1", "st: granted 2", "st: granted 3")
	fence := b.fences("l")[1]
	release := func(id uint64) {
		b.say("st", frames.ClientMessage{Kind: frames.Release, ID: id, Lock: "l", Fence: fence})
	}
	release(0) // which hold is meant?
	release(2)
	release(2)
	b.wants("st: released 0 outcome 2", "st: released 2 outcome 1", "st: released 2 outcome 2")
	if got := b.fences("l"); len(got) != 2 {
		t.Errorf("holders with the fences %v, want two", got)
	}
}

func TestSharedHoldIsResumed(t *testing.T) {
	b := newBench(t)
	b.attach("old", 1)
	b.ping("old")
	b.share("old", 1, "l", token.Unlimited)
	b.share("old", 2, "l", token.Unlimited)
	b.wants("old: pong", "old: granted 1", "old: granted 2")
	fences := b.fences("l")
	b.detach("old")
	b.attach("new", 1)
	b.ping("new")
	b.say("new", frames.ClientMessage{Kind: frames.Acquire, ID: 2, Lock: "l", ResumeFence: fences[1]})
	b.wants("new: pong", "new: granted 2")
	b.after(ttl / 2)
	b.ping("new")
	b.after(ttl / 2)
	b.wants("new: pong", "expired l") // the first was not taken up
	b.ping("new")
	for range 4 {
		b.after(ttl / 2)
		b.ping("new")
	}
	if got := b.fences("l"); len(got) != 1 || got[0] != fences[1] {
		t.Errorf("holders with the fences %v, want the one that was resumed, %d", got, fences[1])
	}
}

func TestOtherLimitIsRefusedWithBothAndWhoseItIs(t *testing.T) {
	b := newBench(t)
	b.table.cfg.Addresses = []string{"a:1"}
	b.attach("st", 1)
	b.ping("st")
	b.share("st", 1, "l", 2)
	b.told = nil
	m := frames.ClientMessage{Kind: frames.Acquire, ID: 2, Lock: "l", Limit: 3}
	b.table.Receive(b.now, "st", &m)
	for _, e := range b.node.Effects() {
		b.table.Take(b.now, &e)
	}
	var text string
	for _, e := range b.table.Effects() {
		if e.Kind == Tell && e.Message.Kind == frames.Refused && e.Message.Refusal.Code == frames.CodeOtherLimit {
			text = e.Message.Refusal.Text
		}
	}
	for _, want := range []string{"2 permits", "3 permits", "a:1"} {
		if !strings.Contains(text, want) {
			t.Errorf("refused with %q, want %q in it", text, want)
		}
	}
	b.share("st", 3, "l", token.Unlimited)
	b.share("st", 4, "l", token.MaxPermits+1)
	b.share("st", 5, "l", token.Unlimited-1)
	b.wants("st: refused 3 code 16", "st: refused 4 code 3", "st: refused 5 code 3")
}

func TestSetLimitHoldsNothing(t *testing.T) {
	b := newBench(t)
	set := func(id token.Waiter, limit token.Limit) {
		b.table.SetLimit(b.now, id, "l", limit, "set", new(Caller))
		b.settle()
	}
	set(1, 3)
	b.wants("set: refuse code 16")
	set(1, 0)
	set(1, token.Unlimited)
	set(1, token.MaxPermits+1)
	b.wants("set: refuse code 3", "set: refuse code 3", "set: refuse code 3")
	b.attach("st", 1)
	b.ping("st")
	b.share("st", 1, "l", 1)
	b.share("st", 2, "l", 1)
	b.wants("st: pong", "st: granted 1")
	b.say("st", frames.ClientMessage{Kind: frames.Withdraw, ID: 2})
	set(2, 2)
	b.wants("st: withdrawn 2", "set: answer")
	b.share("st", 3, "l", 2)
	b.share("st", 4, "l", 1)
	b.wants("st: granted 3", "st: refused 4 code 16")
	set(3, 1) // does not wait for those who have permits
	b.wants("set: answer")
	for _, id := range []uint64{1, 3} {
		var fence token.Fence
		for _, c := range b.table.clients[frames.Incarnation{1}].claims {
			if c.number == id {
				fence = c.fence
			}
		}
		b.say("st", frames.ClientMessage{Kind: frames.Release, ID: id, Lock: "l", Fence: fence})
	}
	b.wants("st: released 1 outcome 1", "st: released 3 outcome 1")
	b.acquire("st", 5, "l")
	b.table.SetLimit(b.now, 4, "l", 1, "late", new(Caller)) // no higher one, so it waits
	b.settle()
	b.wants("st: granted 5")
	b.table.Withdraw(b.now, 4)
	b.settle()
	b.wants("late: refuse code 0")
	b.detach("st")
	b.after(ttl)
	b.empty()
}

func TestBreakMeetsThoseWithTheFence(t *testing.T) {
	b := newBench(t)
	for i, who := range []Caller{{Host: "x", PID: 7}, {Host: "x", PID: 8}, {Host: "y", PID: 7}} {
		b.table.Ask(b.now, token.Waiter(i+1), "l", token.Unlimited, false, who, &who)
	}
	b.settle()
	b.told = nil
	fences := b.fences("l")
	if len(fences) != 3 {
		t.Fatalf("holders with the fences %v, want three", fences)
	}
	count := func(whom Whom) int {
		broken, err := b.table.Break(b.now, "l", whom, "by")
		if err != nil {
			t.Errorf("Break %+v: %v", whom, err)
		}
		return len(broken)
	}
	with := 0 // holders with the last fence
	for _, f := range fences {
		if f == fences[2] {
			with++
		}
	}
	if _, err := b.table.Break(b.now, "l", Whom{Fence: fences[2] + 1}, "by"); !errors.Is(err, ErrWrongFence) {
		t.Errorf("Break with another fence = %v, want ErrWrongFence", err)
	}
	if _, err := b.table.Break(b.now, "l", Whom{Fence: fences[2], PID: 9}, "by"); !errors.Is(err, ErrNotAmong) {
		t.Errorf("Break of another process = %v, want ErrNotAmong", err)
	}
	if got := count(Whom{Fence: fences[2], PID: 7, Host: "y"}); got != 1 {
		t.Errorf("Break of one process met %d holds, want 1", got)
	}
	if got := count(Whom{Fence: fences[2]}); got != with {
		t.Errorf("Break by fence met %d holds, want %d", got, with)
	}
}

func TestDrainLetsSharersFinish(t *testing.T) {
	b := newBench(t)
	b.attach("st", 1)
	b.ping("st")
	b.share("st", 1, "l", 2)
	b.share("st", 2, "l", 2)
	b.share("st", 3, "l", 2)
	b.table.SetLimit(b.now, 1, "l", 3, "set", new(Caller))
	b.table.Drain(b.now)
	b.settle()
	b.wants("st: pong", "st: granted 1", "st: granted 2", "set: refuse code 6", "st: refused 3 code 6")
	if holds, waits, _ := b.table.Counts(); holds != 2 || waits != 0 {
		t.Errorf("%d holds and %d waits, want 2 and none", holds, waits)
	}
	b.table.Stop(b.now)
	b.settle()
	b.wants("st: warned 1 reason 3", "st: warned 2 reason 3")
	b.after(2 * ttl)
	b.told = nil
	b.detach("st")
	b.empty()
}

func TestGrantOfASharerThatHasGoneGoesBack(t *testing.T) {
	b := newBench(t)
	b.table.Ask(b.now, 1, "l", 1, false, "gone", new(Caller))
	b.settle()
	b.table.Ask(b.now, 2, "l", 1, false, "next", new(Caller))
	b.settle()
	b.wants("gone: answer", "next: answer")
	b.table.Release(b.now, 2)
	b.settle()
	b.empty()
}
