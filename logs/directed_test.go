package logs

import (
	"strings"
	"testing"
)

// author writes logs line by line, for cases that no simulated run reaches.
type author struct {
	*cluster
	request uint64
}

// newAuthor returns an author of three nodes that have started, with their streams
// up and their sessions begun.
func newAuthor() *author {
	a := &author{cluster: newCluster(3, []string{"cs"}, seeded(1))}
	a.withSes = true
	a.startAll()
	return a
}

// made makes a token at a node. The distant nodes are buried.
func (a *author) made(node int, number uint64, distant ...int) *simToken {
	m := a.nodes[node]
	t := &simToken{epoch: Epoch{number, uint64(node)}, fence: number << 32, ln: make([]Number, 3)}
	a.logLock(m, "cs", nil, Ballot, "number", "0.0", "ballot", t.epoch, "distant", a.names(distant))
	a.logToken(m, "cs", t, TokenMade)
	return t
}

func (a *author) token(node int, t *simToken, kind string, fields ...any) {
	a.logToken(a.nodes[node], "cs", t, kind, fields...)
}

// entered lets a node enter by a token that is there, with the next fence.
func (a *author) entered(node int, t *simToken) {
	t.fence++
	a.token(node, t, Enter)
}

// moved sends a token. The other end receives it or drops it, by kind.
func (a *author) moved(from, to int, t *simToken, kind string) {
	t.hop++
	a.token(from, t, TokenSent, "peer", a.nodes[to].name, "session", a.nodes[to].session)
	switch kind {
	case TokenReceived:
		a.token(to, t, TokenReceived, "peer", a.nodes[from].name)
	case TokenDropped:
		a.token(to, t, TokenDropped, "reason", "addressed to another session")
	}
}

// tells sends a message from one node to another: the request of a waiter that gives up at
// once.
func (a *author) tells(from, to int) {
	a.request++
	m, peer := a.nodes[from], a.nodes[to]
	number := Number{m.session, a.request}
	a.logLock(m, "cs", nil, Request, "number", number)
	a.logLock(m, "cs", nil, RequestSent, "peer", peer.name, "number", number)
	a.logLock(peer, "cs", nil, RequestReceived, "peer", m.name, "number", number)
	a.logLock(m, "cs", nil, Withdraw, "number", number)
}

func (a *author) says(node int, kind string, fields ...any) { a.log(a.nodes[node], kind, fields...) }

func (a *author) lapses(node int) {
	a.says(node, SessionLapsed, "session", a.nodes[node].session, "reason", "no quorum")
}

// without removes the last line of a kind from a node's log.
func (a *author) without(node int, kind string) {
	m := a.nodes[node]
	for i := len(m.lines) - 1; i >= 0; i-- {
		if strings.Contains(m.lines[i], event(kind)) {
			m.lines = append(m.lines[:i], m.lines[i+1:]...)
			return
		}
	}
	panic("no line of kind " + kind)
}

