package claims

import (
	"errors"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

func (b *bench) value(st Stream, id, number uint64, value string) {
	b.say(st, frames.ClientMessage{Kind: frames.Say, ID: id, Lock: "x", Fence: b.fence("x"), Number: number, Value: value})
}

func (b *bench) wantsValue(value string, count uint64) {
	b.t.Helper()
	if got := b.node.InspectLeader("x"); got.Value != value || got.Count != count {
		b.t.Errorf("the leader says %q, value %d; want %q, value %d", got.Value, got.Count, value, count)
	}
}

func TestClientSaysValues(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquire("s", 1, "x")
	b.value("s", 1, 1, "one")
	b.value("s", 1, 2, "two")
	b.wants("s: granted 1", "s: said 1 number 1 code 0", "s: said 1 number 2 code 0")
	b.wantsValue("two", 2)

	// The client has not heard the answer, and says it again on its next stream.
	b.detach("s")
	b.wantsValue("two", 2)
	b.attach("t", 1)
	b.say("t", frames.ClientMessage{Kind: frames.Acquire, ID: 1, Lock: "x", ResumeFence: b.fence("x")})
	b.value("t", 1, 2, "two")
	b.wants("t: granted 1", "t: said 1 number 2 code 0")
	b.wantsValue("two", 2)

	// The value ends with the hold.
	fence := b.fence("x")
	b.say("t", frames.ClientMessage{Kind: frames.Release, ID: 1, Lock: "x", Fence: fence})
	b.say("t", frames.ClientMessage{Kind: frames.Say, ID: 1, Lock: "x", Fence: fence, Number: 3, Value: "late"})
	b.wants("t: released 1 outcome 1", "t: said 1 number 3 code 8")
	b.wantsValue("", 0)
}

func TestValuesThatAreRefused(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.say("s", frames.ClientMessage{Kind: frames.Acquire, ID: 1, Lock: "x", Limit: token.Unlimited})
	b.value("s", 1, 1, "of a reader")
	b.wants("s: granted 1", "s: said 1 number 1 code 3")
	b.say("s", frames.ClientMessage{Kind: frames.Say, ID: 1, Lock: "x", Fence: 7, Number: 2, Value: "of another fence"})
	b.say("s", frames.ClientMessage{
		Kind: frames.Say, ID: 1, Lock: "x", Fence: b.fence("x"), Number: 3, Value: "forbidden",
		Refusal: frames.Refuse(frames.CodeForbidden, "no"),
	})
	b.wants("s: said 1 number 2 code 8", "s: said 1 number 3 code 12")
	b.wantsValue("", 0)
}

func TestLocalHolderSaysValues(t *testing.T) {
	b := newBench(t)
	if err := b.table.Say(b.now, 1, "early"); !errors.Is(err, ErrNotHeld) {
		t.Errorf("a value without a hold: %v, want ErrNotHeld", err)
	}
	b.table.Ask(b.now, 1, "x", token.Exclusive, false, "local", &Caller{})
	b.settle()
	if err := b.table.Say(b.now, 1, "here"); err != nil {
		t.Error(err)
	}
	b.wantsValue("here", 1)
	b.table.Release(b.now, 1)
	b.settle()
	b.wantsValue("", 0)
}
