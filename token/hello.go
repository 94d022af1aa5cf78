package token

import (
	"errors"
	"fmt"
)

// ErrOldStream refuses a stream that is older than one already accepted from the same
// member.
var ErrOldStream = errors.New("stream is older than one already accepted")

// Hello opens a stream. These are the fields that the algorithm needs.
type Hello struct {
	Incarnation Incarnation
	// Boot is the session number at the start of the sender's process, or a later one,
	// above a number of another incarnation that the sender heard of. Counter is how many
	// streams that process opened to the receiver before. Together they order the streams
	// of a pair.
	Boot    Session
	Counter uint64
	// Floor: the sender promises no ballot at or below it.
	Floor uint64
	// Fresh: the sender's memory is new, it has had no session since, and it has heard of
	// no member that is not fresh.
	Fresh bool
	// Remembers: the sender has stable storage for notes.
	Remembers bool
	// Membership is the sender's, nil if that never changes, and Disk its disk.
	Membership *Membership
	Disk       Disk
	// Receiver is the disk of the member that the stream is meant for, zero if it is not known.
	Receiver Disk
	// KnownSession is the highest session number of the receiver that the sender knows, and
	// KnownOf the incarnation that had it, the first if there were several.
	KnownSession Session
	KnownOf      Incarnation
}

// peer is what a node knows about one member.
type peer struct {
	// listed: it is a member, by one of the two lists if there are two. old and next: by the
	// first, and by the second.
	listed, old, next bool
	// version is that of the membership that it has shown on its newest stream. told is what
	// this node has shown on the newest stream to it; see shown.
	version, told uint64

	// connected: the stream to it is open.
	connected bool
	// opened counts the streams that this process opened to it.
	opened uint64

	// hello opened its newest stream to us; heard reports whether there was one.
	hello Hello
	heard bool
	// returned: it came back in a new incarnation, and this node has not probed since for
	// the locks that it waits for.
	returned bool

	// session is the newest session of its newest incarnation that is known to have begun,
	// 0 if none is. A token may be addressed to it.
	session Session
	// highest is its highest session number heard of, begun or not, and highestOf the
	// incarnation that had it, the first if there were several.
	highest   Session
	highestOf Incarnation

	// over is the highest session of its newest incarnation that is known to be over. The
	// rules are in recall.go.
	over Session

	// answered is our newest stamp that it answered, if hasAnswered. If answeredBefore, its
	// previous incarnation answered it.
	answered       Time
	hasAnswered    bool
	answeredBefore bool
	// pongAt is when it last answered, if hasAnswered.
	pongAt Time

	// guarded is the session of its that this node guards, and guardEnd until when.
	guarded  Session
	guardEnd Time
	// burialEnd is until when this node answers none of its PINGs.
	burialEnd Time
	// heldPing came while this node waited after its start. It is answered when the wait is
	// over, as if it had been on the way until then.
	heldPing Message

	// clear: it has told this incarnation that it has no session.
	clear bool

	// The rest is about what it says; the rules are in say.go. values counts the locks under
	// which it leads, as far as is known; also for this node itself.
	values int
	// shownAt is when its last PING or SAY came. doubted: that was T ago.
	shownAt Time
	doubted bool
	// unsaid: a stream from it has begun, its first PING there has not come, and some of its
	// values were said before.
	unsaid bool
}

// Hello returns the Hello of the next stream to a peer. Each call is for one stream.
func (n *Node) Hello(to Member) Hello {
	p := &n.peers[to]
	p.opened++
	p.told = n.shown()
	return Hello{
		Membership:   n.shownMembership(),
		Disk:         n.cfg.Disk,
		Receiver:     n.diskOf(to),
		Incarnation:  n.cfg.Incarnation,
		Boot:         n.boot,
		Counter:      p.opened - 1,
		Floor:        n.floor,
		Fresh:        n.fresh,
		Remembers:    n.cfg.Remembers,
		KnownSession: p.highest,
		KnownOf:      p.highestOf,
	}
}

// ReceiveHello takes the Hello of a stream that a peer opened to this node. The driver
// closes a stream that is refused, with ErrOldStream. An accepted stream replaces the one
// before it; nothing more of the old one may be given to Receive.
//
// Protocol, section 4: a stream opened later replaces the older one from the same member,
// and a stream below one already accepted is refused. So is one of another incarnation with
// the same boot: its sender may be the later process, with an older disk, and is told so
// (section 2, a number of one's own).
func (n *Node) ReceiveHello(now Time, from Member, h Hello) error {
	n.advance(now)
	if err := n.meet(from, &h); err != nil {
		return err
	}
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
	p.version = h.version()
	n.awaitSaid(from)
	p.heardOf(h.Boot)
	n.learn(from, h.KnownSession, h.KnownOf)
	if !heard || other {
		n.forgetOlder(p, from, heard)
	}
	if !h.Fresh {
		n.fresh = false
	}
	n.bear(from, h.Disk)
	n.askForNotes(from) // it can answer now
	n.checkFresh()
	n.checkRemoved()
	return nil
}

// forgetOlder forgets what belonged to the member's older incarnation.
func (n *Node) forgetOlder(p *peer, from Member, before bool) {
	p.session, p.over = 0, 0
	p.heldPing = Message{}
	p.answeredBefore = p.hasAnswered
	p.clear = false
	n.joining.forget(from)
	n.sayClear(from)
	if before {
		p.returned = true
		if p.connected {
			n.suspectAll()
		}
	}
}
