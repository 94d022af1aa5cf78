package broadcast

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conch/logs"
	"conch/token"
)

func (m *member) say(hold Hold, value string) {
	m.t.Helper()
	if err := hold.Say(m.t.Context(), value); err != nil {
		m.t.Fatalf("%s: say %.20q: %v", m.address, value, err)
	}
}

func (m *member) leader(lock string) Leader {
	m.t.Helper()
	l, err := m.driver.Leader(m.t.Context(), lock)
	if err != nil {
		m.t.Fatalf("%s: leader: %v", m.address, err)
	}
	return l
}

// led waits until all believe in the same leader.
func led(t *testing.T, want Leader, members ...*member) {
	t.Helper()
	eventually(t, fmt.Sprintf("led by %+v", want), func() bool {
		for _, m := range members {
			if m.leader("cs") != want {
				return false
			}
		}
		return true
	})
}

// A value, its changes and its end reach all members, by one message each; and nothing is
// sent while nothing changes.
func TestValuesReachAllMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		hold := members[0].acquire("cs")
		members[0].say(hold, "one")
		led(t, Leader{Member: "a:1", Term: token.Fence(hold.Fence()), Count: 1, Value: "one"}, members...)
		long := strings.Repeat("é", token.MaxValueBytes/2)
		members[0].say(hold, long)
		led(t, Leader{Member: "a:1", Term: token.Fence(hold.Fence()), Count: 2, Value: long}, members...)
		time.Sleep(5 * testTTL)
		if got := len(members[0].lines("say_sent")); got != 4 {
			t.Errorf("%d SAYs were sent for two values, want 4", got)
		}
		members[0].release(hold)
		led(t, Leader{}, members...)
		members[0].release(members[0].acquire("cs"))
		if got := len(members[0].lines("say_sent")); got != 6 {
			t.Errorf("%d SAYs were sent in all, want 6: a hold without a value sends none", got)
		}
		validLines(t, members...)
		stopAll(members)
	})
}

func TestValuesThatCannotBeSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		a := members[0]
		hold := a.acquire("cs")
		for value, why := range map[string]string{
			strings.Repeat("x", token.MaxValueBytes+1): "bad value: it has 1025 bytes; want at most 1024",
			"\xff": "bad value: it is not UTF-8",
		} {
			if err := hold.Say(t.Context(), value); !errors.Is(err, ErrValue) || err.Error() != why {
				t.Errorf("say %.5q = %v; want ErrValue, %q", value, err, why)
			}
		}
		a.release(hold)
		if err := hold.Say(t.Context(), "late"); !errors.Is(err, ErrReleased) {
			t.Errorf("say after the release = %v; want ErrReleased", err)
		}
		if err := (Hold{}).Say(t.Context(), "x"); !errors.Is(err, ErrNoHold) {
			t.Errorf("say of the zero hold = %v; want ErrNoHold", err)
		}
		reader := a.share("cs", token.Unlimited)
		if err := reader.Say(t.Context(), "x"); !errors.Is(err, ErrShared) {
			t.Errorf("say of a reader = %v; want ErrShared", err)
		}
		a.release(reader)
		hold = a.acquire("cs")
		w.block("b:1", "a:1")
		w.block("c:1", "a:1")
		time.Sleep(2 * testTTL)
		if err := hold.Say(t.Context(), "x"); !errors.Is(err, ErrLost) {
			t.Errorf("say after a lapse = %v; want ErrLost", err)
		}
		_ = hold.Unlock()
		stopAll(members)
	})
}

// The leader's node is cut off: the others are in doubt, elect another, and never believe in
// the first again. It learns of the second when the cut is over.
func TestLeaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		a, others := members[0], members[1:]
		hold := a.acquire("cs")
		a.say(hold, "first")
		first := Leader{Member: "a:1", Term: token.Fence(hold.Fence()), Count: 1, Value: "first"}
		led(t, first, members...)
		for _, other := range others {
			w.block("a:1", other.address)
			w.block(other.address, "a:1")
		}
		first.InDoubt = true
		led(t, first, others...)
		second := others[0].acquire("cs")
		others[0].say(second, "second")
		next := Leader{Member: "b:1", Term: token.Fence(second.Fence()), Count: 1, Value: "second"}
		led(t, next, others...)
		led(t, Leader{}, a) // its session has lapsed
		for _, other := range others {
			w.unblock("a:1", other.address)
			w.unblock(other.address, "a:1")
		}
		led(t, next, members...)
		if err := hold.Unlock(); !errors.Is(err, ErrLost) {
			t.Errorf("Unlock of the first = %v; want ErrLost", err)
		}
		others[0].release(second)
		led(t, Leader{}, members...)
		validLines(t, members...)
		stopAll(members)
	})
}

