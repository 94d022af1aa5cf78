package logs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// cluster is a small simulator of the algorithm, independent of the code that nodes run,
// which writes logs by the schema. All choices come from draw, so a run depends on it
// alone.
type cluster struct {
	draw    func(n int) int // 0 to n-1
	nodes   []*member
	wires   map[[2]int][]message // messages on their way, first in first out
	now     time.Time
	locks   []string
	withSes bool
	ballots uint64
	list    *simList // the latest; nil: the members never change

	// Planted faults.
	starved   int // this member is never put into Q; -1: nobody
	careless  int // this member passes the token on before it leaves, with nobody served; -1: nobody
	fenceFall int // at this entry, counted down, the fence falls; 0: never
}

type member struct {
	name      string
	self      int
	session   uint64
	count     uint64
	alive     bool
	lives     uint64
	batch     int // how many in a row enter here while others wait; 0 is 1
	connected []bool
	state     map[string]*lockState
	lines     []string
	skew      time.Duration
	list      *simList // that it goes by
	departed  bool
}

type lockState struct {
	rn          []Number
	token       *simToken
	inside      bool
	ahead       int // entries in a row ahead of members in Q
	waiters     int
	outstanding bool
}

type simToken struct {
	epoch Epoch
	hop   uint64
	fence uint64
	ln    []Number
	q     []int
}

type message struct {
	lock   string
	number Number
	token  *simToken
}

