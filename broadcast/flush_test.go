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

// looker is a client's stream that looks at something when it is told something.
type looker struct {
	look func(what string)
	done chan struct{} // has an entry for each grant and each refusal
}

func (l *looker) Tell(m *frames.NodeMessage) (unsent bool) {
	switch m.Kind {
	case frames.Granted:
		l.look(fmt.Sprintf("granted %d", m.Fence))
		l.done <- struct{}{}
	case frames.Refused:
		l.done <- struct{}{}
	case frames.Warned:
		l.look("warned")
	case frames.Lost:
		l.look("lost")
	}
	return false
}
func (l *looker) End(claims.End) {}
func (l *looker) Send()          {}
func (l *looker) Wake()          {}

// attach makes the looker the only stream of a client of m.
func (l *looker) attach(m *member) {
	m.t.Helper()
	if err := m.driver.Attach(l, frames.Incarnation{1}, Caller{}); err != nil {
		m.t.Fatal(err)
	}
}

// say has the looker's client say something.
func (l *looker) say(m *member, messages ...frames.ClientMessage) { m.driver.FromClient(l, messages) }

// has reports whether a line with an event has a value under a key.
func (m *member) has(event, key, value string) bool {
	return slices.ContainsFunc(m.lines(event), func(l line) bool { return l[key] == value })
}

// A writer of the log may collect lines until it is flushed: then a token has left no node
// whose log does not say so, and no caller is told what its node's log does not tell.
func TestLinesAreWrittenBeforeAnybodySeesWhatTheyTellOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		all := w.startAll(t, "a:1", "b:1")
		eventually(t, "connected", func() bool { return connected(all...) })
		var fence token.Fence
		for round := range uint64(10) {
			for i, m := range all {
				other := all[1-i]
				c := &looker{done: make(chan struct{}, 1), look: func(what string) {
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

// A sender that is awake may take what is in its queue at any moment.
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

// What a holder hears of the end of its hold is in the log by then.
func TestLinesOfALossAreWrittenBeforeItsHolderHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		all := w.startAll(t, "a:1", "b:1", "c:1")
		eventually(t, "connected", func() bool { return connected(all...) })
		m := all[0]
		heard := map[string]bool{}
		c := &looker{done: make(chan struct{}, 1), look: func(what string) {
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
