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
	// Refused is told of closed connections and refused calls, at most once a minute for
	// each host.
	Refused func(remote net.Addr, reason error)
}

// Control admits connections and calls to one node. It is safe for concurrent use.
type Control struct {
	limits  Limits
	refused func(net.Addr, error)

	mu              sync.Mutex
	unauthenticated map[string][]*conn // by host; oldest first, no empty lists
	clients         map[string]*group  // by host
	members         map[string]*group  // by address
	counts          Counts
	notes           notes
	local           *Bounded // nil without a socket

	turns   chan struct{}
	telling sync.WaitGroup // goroutines that report a refused call
}

// group is what the clients of one host, or one member, have open.
type group struct {
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
		clients:         make(map[string]*group),
		members:         make(map[string]*group),
		notes:           notes{hosts: make(map[string]struct{})},
		turns:           make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// Counts returns how much is open now.
func (ctl *Control) Counts() Counts {
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	counts := ctl.counts
	if ctl.local != nil {
		open, closed := ctl.local.counts()
		counts.Local, counts.Closed = open, counts.Closed+closed
	}
	return counts
}

// Wait returns when all refusals have been reported. No call may come any more.
func (ctl *Control) Wait() { ctl.telling.Wait() }

// Why connections are closed.
var (
	errTooManyUnauthenticated = errors.New("closed to make room: too many connections are open on which nothing was asked yet")
	errMember                 = errors.New("closed to make room: the same member has opened too many since")
)

// enter admits a new connection, as an unauthenticated peer's.
func (ctl *Control) enter(inner net.Conn) *conn {
	c := &conn{Conn: inner, control: ctl, host: hostOf(inner.RemoteAddr()), known: make(chan struct{})}
	c.turn.prepare(ctl.turns, longestTurn)
	ctl.mu.Lock()
	var oldest *conn
	if ctl.counts.Unauthenticated >= ctl.limits.Unauthenticated {
		oldest = ctl.oldestUnauthenticated()
	}
	ctl.unauthenticated[c.host] = append(ctl.unauthenticated[c.host], c)
	ctl.counts.Unauthenticated++
	c.patience = time.AfterFunc(ctl.limits.UnauthenticatedPatience, func() {
		ctl.shut(c, unauthenticated, fmt.Errorf("nothing was asked within %v", ctl.limits.UnauthenticatedPatience))
	})
	ctl.mu.Unlock()
	if oldest != nil {
		ctl.shut(oldest, unauthenticated, errTooManyUnauthenticated)
	}
	return c
}

// oldestUnauthenticated returns the oldest connection of the host that has the most.
func (ctl *Control) oldestUnauthenticated() *conn {
	var most []*conn
	for _, conns := range ctl.unauthenticated {
		if len(conns) > len(most) {
			most = conns
		}
	}
	return most[0]
}

// shut closes a connection and logs the reason, unless its stage has changed since the
// reason was found.
func (ctl *Control) shut(c *conn, known stage, reason error) {
	ctl.mu.Lock()
	if c.stage != known {
		ctl.mu.Unlock()
		return
	}
	ctl.takeOut(c)
	c.stage = gone
	ctl.counts.Closed++
	note := ctl.notes.first(time.Now(), c.host)
	ctl.mu.Unlock()
	_ = c.Conn.Close() // its users find out
	if note {
		ctl.refused(c.Conn.RemoteAddr(), reason)
	}
}

// leave forgets a connection that is being closed.
func (ctl *Control) leave(c *conn) {
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	ctl.takeOut(c)
	c.stage = gone
}

// hasLeft reports whether a connection is closed.
func (ctl *Control) hasLeft(c *conn) bool {
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	return c.stage == gone
}

// takeOut removes a connection from the counts of its stage.
func (ctl *Control) takeOut(c *conn) {
	switch c.stage {
	case unauthenticated:
		c.patience.Stop()
		c.settled.Store(true)
		close(c.known)
		c.turn.end()
		ctl.counts.Unauthenticated--
		if rest := without(ctl.unauthenticated[c.host], c); len(rest) > 0 {
			ctl.unauthenticated[c.host] = rest
		} else {
			delete(ctl.unauthenticated, c.host)
		}
	case client:
		ctl.counts.Clients--
		leaveGroup(ctl.clients, c.host, c)
	case member:
		ctl.counts.Members--
		leaveGroup(ctl.members, c.name, c)
	case gone:
	}
}

// without removes a connection from a list, most often the first.
func without(conns []*conn, c *conn) []*conn {
	i := slices.Index(conns, c)
	return slices.Delete(conns, i, i+1)
}

// join adds a connection to a group, which begins with its first.
func join(groups map[string]*group, name string, c *conn) {
	g := groups[name]
	if g == nil {
		g = new(group)
		groups[name] = g
	}
	g.conns = append(g.conns, c)
	c.group = g
}

// leaveGroup removes a connection from its group, which ends with its last.
func leaveGroup(groups map[string]*group, name string, c *conn) {
	c.group.conns = without(c.group.conns, c)
	if len(c.group.conns) == 0 { // its calls end with it
		delete(groups, name)
	}
}

// hostOf returns an address without its port.
func hostOf(address net.Addr) string {
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}

const (
	// noteInterval is the time between two reports of one host.
	noteInterval = time.Minute
	// maxNoted bounds the hosts that are reported in that time.
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