// TestDirected has runs that show one thing each. All nodes are stopped at the end, and two
// have entered, so only that one thing decides the verdict.
func TestDirected(t *testing.T) {
	for _, c := range []struct {
		name        string
		write       func(a *author)
		requirement requirementID
		verdict     Verdict
		says        string
	}{
		{"an old holder leaves after a new one has entered", func(a *author) {
			old := a.made(0, 1)
			a.entered(0, old)
			young := a.made(1, 2, 0)
			a.entered(1, young)
			a.tells(1, 0)
			a.token(0, old, Leave)
			a.token(1, young, Leave)
		}, exclusion, Violated, "before it left"},

		{"an old token grants after a new one", func(a *author) {
			old := a.made(0, 1)
			young := a.made(1, 2, 0)
			a.entered(1, young)
			a.token(1, young, Leave)
			a.tells(1, 0)
			a.entered(0, old)
			a.token(0, old, Leave)
		}, oneToken, Violated, "after 10.0.0.2:7400 had entered by that of epoch 2.1"},

		{"an old holder is buried", func(a *author) {
			old := a.made(0, 1)
			a.entered(0, old)
			a.lapses(0)
			a.token(0, old, TokenDropped, "reason", "lapse")
			a.logLock(a.nodes[0], "cs", nil, Lost, "fence", old.fence)
			young := a.made(1, 2, 0)
			a.entered(1, young)
			a.token(1, young, Leave)
		}, exclusion, Holds, "0 by a round, 1 by the end of a lease"},

		{"an old holder is neither buried nor heard", func(a *author) {
			old := a.made(0, 1)
			a.entered(0, old)
			a.token(0, old, Leave)
			young := a.made(1, 2)
			a.entered(1, young)
			a.token(1, young, Leave)
		}, exclusion, Insufficient, "neither a chain of messages nor a burial"},

		{"an entry by an older token than the one that is here", func(a *author) {
			old := a.made(0, 1)
			young := a.made(1, 2)
			a.moved(1, 0, young, TokenReceived)
			a.entered(0, old)
		}, exclusion, Violated, "but had the newer one of epoch 2.1"},

		{"an entry by an older token that is elsewhere", func(a *author) {
			young := a.made(0, 2)
			a.entered(0, young)
			old := &simToken{epoch: Epoch{1, 1}, hop: 4, fence: 9, ln: make([]Number, 3)}
			a.entered(0, old)
		}, exclusion, Violated, "but had the newer one of epoch 2.0"},

		{"an entry after the session's end", func(a *author) {
			token := a.made(0, 1)
			a.lapses(0)
			a.entered(0, token)
			a.token(0, token, Leave)
		}, outsideSession, Violated, "after its session had ended"},

		{"an entry by a token of before the lapse", func(a *author) {
			token := a.made(0, 1)
			a.lapses(0)
			a.says(0, SessionStarted, "session", a.nodes[0].session+1)
			a.entered(0, token)
			a.token(0, token, Leave)
		}, outsideSession, Violated, "by a token that was lost with its session"},

		{"a leave after the lapse", func(a *author) {
			token := a.made(0, 1)
			a.entered(0, token)
			a.lapses(0)
			a.token(0, token, Leave)
		}, outsideSession, Violated, "as if it had still held the lock"},

		{"an entry before the first session", func(a *author) {
			token := a.made(0, 1)
			a.without(0, SessionStarted)
			a.entered(0, token)
			a.token(0, token, Leave)
			a.says(0, SessionStarted, "session", a.nodes[0].session)
		}, outsideSession, Violated, "before its first session began"},

		{"the beginning of a second session is missing", func(a *author) {
			a.lapses(0)
			a.nodes[0].session++
			l := a.nodes[0].lock(a.cluster, "cs")
			l.rn[0] = Number{a.nodes[0].session, 1}
			token := a.made(0, 1)
			a.logLock(a.nodes[0], "cs", token, Request, "number", l.rn[0])
			token.fence++
			a.token(0, token, Enter, "number", l.rn[0])
			a.token(0, token, Leave)
		}, outsideSession, Insufficient, "after its session had ended"},

		{"a token dropped as it came", func(a *author) {
			token := a.made(0, 1)
			a.moved(0, 1, token, TokenDropped)
			a.tells(0, 1)
		}, completeLogs, Holds, "every receipt with its sending"},

		{"a token that must have come", func(a *author) {
			token := a.made(0, 1)
			a.moved(0, 1, token, "")
			a.tells(0, 1)
		}, completeLogs, Insufficient, "came to 10.0.0.2:7400 for certain"},

		{"the token's coming is missing", func(a *author) {
			token := a.made(0, 1)
			a.entered(0, token)
			a.token(0, token, Leave)
			a.moved(0, 1, token, "")
			a.entered(1, token)
			a.token(1, token, Leave)
		}, exclusion, Insufficient, "no whole chain of hops"},

		{"a request made to help", func(a *author) {
			m := a.nodes[1]
			number := Number{m.session, 1}
			l := m.lock(a.cluster, "cs")
			a.logLock(a.nodes[0], "cs", nil, ProbeSent, "peer", m.name, "number", "0.0", "probe", 1, "helper", m.name)
			a.logLock(m, "cs", nil, ProbeReceived, "peer", a.nodes[0].name, "number", "0.0", "probe", 1, "helper", m.name)
			l.rn[1] = number
			a.logLock(m, "cs", nil, Request, "number", number)
			token := a.made(2, 1)
			token.ln[1] = number
			a.moved(2, 1, token, TokenReceived)
			a.moved(1, 0, token, TokenReceived)
		}, everyRequest, Holds, "1 to help another"},

		{"a request that counts as granted, and was not", func(a *author) {
			m := a.nodes[1]
			number := Number{m.session, 1}
			m.lock(a.cluster, "cs").rn[1] = number
			a.logLock(m, "cs", nil, Request, "number", number)
			token := a.made(2, 1)
			token.ln[1] = number
			a.moved(2, 1, token, TokenReceived)
			a.moved(1, 0, token, TokenReceived)
		}, everyRequest, Insufficient, "counts as granted"},

		{"the end is missing, after the leave of another lock", func(a *author) {
			a.entered(0, a.made(0, 1))
			a.logToken(a.nodes[0], "db", &simToken{ln: make([]Number, 3)}, Leave)
			a.nodes[0].alive = false
			a.entered(1, a.made(1, 2))
		}, exclusion, Insufficient, "neither a chain of messages nor a burial"},

		{"overtaken N-1 times", func(a *author) { overtakes(a, 2) }, overtaking, Holds, "at most 2 entries of others went ahead"},
		{"overtaken N times", func(a *author) { overtakes(a, 3) }, overtaking, Violated, "10.0.0.3:7400 entered 2 times before it, more often than its local batch of 1"},
		{"overtaken N times, and perhaps passed over in a line that is missing", func(a *author) {
			overtakes(a, 3)
			a.without(0, TokenSent)
		}, overtaking, Insufficient, "the logs are not complete"},
		{"overtaken by a batch", func(a *author) { overtakesInARow(a, 2) }, overtaking, Holds, "at most 2 entries went ahead of a request that had reached the token, of each node no more than its local batch, which is up to 3"},
		{"overtaken by more than a batch", func(a *author) { overtakesInARow(a, 4) }, overtaking, Violated, "10.0.0.1:7400 entered 4 times before it, more often than its local batch of 3"},

		{"an idle token while the stream is down", func(a *author) {
			token := a.made(0, 1)
			a.says(0, PeerLost, "peer", a.nodes[1].name, "reason", "EOF")
			ignores(a, token)
			a.moved(0, 2, token, TokenReceived)
		}, everyRequest, Holds, "open as the node stopped"},

		{"an idle token, and perhaps the stream was down", func(a *author) {
			token := a.made(0, 1)
			ignores(a, token)
			a.moved(0, 2, token, TokenReceived)
		}, everyRequest, Holds, "open as the node stopped"},

		{"an idle token, and the stream was up", func(a *author) {
			token := a.made(0, 1)
			ignores(a, token)
			a.moved(0, 2, token, TokenReceived)
			a.tells(0, 1)
		}, everyRequest, Violated, "did not go there"},

		{"a token in use, of which the entry is missing", func(a *author) {
			token := a.made(0, 1)
			a.entered(0, token)
			ignores(a, token)
			a.token(0, token, Leave)
			a.without(0, Enter)
			a.moved(0, 2, token, TokenReceived)
			a.tells(0, 1)
		}, everyRequest, Holds, "open as the node stopped"},

		{"left on purpose, but the end is missing", func(a *author) {
			a.says(1, ByeReceived, "peer", a.nodes[0].name, "session", a.nodes[0].session)
			a.says(1, PeerLost, "peer", a.nodes[0].name, "reason", "EOF")
			a.nodes[0].alive = false
		}, completeLogs, Insufficient, "want node_stopped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAuthor()
			c.write(a)
			for i, m := range a.nodes {
				if m.alive {
					a.says(i, NodeStopped)
				}
			}
			report := Check(readAll(t, a.files()...))
			text := reportText(report)
			if got := verdictOf(report, c.requirement); got != c.verdict {
				t.Errorf("%s: got %s, want %s\n%s", titles[c.requirement].name, got, c.verdict, text)
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("the report does not say %q:\n%s", c.says, text)
			}
		})
	}
}

