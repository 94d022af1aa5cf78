package token

import (
	"errors"
	"fmt"
)

// ErrOldStream refuses a stream that was opened before one already accepted from
// the same member.
var ErrOldStream = errors.New("stream is older than one already accepted")

// Hello is what opens a stream, as far as it concerns the algorithm.
type Hello struct {
	Incarnation Incarnation
	// Boot is the session number at the start of the sender's process, Counter how
	// many streams that process opened to the receiver before. Together they order
	// the streams of a pair.
	Boot    Session
	Counter uint64
}

// peer is what a node knows about one member.
type peer struct {
	// connected: the stream to it is open.
	connected bool
	// opened counts the streams that this process opened to it.
	opened uint64
	// hello is what its newest stream to us began with; the zero Hello before that.
	hello Hello
	heard bool // whether there was such a stream
}

// Hello returns what the next stream to a peer begins with. Each call is for one
// stream.
func (n *Node) Hello(to Member) Hello {
	p := &n.peers[to]
	p.opened++
	return Hello{Incarnation: n.incarnation, Boot: n.boot, Counter: p.opened - 1}
}

// ReceiveHello takes the Hello of a stream that a peer opened to this node. A
// stream that is refused, with ErrOldStream, is to be closed; one that is accepted
// replaces the one before it, of which nothing more may be given to Receive.
//
// Protocol, section 4: a stream opened later replaces the older one from the same
// member, and a stream below one already accepted is refused.
func (n *Node) ReceiveHello(now Time, from Member, h Hello) error {
	p := &n.peers[from]
	if old := p.hello; p.heard && (h.Boot < old.Boot || h.Boot == old.Boot && h.Counter <= old.Counter) {
		return fmt.Errorf("stream %d of boot %d from member %d, after stream %d of boot %d: %w",
			h.Counter, h.Boot, from, old.Counter, old.Boot, ErrOldStream)
	}
	p.hello, p.heard = h, true
	return nil
}
