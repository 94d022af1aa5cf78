package broadcast

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"conch/internal/claims"
	"conch/internal/frames"
	"conch/token"
)

// flushChecker is a client's stream that checks the log whenever it is told something.
type flushChecker struct {
	check func(what string)
	done  chan struct{} // has an entry for each grant and each refusal
}

func (l *flushChecker) Tell(m *frames.NodeMessage) (unsent bool) {
	switch m.Kind {
	case frames.Granted:
		l.check(fmt.Sprintf("granted %d", m.Fence))
		l.done <- struct{}{}
	case frames.Refused:
		l.done <- struct{}{}
	case frames.Warned:
		l.check("warned")
	case frames.Lost:
		l.check("lost")
	}
	return false
}
func (l *flushChecker) End(claims.End) {}
func (l *flushChecker) Send()          {}
func (l *flushChecker) Wake()          {}

// attach makes the flushChecker the only stream of a client of m.
func (l *flushChecker) attach(m *member) {
	m.t.Helper()
	if err := m.driver.Attach(l, frames.Incarnation{1}, Caller{}); err != nil {
		m.t.Fatal(err)
	}
}

// say has the flushChecker's client send a message.
func (l *flushChecker) say(m *member, messages ...frames.ClientMessage) {
	m.driver.FromClient(l, messages)
}

// has reports whether a line with an event has a value under a key.
func (m *member) has(event, key, value string) bool {
	return slices.ContainsFunc(m.lines(event), func(l line) bool { return l[key] == value })
}

// A writer of the log may collect lines until it is flushed. Even so, no token leaves a
// node and no caller is told anything before the node's log says it.
func TestLinesAreWrittenBeforeAnybodySeesWhatTheyTellOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		all := w.startAll(t, "a:1", "b:1")
		eventually(t, "connected", func() bool { return connected(all...) })
		var fence token.Fence
		for round := range uint64(10) {
			for i, m := range all {
				other := all[1-i]
				c := &flushChecker{done: make(chan struct{}, 1), check: func(what string) {
					if _, err := fmt.Sscanf(what, "granted %d", &fence); err != nil {
						return
					}
					if !m.has("enter", "fence", fmt.Sprint(fence)) {
						t.Errorf("%s: %s, and its log does not say so", m.address, what)
					}
					for _, l := range m.lines("token_received") {
						if !other.has("token_sent", "hop", l["hop"].(string)) {
							t.Errorf("%s has received a token, and the log of %s does not say that it was sent: %v", m.address, other.address, l)
						}
					}
				}}
				c.attach(m)
				c.say(m, frames.ClientMessage{Kind: frames.Acquire, ID: round + 1, Lock: "cs"})
				<-c.done
				c.say(m, frames.ClientMessage{Kind: frames.Release, ID: round + 1, Lock: "cs", Fence: fence})
			}
		}
		if got := len(all[0].lines("token_received")); got < 9 {
			t.Errorf("the token came %d times, want at least 9: else nothing was shown", got)
		}
		stopAll(all)
	})
}

// The sender, if awake, may take what is in its queue at any moment.
func TestLinesAreWrittenBeforeTheirMessagesAreQueued(t *testing.T) {
	log := &logBuffer{collects: true}
	o := idleOwner(t, log)
	out := &outgoing{peer: 1, queue: newQueue(1)}
	o.take(0, &input{kind: inputUp, outgoing: out})
	m := member{t: t, log: log}
	if len(o.peers[1].pending) == 0 || len(m.lines("peer_connected")) > 0 {
		t.Fatalf("%d messages are pending, and the lines %v are written; want some, and none", len(o.peers[1].pending), m.lines())
	}
	o.flush()
	if len(m.lines("peer_connected")) != 1 {
		t.Error("the queue has messages that the log does not tell the reason of")
	}
}

func TestLogTellsWhatHasLedToAPanic(t *testing.T) {
	log := &logBuffer{collects: true}
	o := idleOwner(t, log)
	o.take(0, &input{kind: inputUp, outgoing: &outgoing{peer: 1, queue: newQueue(1)}})
	defer func() {
		if recover() == nil {
			t.Error("an input of no kind did not panic")
		}
		m := member{t: t, log: log}
		if len(m.lines("peer_connected")) != 1 {
			t.Errorf("the log has %v, want the line before the panic", m.lines())
		}
	}()
	o.takeNow(&input{})
}

// When a holder hears of the end of its hold, the log already tells it.
func TestLinesOfALossAreWrittenBeforeItsHolderHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		all := w.startAll(t, "a:1", "b:1", "c:1")
		eventually(t, "connected", func() bool { return connected(all...) })
		m := all[0]
		heard := map[string]bool{}
		c := &flushChecker{done: make(chan struct{}, 1), check: func(what string) {
			heard[what] = true
			event := map[string]string{"lost": "lost", "warned": "session_warned"}[what]
			if event != "" && len(m.lines(event)) == 0 {
				t.Errorf("%s, and the log has no line %s", what, event)
			}
		}}
		c.attach(m)
		c.say(m, frames.ClientMessage{Kind: frames.Ping, Stamp: 1}, frames.ClientMessage{Kind: frames.Acquire, ID: 1, Lock: "cs"})
		<-c.done
		for _, other := range all[1:] {
			w.block(m.address, other.address)
			w.block(other.address, m.address)
		}
		for stamp := range token.Time(12) {
			time.Sleep(testTTL / 4)
			c.say(m, frames.ClientMessage{Kind: frames.Ping, Stamp: 2 + stamp})
		}
		synctest.Wait()
		if !heard["lost"] || !heard["warned"] {
			t.Errorf("the holder heard %v, want a warning and the loss", heard)
		}
		stopAll(all)
	})
}
