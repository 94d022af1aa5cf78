package logs

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMain runs each property on fewer cases than rapid's default, so that the tests take
// seconds. -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// faults are the faults that a simulated cluster may have.
type faults struct {
	cuts    bool // streams are cut, except while the token is on them, and come up again
	crashes bool // nodes crash and restart; needs sessions, by which a lost token is made anew
	abrupt  bool // the nodes stop while requests are open
}

// run performs so many random steps and stops the nodes.
func (c *cluster) run(steps int, f faults) {
	c.withSes = f.crashes
	c.startAll()
	for range steps {
		c.step(f)
	}
	if !f.abrupt {
		c.settleDown()
	}
	c.stopAll()
}

func (c *cluster) startAll() {
	for _, m := range c.nodes {
		c.start(m)
	}
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			if a != b {
				c.connect(a, b)
			}
		}
	}
}

// step performs one drawn action, if it is possible.
func (c *cluster) step(f faults) {
	m := c.nodes[c.draw(len(c.nodes))]
	lock := c.locks[c.draw(len(c.locks))]
	switch choice := c.draw(100); {
	case choice < 45:
		c.deliverOne()
	case !m.alive:
		if f.crashes && choice < 60 {
			c.restart(m)
		}
	case choice < 65:
		if m.lock(c, lock).waiters < 3 {
			c.acquire(m, lock)
		}
	case choice < 90:
		if m.lock(c, lock).inside {
			c.leave(m, lock)
		}
	case choice < 93:
		if m.lock(c, lock).waiters > 0 {
			c.withdraw(m, lock)
		}
	case choice < 97:
		if f.cuts {
			c.flicker(m, c.nodes[c.draw(len(c.nodes))])
		}
	default:
		if f.crashes {
			c.crash(m)
		}
	}
	if f.crashes {
		c.remake()
	}
}

func (c *cluster) deliverOne() bool {
	busy := slices.SortedFunc(maps.Keys(c.wires), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	if len(busy) == 0 {
		return false
	}
	c.deliver(busy[c.draw(len(busy))])
	return true
}

func (c *cluster) drain() {
	for c.deliverOne() {
	}
}

// flicker cuts a stream or opens it again.
func (c *cluster) flicker(a, b *member) {
	switch {
	case a == b || !a.alive || !b.alive:
	case !a.connected[b.self]:
		c.connect(a, b)
	case !slices.ContainsFunc(c.wires[[2]int{a.self, b.self}], func(m message) bool { return m.token != nil }):
		c.cut(a, b, "connection reset")
	}
}

// settleDown serves everyone.
func (c *cluster) settleDown() {
	for _, a := range c.nodes {
		if !a.alive && c.listed(a) {
			c.restart(a)
		}
	}
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			if a != b && !a.connected[b.self] && c.listed(a) && c.listed(b) {
				c.connect(a, b)
			}
		}
	}
	for again := true; again; {
		c.drain()
		if c.withSes {
			c.remake()
		}
		again = len(c.wires) > 0
		for _, m := range c.nodes {
			for _, lock := range c.locks {
				if m.alive && m.lock(c, lock).inside {
					c.leave(m, lock)
					again = true
				}
			}
		}
	}
}

// stopAll stops the nodes one after the other, each passing its tokens on.
func (c *cluster) stopAll() {
	order := sequence(len(c.nodes))
	for i := range order {
		k := i + c.draw(len(order)-i)
		order[i], order[k] = order[k], order[i]
	}
	for _, i := range order {
		m := c.nodes[i]
		if !m.alive {
			continue
		}
		for _, lock := range c.locks {
			l := m.lock(c, lock)
			for l.waiters > 0 {
				c.withdraw(m, lock)
			}
			if l.inside {
				c.leave(m, lock)
			}
		}
		if c.withSes {
			c.log(m, SessionEnded, "session", m.session)
		}
		c.log(m, NodeStopped)
		m.alive = false
		c.dropWires(m)
		for _, peer := range c.nodes {
			if peer.alive && peer.connected[m.self] {
				c.cut(peer, m, "EOF")
			}
		}
	}
}

func (c *cluster) dropWires(m *member) {
	maps.DeleteFunc(c.wires, func(k [2]int, _ []message) bool { return k[0] == m.self || k[1] == m.self })
}

// crash ends a node without a last line.
func (c *cluster) crash(m *member) {
	alive := 0
	for _, peer := range c.nodes {
		if peer.alive {
			alive++
		}
	}
	if alive-1 <= c.size()/2 {
		return
	}
	m.alive = false
	clear(m.connected)
	c.dropWires(m)
	for _, peer := range c.nodes {
		if peer.alive && peer.connected[m.self] {
			c.cut(peer, m, "connection reset")
		}
	}
}