func newCluster(n int, locks []string, draw func(int) int) *cluster {
	c := &cluster{draw: draw, wires: make(map[[2]int][]message), locks: locks, starved: -1, careless: -1,
		now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	for i := range n {
		c.nodes = append(c.nodes, &member{name: fmt.Sprintf("10.0.0.%d:7400", i+1), self: i, connected: make([]bool, n)})
	}
	return c
}

func (c *cluster) names(members []int) []string {
	names := []string{}
	for _, m := range members {
		names = append(names, c.nodes[m].name)
	}
	return names
}

// log writes one line; fields are keys and values in turn.
func (c *cluster) log(m *member, event string, fields ...any) {
	c.now = c.now.Add(time.Duration(1+c.draw(5000)) * time.Microsecond)
	level := "info"
	if event == PeerRefused {
		level = "warn"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"level":%q,"node":%q,"event":%q`, level, m.name, event)
	for i := 0; i < len(fields); i += 2 {
		fmt.Fprintf(&b, `,%q:`, fields[i])
		switch v := fields[i+1].(type) {
		case bool:
			fmt.Fprint(&b, v)
		case []string:
			b.WriteString("[")
			for k, s := range v {
				fmt.Fprintf(&b, "%s%q", map[bool]string{true: ","}[k > 0], s)
			}
			b.WriteString("]")
		default:
			fmt.Fprintf(&b, "%q", fmt.Sprint(v))
		}
	}
	fmt.Fprintf(&b, `,"time":%q,"message":%q}`, c.now.Add(m.skew).Format(time.RFC3339Nano), strings.ReplaceAll(event, "_", " "))
	m.lines = append(m.lines, b.String())
}

// logLock writes a line about a lock. t is the token to show; nil for none.
func (c *cluster) logLock(m *member, lock string, t *simToken, event string, fields ...any) {
	l := m.lock(c, lock)
	all := append([]any{"lock", lock}, fields...)
	all = append(all, "request_numbers", texts(l.rn[:c.ids(m)]))
	if t != nil {
		all = append(all, "last_granted", texts(t.ln[:c.ids(m)]), "queue", c.names(t.q))
	}
	c.log(m, event, all...)
}

// ids is how many members a member knows of.
func (c *cluster) ids(m *member) int {
	if m.list == nil {
		return len(c.nodes)
	}
	return m.list.ids
}

func texts(numbers []Number) []string {
	var all []string
	for _, n := range numbers {
		all = append(all, n.String())
	}
	return all
}

func (m *member) lock(c *cluster, name string) *lockState {
	l := m.state[name]
	if l == nil {
		l = &lockState{rn: make([]Number, len(c.nodes))}
		m.state[name] = l
		if m.self == 0 && !c.withSes {
			l.token = &simToken{epoch: Epoch{Number: 1}, ln: make([]Number, len(c.nodes))}
			c.logToken(m, name, l.token, TokenMade)
		}
	}
	return l
}

func (c *cluster) logToken(m *member, lock string, t *simToken, event string, fields ...any) {
	c.logLock(m, lock, t, event, append(fields, "epoch", t.epoch, "hop", t.hop, "fence", t.fence)...)
}

// start starts a member's process; its streams come up in connect.
func (c *cluster) start(m *member) {
	m.lives++
	m.alive, m.count, m.state = true, 0, make(map[string]*lockState)
	m.session = uint64(c.now.UnixMicro()) + m.lives
	fields := []any{"members", c.names(sequence(c.ids(m))), "incarnation", fmt.Sprintf("%016x%016x", m.session, m.self), "version", "test", "session", m.session}
	if m.batch > 1 {
		fields = append(fields, "local_batch", m.batch)
	}
	if m.list != nil {
		fields = append(fields, m.listedAt()...)
	}
	c.log(m, NodeStarted, fields...)
	if m.list != nil {
		c.adopt(m, m.list)
	}
	if c.withSes {
		c.log(m, SessionStarted, "session", m.session)
	}
}

func sequence(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

func (c *cluster) connect(a, b *member) {
	a.connected[b.self] = true
	c.log(a, PeerConnected, "peer", b.name)
	for _, lock := range slices.Sorted(maps.Keys(a.state)) {
		l := a.state[lock]
		if l.outstanding {
			c.logLock(a, lock, nil, RequestSent, "peer", b.name, "number", l.rn[a.self], "repeat", true)
			c.put(a, b, message{lock: lock, number: l.rn[a.self]})
		}
		if l.token != nil && !l.inside {
			c.passOn(a, lock, l)
		}
	}
}

// cut ends a stream and loses the messages on it.
func (c *cluster) cut(a, b *member, reason string) {
	a.connected[b.self] = false
	c.log(a, PeerLost, "peer", b.name, "reason", reason)
	delete(c.wires, [2]int{a.self, b.self})
}

func (c *cluster) put(from, to *member, m message) {
	k := [2]int{from.self, to.self}
	c.wires[k] = append(c.wires[k], m)
}

func (c *cluster) acquire(m *member, lock string) {
	l := m.lock(c, lock)
	l.waiters++
	switch {
	case l.token != nil && !l.inside:
		c.enter(m, lock, l)
	case l.token == nil && !l.outstanding:
		m.raise(l)
		c.logLock(m, lock, nil, Request, "number", l.rn[m.self])
		for _, peer := range c.nodes {
			if m.connected[peer.self] {
				c.logLock(m, lock, nil, RequestSent, "peer", peer.name, "number", l.rn[m.self])
				c.put(m, peer, message{lock: lock, number: l.rn[m.self]})
			}
		}
	}
}

func (m *member) raise(l *lockState) {
	m.count++
	l.rn[m.self] = Number{m.session, m.count}
	l.outstanding = true
}

func (m *member) settle(l *lockState) {
	l.outstanding = false
	l.rn[m.self] = Number{m.session, m.count}
	l.token.ln[m.self] = l.rn[m.self]
}

func (c *cluster) withdraw(m *member, lock string) {
	l := m.lock(c, lock)
	l.waiters--
	if l.waiters == 0 && l.outstanding {
		c.logLock(m, lock, nil, Withdraw, "number", l.rn[m.self])
	}
}

func (c *cluster) enter(m *member, lock string, l *lockState) {
	l.waiters--
	l.inside = true
	l.token.fence++
	if c.fenceFall > 0 {
		if c.fenceFall--; c.fenceFall == 0 {
			l.token.fence -= 2
		}
	}
	number := Number{}
	if l.outstanding {
		number, l.outstanding = l.rn[m.self], false
	}
	if number.IsZero() {
		c.logToken(m, lock, l.token, Enter)
	} else {
		c.logToken(m, lock, l.token, Enter, "number", number)
	}
	if m.self == c.careless && !number.IsZero() {
		// The planted fault: the token is sent before the holder has left.
		c.enqueue(m, l)
		l.token.q = slices.DeleteFunc(l.token.q, func(j int) bool { return j == m.self })
		c.passToHead(m, lock, l)
		if l.token == nil {
			l.inside = false
		}
	}
}

func (c *cluster) leave(m *member, lock string) {
	l := m.lock(c, lock)
	l.inside = false
	m.settle(l)
	if l.waiters > 0 {
		m.raise(l)
		c.logLock(m, lock, l.token, Ride, "number", l.rn[m.self])
	}
	c.enqueue(m, l)
	if l.waiters > 0 && len(l.token.q) > 1 && l.ahead+1 < m.batch {
		l.ahead++
		l.token.q = append([]int{m.self}, l.token.q[:len(l.token.q)-1]...)
	} else {
		l.ahead = 0
	}
	c.logToken(m, lock, l.token, Leave)
	c.passToHead(m, lock, l)
}

func (c *cluster) passOn(m *member, lock string, l *lockState) {
	c.enqueue(m, l)
	c.passToHead(m, lock, l)
}

func (c *cluster) enqueue(m *member, l *lockState) {
	l.token.q = slices.DeleteFunc(l.token.q, func(j int) bool { return !m.stays(j) })
	for k := range c.nodes {
		j := (m.self + 1 + k) % len(c.nodes)
		if j != c.starved && m.stays(j) && l.rn[j].Compare(l.token.ln[j]) > 0 && !slices.Contains(l.token.q, j) {
			l.token.q = append(l.token.q, j)
		}
	}
}

func (c *cluster) passToHead(m *member, lock string, l *lockState) {
	t := l.token
	for len(t.q) > 0 {
		head := t.q[0]
		t.q = t.q[1:]
		switch {
		case head == m.self && l.waiters == 0:
			m.settle(l)
		case head == m.self:
			c.enter(m, lock, l)
			return
		case m.connected[head]:
			t.hop++
			to := c.nodes[head]
			c.logToken(m, lock, t, TokenSent, "peer", to.name, "session", to.session)
			c.put(m, to, message{lock: lock, token: t})
			l.token = nil
			return
		}
	}
}

// deliver delivers the first message of a wire.
func (c *cluster) deliver(k [2]int) {
	from, m := c.nodes[k[0]], c.nodes[k[1]]
	msg := c.wires[k][0]
	if c.wires[k] = c.wires[k][1:]; len(c.wires[k]) == 0 {
		delete(c.wires, k)
	}
	l := m.lock(c, msg.lock)
	if msg.token == nil {
		if msg.number.Compare(l.rn[from.self]) > 0 {
			l.rn[from.self] = msg.number
		}
		c.logLock(m, msg.lock, l.token, RequestReceived, "peer", from.name, "number", msg.number)
		if l.token != nil && !l.inside {
			c.passOn(m, msg.lock, l)
		}
		return
	}
	l.token = msg.token
	c.logToken(m, msg.lock, l.token, TokenReceived, "peer", from.name)
	if l.waiters > 0 {
		c.enter(m, msg.lock, l)
		return
	}
	m.settle(l)
	c.passOn(m, msg.lock, l)
}

// files returns the members' logs in member order.
func (c *cluster) files() []string {
	var files []string
	for _, m := range c.nodes {
		files = append(files, strings.Join(m.lines, "\n")+"\n")
	}
	return files
}
