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
	// Boot is the session number at the start of the sender's process, or one above that of
	// another incarnation, if the sender heard of one; Counter how many streams that process
	// opened to the receiver before. Together they order the streams of a pair.
	Boot    Session
	Counter uint64
	// Floor: the sender promises no ballot at or below this number.
	Floor uint64
	// KnownSession is the highest session number that the sender knows of the
	// receiver, and KnownOf the incarnation that had it, the first if there were several.
	KnownSession Session
	KnownOf      Incarnation
}

// peer is what a node knows about one member.
type peer struct {
	// connected: the stream to it is open.
	connected bool
	// opened counts the streams that this process opened to it.
	opened uint64

	// hello is what its newest stream to us began with, and heard whether there was
	// one.
	hello Hello
	heard bool
	// returned: it came back in a new incarnation, and the locks that are waited for
	// have not been looked for since.
	returned bool

	// session is the newest session of its newest incarnation that is known to have
	// begun; a token may be addressed to it. 0: none is known.
	session Session
	// highest is the highest session number that was heard of it, begun or not, and
	// highestOf the incarnation that had it, the first if there were several.
	highest   Session
	highestOf Incarnation

	// answered is the newest stamp of ours that it answered, if hasAnswered; by the
	// incarnation before its present one, if answeredBefore.
	answered       Time
	hasAnswered    bool
	answeredBefore bool
	// pongAt is when it last answered, if hasAnswered.
	pongAt Time

	// guard is the session of its that this node guards, and guardEnd until when.
	guard    Session
	guardEnd Time
	// burialEnd is until when this node answers none of its PINGs.
	burialEnd Time
	// heldPing came while this node waited after its start, and is answered when the
	// wait is over, as if it had been on the way until then.
	heldPing Message

	// clear: it has said, to this incarnation, that it has no session.
	clear bool
}

// Hello returns what the next stream to a peer begins with. Each call is for one
// stream.
func (n *Node) Hello(to Member) Hello {
	p := &n.peers[to]
	p.opened++
	return Hello{
		Incarnation:  n.cfg.Incarnation,
		Boot:         n.boot,
		Counter:      p.opened - 1,
		Floor:        n.floor,
		KnownSession: p.highest,
		KnownOf:      p.highestOf,
	}
}

// ReceiveHello takes the Hello of a stream that a peer opened to this node. A
// stream that is refused, with ErrOldStream, is to be closed; one that is accepted
// replaces the one before it, of which nothing more may be given to Receive.
//
// Protocol, section 4: a stream opened later replaces the older one from the same
// member, and a stream below one already accepted is refused. So is one of another
// incarnation with the same boot. Its sender may be the later process, with an older
// disk, and is told (section 2, a number of one's own).
func (n *Node) ReceiveHello(now Time, from Member, h Hello) error {
	n.advance(now)
	p := &n.peers[from]
	old, heard := p.hello, p.heard
	other := h.Incarnation != old.Incarnation
	if heard && (h.Boot < old.Boot || h.Boot == old.Boot && (other || h.Counter <= old.Counter)) {
		if other {
			n.tellKnown(from)
		}
		return fmt.Errorf("stream %d of boot %d, after stream %d of boot %d: %w",
			h.Counter, h.Boot, old.Counter, old.Boot, ErrOldStream)
	}
	p.hello, p.heard = h, true
	p.heardOf(h.Boot)
	n.learn(from, h.KnownSession, h.KnownOf)
	if !heard || other {
		n.meet(p, from, heard)
	}
	return nil
}

// meet forgets what belonged to the member's older incarnation.
func (n *Node) meet(p *peer, from Member, before bool) {
	p.session = 0
	p.heldPing = Message{}
	p.answeredBefore = p.hasAnswered
	p.clear = false
	n.sayClear(from)
	if before {
		p.returned = true
		if p.connected {
			n.suspectAll()
		}
	}
}