func (c *cluster) restart(m *member) {
	c.start(m)
	for _, peer := range c.nodes {
		if peer != m && peer.alive {
			c.connect(m, peer)
			c.connect(peer, m)
		}
	}
}

// remake lets a waiting node make each lost token, by a probe and a ballot that are over at
// once.
func (c *cluster) remake() {
	for _, lock := range c.locks {
		if c.lost(lock) {
			c.drain()
			if p := c.anyWaiting(lock); p != nil && c.lost(lock) {
				c.remakeAt(p, lock)
			}
		}
	}
}

func (c *cluster) lost(lock string) bool {
	for _, m := range c.nodes {
		if m.alive && m.lock(c, lock).token != nil {
			return false
		}
	}
	for _, wire := range c.wires {
		if slices.ContainsFunc(wire, func(m message) bool { return m.lock == lock && m.token != nil }) {
			return false
		}
	}
	return true
}

func (c *cluster) anyWaiting(lock string) *member {
	for _, m := range c.nodes {
		if m.alive && m.lock(c, lock).outstanding {
			return m
		}
	}
	return nil
}

func (c *cluster) remakeAt(p *member, lock string) {
	l := p.lock(c, lock)
	number := l.rn[p.self]
	c.ballots++
	probe, ballot := c.ballots, Epoch{100 + c.ballots, uint64(p.self)}
	var dead []int
	for _, m := range c.nodes {
		if !m.alive && c.listed(m) {
			dead = append(dead, m.self)
		}
	}
	c.logLock(p, lock, nil, Probe, "number", number, "probe", probe)
	c.ask(p, lock, ProbeSent, ProbeReceived, func(m *member) []any { return []any{"number", number, "probe", probe} },
		func(m *member) []any { return []any{"answer", "none", "probe", probe, "buriable", c.names(dead)} })
	c.logLock(p, lock, nil, Ballot, "number", number, "ballot", ballot, "distant", c.names(dead))
	t := &simToken{epoch: ballot, fence: ballot.Number << 32, ln: make([]Number, len(c.nodes))}
	c.ask(p, lock, BallotSent, BallotReceived, func(m *member) []any { return []any{"number", number, "ballot", ballot, "distant", c.names(dead)} },
		func(m *member) []any {
			return []any{"answer", "promise", "ballot", ballot, "number", m.lock(c, lock).rn[m.self], "waiting", m.lock(c, lock).outstanding, "buried", c.names(dead)}
		})
	for k := range c.nodes {
		m := c.nodes[(p.self+k)%len(c.nodes)]
		t.ln[m.self] = l.rn[m.self]
		if m.alive && c.listed(m) {
			t.ln[m.self] = m.lock(c, lock).rn[m.self]
			if m.lock(c, lock).outstanding {
				t.ln[m.self].Count--
				t.q = append(t.q, m.self)
			}
		}
	}
	l.token = t
	c.logToken(p, lock, t, TokenMade)
	if l.waiters > 0 {
		t.q = t.q[1:] // the proposer, which is the first
		c.enter(p, lock, l)
		return
	}
	p.settle(l)
	c.passOn(p, lock, l)
}

// ask sends a question to all live members, which answer at once.
func (c *cluster) ask(p *member, lock, sent, received string, question, answer func(*member) []any) {
	for _, m := range c.nodes {
		if m == p || !m.alive {
			continue
		}
		c.logLock(p, lock, nil, sent, append([]any{"peer", m.name}, question(m)...)...)
		c.logLock(m, lock, nil, received, append([]any{"peer", p.name}, question(m)...)...)
		c.logLock(m, lock, nil, AnswerSent, append([]any{"peer", p.name}, answer(m)...)...)
		c.logLock(p, lock, nil, AnswerReceived, append([]any{"peer", m.name}, answer(m)...)...)
	}
}

// seeded returns a draw function for a fixed seed.
func seeded(seed uint64) func(int) int {
	return rand.New(rand.NewPCG(seed, 1)).IntN
}

// readAll reads logs as Open does.
func readAll(t fataler, files ...string) *Run {
	t.Helper()
	run, err := tryReadAll(files...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func tryReadAll(files ...string) (*Run, error) {
	var read []*File
	for i, text := range files {
		file, err := Read(fmt.Sprintf("n%d.log", i+1), strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		read = append(read, file)
	}
	return NewRun(read...)
}

// fataler is what readAll needs of *testing.T and *rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// drawSkew draws a clock's error.
func drawSkew(t *rapid.T) time.Duration {
	return time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "skew"))
}