// overtakes lets a node ask while the first is inside. The third enters so many times
// before it, and the token returns to the first each time.
func overtakes(a *author, times int) {
	token, number := asksHolder(a)
	a.token(0, token, Leave)
	for i := range times {
		to := 2 - 2*(i%2)
		a.moved(2-to, to, token, TokenReceived)
		a.entered(to, token)
		a.token(to, token, Leave)
	}
	hasItsTurn(a, 2-2*((times-1)%2), token, number)
}

// overtakesInARow lets a node ask while the first, whose local batch is 3, is inside and
// enters so many times more before it.
func overtakesInARow(a *author, times int) {
	first := a.nodes[0]
	first.lines[0] = strings.Replace(first.lines[0], `"version"`, `"local_batch":"3","version"`, 1)
	token, number := asksHolder(a)
	for range times {
		token.q = []int{0, 1}
		a.token(0, token, Leave)
		token.q = []int{1}
		a.entered(0, token)
	}
	a.token(0, token, Leave)
	token.q = nil
	hasItsTurn(a, 0, token, number)
}

// asksHolder lets the second node ask the first, which is inside.
func asksHolder(a *author) (token *simToken, number Number) {
	token = a.made(0, 1)
	a.entered(0, token)
	asker := a.nodes[1]
	number = Number{asker.session, 1}
	asker.lock(a.cluster, "cs").rn[1] = number
	a.nodes[0].lock(a.cluster, "cs").rn[1] = number
	a.logLock(asker, "cs", nil, Request, "number", number)
	a.logLock(asker, "cs", nil, RequestSent, "peer", a.nodes[0].name, "number", number)
	a.logLock(a.nodes[0], "cs", token, RequestReceived, "peer", asker.name, "number", number)
	return token, number
}

// hasItsTurn gives the second node, which asked, the token.
func hasItsTurn(a *author, from int, token *simToken, number Number) {
	token.ln[1] = number
	a.moved(from, 1, token, TokenReceived)
	token.fence++
	a.token(1, token, Enter, "number", number)
	a.token(1, token, Leave)
	a.tells(0, 1) // the streams were up all the time
	a.tells(2, 1)
}

// ignores lets the second node ask the first, which has the token and does not react, and
// then the third.
func ignores(a *author, token *simToken) {
	for _, i := range []int{1, 2} {
		m, number := a.nodes[i], Number{a.nodes[i].session, 1}
		m.lock(a.cluster, "cs").rn[i] = number
		a.logLock(m, "cs", nil, Request, "number", number)
		a.logLock(m, "cs", nil, RequestSent, "peer", a.nodes[0].name, "number", number)
		a.nodes[0].lock(a.cluster, "cs").rn[i] = number
		a.logLock(a.nodes[0], "cs", token, RequestReceived, "peer", m.name, "number", number)
	}
}
