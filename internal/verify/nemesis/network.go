package nemesis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Condition is what happens to the messages of one node to another.
type Condition int

// Connections belong to the node that dialled them. A stream goes one way, so a condition
// of a directed pair is one of that pair's messages.
const (
	// Open: messages arrive.
	Open Condition = iota
	// Cut: connections are closed, new ones as soon as their dialler is known.
	Cut
	// Stalled: connections stay, and nothing gets through, in either direction. It arrives,
	// late, when the pair is open again.
	Stalled
	// Slow: everything is delayed by slowDelay.
	Slow
)

// String returns the condition's name.
func (c Condition) String() string {
	return [...]string{"open", "cut", "stalled", "slow"}[c]
}

const (
	// slowDelay is the delay of a slow connection, each way.
	slowDelay = 40 * time.Millisecond
	// maxOpening bounds the bytes in which a connection names the member that dialled it:
	// gRPC's opening and the HELLO are less than a tenth of it. A connection that names none is
	// a client's, and passes in any condition.
	maxOpening = 1 << 16
)

var errCut = errors.New("the pair is cut")

// Network is a proxy on loopback before each of some nodes. The nodes know only the
// proxies' addresses.
type Network struct {
	addresses []string
	listeners []net.Listener
	target    func(node int) string
	group     sync.WaitGroup
	ctx       context.Context // ends with the network
	cancel    context.CancelFunc

	mu         sync.Mutex
	conditions [][]Condition // by dialler and dialled node
	changed    chan struct{} // closed at the next change of conditions
	crossings  map[*crossing]struct{}
}

// NewNetwork listens for this many nodes. It passes connections on once Open has been
// called.
func NewNetwork(nodes int) (*Network, error) {
	n := &Network{changed: make(chan struct{}), crossings: make(map[*crossing]struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for i := range nodes {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			n.Close()
			return nil, fmt.Errorf("nemesis: listen for node %d of %d: %w", i+1, nodes, err)
		}
		n.listeners = append(n.listeners, listener)
		n.addresses = append(n.addresses, listener.Addr().String())
		n.conditions = append(n.conditions, make([]Condition, nodes))
	}
	return n, nil
}

// Addresses are the addresses by which the nodes know each other.
func (n *Network) Addresses() []string { return n.addresses }

// Open begins to pass connections on. target returns a node's own address; it is called for
// each connection. Call Open once.
func (n *Network) Open(target func(node int) string) {
	n.target = target
	for to, listener := range n.listeners {
		n.group.Go(func() { n.accept(to, listener) })
	}
}

// Close closes everything and waits for it.
func (n *Network) Close() {
	n.cancel()
	for _, listener := range n.listeners {
		_ = listener.Close() // it only listens
	}
	n.group.Wait()
}

// Set sets the condition of the messages of from to to.
func (n *Network) Set(from, to int, c Condition) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conditions[from][to] = c
	close(n.changed)
	n.changed = make(chan struct{})
	if c != Cut {
		return
	}
	for x := range n.crossings {
		if x.from == from && x.to == to {
			x.cancel(errCut)
		}
	}
}

// accept takes the connections to one node until the network is closed.
func (n *Network) accept(to int, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		x := &crossing{network: n, to: to, from: unknown, dialler: conn}
		n.group.Go(x.run)
	}
}

// unknown is the dialler before it has been read.
const unknown = -1

// crossing is one connection through a proxy.
type crossing struct {
	network *Network
	to      int
	dialler net.Conn
	ctx     context.Context
	cancel  context.CancelCauseFunc

	from int // guarded by network.mu
}

// run passes bytes on in both directions until either side ends, or the pair is cut.
func (x *crossing) run() {
	defer x.dialler.Close()
	dialer := net.Dialer{Timeout: time.Second}
	node, err := dialer.DialContext(x.network.ctx, "tcp", x.network.target(x.to))
	if err != nil {
		return // the node does not run; the dialler finds the connection closed
	}
	defer node.Close()
	x.ctx, x.cancel = context.WithCancelCause(x.network.ctx)
	x.network.add(x)
	defer x.network.remove(x)

	var group sync.WaitGroup
	group.Go(func() { x.cancel(x.pass(node, x.dialler, x.identify())) })
	group.Go(func() { x.cancel(x.pass(x.dialler, node, func([]byte) error { return nil })) })
	<-x.ctx.Done()
	x.dialler.Close() // ends the readers and writers
	node.Close()
	group.Wait()
}

// pass copies bytes from src to dst, subject to the pair's condition. inspect is given each
// piece first.
func (x *crossing) pass(dst, src net.Conn, inspect func([]byte) error) error {
	buffer := make([]byte, 32<<10)
	for {
		k, err := src.Read(buffer)
		if err != nil {
			return err
		}
		if err := inspect(buffer[:k]); err != nil {
			return err
		}
		if err := x.await(); err != nil {
			return err
		}
		if _, err := dst.Write(buffer[:k]); err != nil {
			return err
		}
	}
}

// await returns when a piece may go on.
func (x *crossing) await() error {
	for {
		condition, changed := x.network.condition(x)
		switch condition {
		case Open:
			return nil
		case Cut:
			return errCut
		case Slow:
			return x.waitSlow()
		case Stalled:
			select {
			case <-changed:
			case <-x.ctx.Done():
				return context.Cause(x.ctx)
			}
		}
	}
}

// waitSlow returns after slowDelay.
func (x *crossing) waitSlow() error {
	timer := time.NewTimer(slowDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-x.ctx.Done():
		return context.Cause(x.ctx)
	}
}

// identify returns a function that reads the dialler from a connection's first bytes: the
// HELLO names its sender in field 2, and nothing before it does. Further on, its membership
// names others in such a field.
func (x *crossing) identify() func([]byte) error {
	var opening []byte
	known := false
	return func(piece []byte) error {
		if known {
			return nil
		}
		opening = append(opening, piece...)
		sender, first := unknown, len(opening)
		for i, address := range x.network.addresses {
			field := append([]byte{2<<3 | 2, byte(len(address))}, address...)
			if at := bytes.Index(opening, field); at >= 0 && at < first {
				sender, first = i, at
			}
		}
		if sender != unknown {
			known, opening = true, nil
			x.network.name(x, sender)
			return nil
		}
		if len(opening) > maxOpening {
			known, opening = true, nil // a client's
		}
		return nil
	}
}

func (n *Network) name(x *crossing, from int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	x.from = from
}

func (n *Network) add(x *crossing) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.crossings[x] = struct{}{}
}

func (n *Network) remove(x *crossing) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.crossings, x)
}

// condition returns a connection's present condition, and a channel closed at its next
// change. Until the dialler is known there is nothing but gRPC's opening.
func (n *Network) condition(x *crossing) (Condition, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if x.from == unknown {
		return Open, n.changed
	}
	return n.conditions[x.from][x.to], n.changed
}
