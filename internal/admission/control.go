package admission

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Config is what a Control needs at its start.
type Config struct {
	Limits Limits
	// Refused is told of closed connections and refused calls, once a minute for each host.
	Refused func(remote net.Addr, reason error)
}

// Control admits connections and calls to one node. It is safe for concurrent use.
type Control struct {
	limits  Limits
	refused func(net.Addr, error)

	mu              sync.Mutex
	unauthenticated map[string][]*conn // by host; oldest first, no empty lists
	clients         map[string]*party  // by host
	members         map[string]*party  // by address
	counts          Counts
	notes           notes
	local           *Bounded // nil without a socket

	turns   chan struct{}
	telling sync.WaitGroup // goroutines that report a refused call
}

// party is what one host of clients, or one member, has open.
type party struct {
	conns []*conn // oldest first
	calls int
}

// Counts are how much is open, and how much was closed or refused since the start.
type Counts struct {
	Unauthenticated, Clients, Members, Local int // connections
	Calls                                    int // of clients
	Closed, Refused                          uint64
}

// New returns a Control without connections.
func New(cfg Config) *Control {
	return &Control{
		limits:          cfg.Limits,
		refused:         cfg.Refused,
		unauthenticated: make(map[string][]*conn),
		clients:         make(map[string]*party),
		members:         make(map[string]*party),
		notes:           notes{hosts: make(map[string]struct{})},
		turns:           make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// Counts returns how much is open now.
func (d *Control) Counts() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := d.counts
	if d.local != nil {
		open, closed := d.local.counts()
		counts.Local, counts.Closed = open, counts.Closed+closed
	}
	return counts
}

// Wait returns when no more refusals are being reported. No call may come by then.
func (d *Control) Wait() { d.telling.Wait() }

// Why connections are closed.
var (
	errTooManyUnauthenticated = errors.New("closed to make room: too many connections are open on which nothing was asked yet")
	errMember                 = errors.New("closed to make room: the same member has opened too many since")
)

// enter takes in an unauthenticated peer's connection.
func (d *Control) enter(inner net.Conn) *conn {
	c := &conn{Conn: inner, control: d, host: hostOf(inner.RemoteAddr()), known: make(chan struct{})}
	c.turn.prepare(d.turns, longestTurn)
	d.mu.Lock()
	var oldest *conn
	if d.counts.Unauthenticated >= d.limits.Unauthenticated {
		oldest = d.oldestUnauthenticated()
	}
	d.unauthenticated[c.host] = append(d.unauthenticated[c.host], c)
	d.counts.Unauthenticated++
	c.patience = time.AfterFunc(d.limits.UnauthenticatedPatience, func() {
		d.shut(c, unauthenticated, fmt.Errorf("nothing was asked within %v", d.limits.UnauthenticatedPatience))
	})
	d.mu.Unlock()
	if oldest != nil {
		d.shut(oldest, unauthenticated, errTooManyUnauthenticated)
	}
	return c
}

// oldestUnauthenticated returns the oldest connection of the host that has most.
func (d *Control) oldestUnauthenticated() *conn {
	var most []*conn
	for _, conns := range d.unauthenticated {
		if len(conns) > len(most) {
			most = conns
		}
	}
	return most[0]
}

// shut closes a connection for a reason, and logs it, unless the connection's stage has
// changed since the reason was found.
func (d *Control) shut(c *conn, known stage, reason error) {
	d.mu.Lock()
	if c.stage != known {
		d.mu.Unlock()
		return
	}
	d.takeOut(c)
	c.stage = gone
	d.counts.Closed++
	note := d.notes.first(time.Now(), c.host)
	d.mu.Unlock()
	_ = c.Conn.Close() // its users find out
	if note {
		d.refused(c.Conn.RemoteAddr(), reason)
	}
}

// leave forgets a connection that is being closed.
func (d *Control) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeOut(c)
	c.stage = gone
}

// hasLeft reports whether a connection is closed.
func (d *Control) hasLeft(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return c.stage == gone
}

// takeOut removes a connection from where it is counted.
func (d *Control) takeOut(c *conn) {
	switch c.stage {
	case unauthenticated:
		c.patience.Stop()
		c.settled.Store(true)
		close(c.known)
		c.turn.end()
		d.counts.Unauthenticated--
		if rest := without(d.unauthenticated[c.host], c); len(rest) > 0 {
			d.unauthenticated[c.host] = rest
		} else {
			delete(d.unauthenticated, c.host)
		}
	case client:
		d.counts.Clients--
		leaveParty(d.clients, c.host, c)
	case member:
		d.counts.Members--
		leaveParty(d.members, c.name, c)
	case gone:
	}
}

// without removes a connection from a list, most often the first.
func without(conns []*conn, c *conn) []*conn {
	i := slices.Index(conns, c)
	return slices.Delete(conns, i, i+1)
}

// join gives a connection to a party.
func join(parties map[string]*party, name string, c *conn) {
	p := parties[name]
	if p == nil {
		p = new(party)
		parties[name] = p
	}
	p.conns = append(p.conns, c)
	c.party = p
}

func leaveParty(parties map[string]*party, name string, c *conn) {
	c.party.conns = without(c.party.conns, c)
	if len(c.party.conns) == 0 { // its calls end with it
		delete(parties, name)
	}
}

// hostOf is an address without the port.
func hostOf(address net.Addr) string {
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}

const (
	// noteInterval is how often the same host is reported.
	noteInterval = time.Minute
	// maxNoted is how many hosts are reported in that time.
	maxNoted = 256
)

// notes are the hosts that were reported since a time.
type notes struct {
	since time.Time
	hosts map[string]struct{}
}

// first reports whether a host is to be reported now.
func (n *notes) first(now time.Time, host string) bool {
	if now.Sub(n.since) >= noteInterval {
		n.since = now
		clear(n.hosts)
	}
	if _, told := n.hosts[host]; told || len(n.hosts) >= maxNoted {
		return false
	}
	n.hosts[host] = struct{}{}
	return true
}
