package leaders

import "conch/token"

// Leader is who leads under a lock. The zero Leader says that nobody does, as far as is known.
type Leader struct {
	// Member is the address of the member at which the leader holds the lock.
	Member string
	// Term is the hold's fence; 0 if nobody leads.
	Term token.Fence
	// Count counts what the leader has said in this term.
	Count uint64
	// Value is what it said last.
	Value string
	// InDoubt: nothing was heard of its member for one time to live.
	InDoubt bool
}

// before reports whether a leader, or what it said, is older.
func (l Leader) before(o Leader) bool {
	return l.Term < o.Term || l.Term == o.Term && l.Count < o.Count
}

// Observer is what one observer was told, perhaps by several nodes one after the other.
//
// Protocol, section 6: an observer may believe in a leader that is none any more, never in an
// older one after a newer.
type Observer struct {
	told   Leader
	latest Leader // of those it was told of
}

// Told is what the observer believes.
func (o *Observer) Told() Leader { return o.told }

// Hear takes what a node believes. It reports whether the observer believes something else
// from now on.
func (o *Observer) Hear(l Leader) (news bool) {
	before := o.told
	switch {
	case l.Term == 0:
		o.told = Leader{}
	case !l.before(o.latest):
		o.told, o.latest = l, l
	case o.told.Term != 0:
		// The node has yet to hear of the later leader, or of its end.
		o.told.InDoubt = true
	}
	return o.told != before
}

// Doubt notes that no node can be heard. It reports whether the observer believes something
// else from now on.
func (o *Observer) Doubt() (news bool) {
	if o.told.Term == 0 || o.told.InDoubt {
		return false
	}
	o.told.InDoubt = true
	return true
}
