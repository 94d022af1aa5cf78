package token

import "slices"

// Signs that a token exists, sent along with PINGs (protocol, section 2, BUSY).

// busyLocksPerMessage keeps a BUSY far below the size limit of a frame.
const busyLocksPerMessage = 1024

// sayBusy tells each peer which of the locks that it waits for are in use here, or were
// passed on less than T/4 ago. Of the active locks, it puts to rest those that nobody here
// uses or wants, and that no answer would call RECENT.
func (n *Node) sayBusy() {
	busy := make([][]string, len(n.peers))
	kept := n.active[:0]
	for _, l := range n.active {
		switch {
		case l.token != nil && !l.idle():
			if l.waits {
				n.recall(l)
			}
			for j := range n.peers {
				if l.asks(j) {
					busy[j] = append(busy[j], l.name)
				}
			}
		case l.token == nil && n.now < l.passedAt+n.cfg.TTL/4:
			for _, j := range l.passedQueue {
				busy[j] = append(busy[j], l.name)
			}
		case !n.engaged(l):
			n.putToRest(l)
			continue
		}
		kept = append(kept, l)
	}
	clear(n.active[len(kept):])
	n.active = kept
	if cap(kept) > 4*len(kept)+spareUses {
		n.active = slices.Clone(kept) // many were in use at once
	}
	for j, locks := range busy {
		if Member(j) == n.self {
			continue
		}
		for part := range slices.Chunk(locks, busyLocksPerMessage) {
			n.send(nil, Member(j), Message{Kind: Busy, Locks: part})
		}
	}
}

// receiveBusy notes that tokens this node waits for exist.
func (n *Node) receiveBusy(m *Message) {
	for _, name := range m.Locks {
		if l := n.locks[name]; l != nil && l.use != nil {
			n.sawSign(l)
		}
	}
}