// A release during a cut is learnt on the next stream, on which nothing is said any more.
func TestReleaseDuringACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		a, b, c := members[0], members[1], members[2]
		hold := a.acquire("cs")
		a.say(hold, "here")
		here := Leader{Member: "a:1", Term: token.Fence(hold.Fence()), Count: 1, Value: "here"}
		led(t, here, members...)
		w.block("a:1", "c:1")
		eventually(t, "without a stream", func() bool { return !connected(a, c) })
		a.release(hold)
		led(t, Leader{}, a, b)
		if got := c.leader("cs"); got.Term != here.Term {
			t.Errorf("c:1 believes %+v, and has heard nothing", got)
		}
		w.unblock("a:1", "c:1")
		led(t, Leader{}, c)
		stopAll(members)
	})
}

// The leader's node dies, and starts again.
func TestLeadersNodeDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		a, others := members[0], members[1:]
		hold := a.acquire("cs")
		a.say(hold, "here")
		here := Leader{Member: "a:1", Term: token.Fence(hold.Fence()), Count: 1, Value: "here"}
		led(t, here, members...)
		a.crash()
		here.InDoubt = true
		led(t, here, others...)
		a = w.startMember(t, "a:1", setup{members: []string{"a:1", "b:1", "c:1"}})
		led(t, Leader{}, a, others[0], others[1])
		stopAll([]*member{a, others[0], others[1]})
	})
}

// An observer that does not receive misses values, and gets the last.
func TestSlowObserverGetsTheLastValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		follow := func(ctx context.Context, tell func(Leader) error) { _ = members[1].driver.Follow(ctx, "cs", nil, tell) }
		observed := RelayLeaders(t.Context(), func(l Leader) Leader { return l }, follow)
		if l := <-observed; l != (Leader{}) {
			t.Errorf("at first: %+v; want nobody", l)
		}
		hold := members[0].acquire("cs")
		const values = 1000
		for i := range values {
			members[0].say(hold, fmt.Sprint(i))
		}
		synctest.Wait()
		seen, last := 0, Leader{}
		for last.Value != fmt.Sprint(values-1) {
			l := <-observed
			if l.Count < last.Count {
				t.Fatalf("%+v after %+v", l, last)
			}
			seen, last = seen+1, l
		}
		if seen > 2 {
			t.Errorf("the observer got %d of %d values, want the last and at most one before", seen, values)
		}
		members[0].release(hold)
		if l := <-observed; l != (Leader{}) {
			t.Errorf("after the release: %+v; want nobody", l)
		}
		stopAll(members)
		if l, open := <-observed; open {
			t.Errorf("after the end: %+v; want the channel closed", l)
		}
	})
}

// The log tells who led, what the leader said, and who heard it.
func TestLogTellsOfLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		hold := members[1].acquire("cs")
		members[1].say(hold, "one")
		led(t, Leader{Member: "b:1", Term: token.Fence(hold.Fence()), Count: 1, Value: "one"}, members...)
		members[1].say(hold, "two")
		led(t, Leader{Member: "b:1", Term: token.Fence(hold.Fence()), Count: 2, Value: "two"}, members...)
		members[1].release(hold)
		led(t, Leader{}, members...)
		members[0].release(members[0].acquire("cs"))
		stopAll(members)
		judge(t, members...)
		var story, brief strings.Builder
		run := runOf(t, members...)
		if err := errors.Join(logs.Explain(run, "cs", hold.Fence(), &story), logs.Brief(run, "cs", hold.Fence(), &brief)); err != nil {
			t.Fatal(err)
		}
		for _, sentence := range []string{
			`The holder at b:1 leads, and says "one".`, `b:1 sends SAY("one") to a:1 and c:1.`, `a:1 receives SAY("one") from b:1.`,
			`The holder at b:1 leads, and says "two".`, `The term of the leader at b:1 is over.`, `b:1 sends SAY(over) to a:1 and c:1.`,
		} {
			if !strings.Contains(story.String(), sentence) {
				t.Errorf("the story lacks %q:\n%s", sentence, &story)
			}
		}
		if !strings.Contains(brief.String(), `sends SAY("two") to A and C`) {
			t.Errorf("in brief:\n%s", &brief)
		}
	})
}

// Without evidence, the log tells when terms begin and end.
func TestLogTellsOfTermsWithoutEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		addresses := []string{"a:1", "b:1"}
		a := w.startMember(t, "a:1", setup{members: addresses})
		b := w.startMember(t, "b:1", setup{members: addresses, plain: true})
		settled(t, []*member{a, b})
		hold := a.acquire("cs")
		a.say(hold, "one")
		led(t, Leader{Member: "a:1", Term: token.Fence(hold.Fence()), Count: 1, Value: "one"}, a, b)
		a.say(hold, "two")
		led(t, Leader{Member: "a:1", Term: token.Fence(hold.Fence()), Count: 2, Value: "two"}, a, b)
		a.release(hold)
		led(t, Leader{}, a, b)
		stopAll([]*member{a, b})
		if got := b.lines("leader", "say_received"); len(got) != 2 || got[0]["value"] != "one" || got[0]["peer"] != "a:1" || got[1]["over"] == nil {
			t.Errorf("%v; want the begin and the end of the term", got)
		}
	})
}
