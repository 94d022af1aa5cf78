package broadcast

import (
	"time"

	"conch/token"
)

// A write to a busy disk may take a second or two. If the worker waited for it, the node
// would answer nobody, and leases would run out though all else is well. So a node's
// promises are saved beside the worker, and only messages that depend on them are held
// back: ballots and answers to ballots, and later messages about the same locks, which keep
// their order. To the algorithm this is a slow network. A ballot of the node's own fails
// without answers, so no token is made before its own promise is saved, either.
//
// The worker does wait: where the members change, since what is held back belongs to those before;
// where a session begins, whose number every message shows; in a
// cluster of one, which needs no answers; with evidence, whose lines record messages in the
// order in which they leave; and when the node stops.

// saving is what a node saves or has saved.
type saving struct {
	store Store
	// inPlace: the worker waits for each save; always: however many members there are.
	inPlace, always bool
	session         token.Session // the latest that was saved
	current         *save         // under way; nil if none is
	promise         uint64        // the highest to be saved
	held            []heldBack
	locks           map[string]struct{} // of the messages in held

	times saveTimes
}

// save is one write beside the worker.
type save struct {
	promise uint64
	began   token.Time
	done    chan error // has room for one
}

// heldBack is a message that waits for a save.
type heldBack struct {
	out     *outgoing
	peer    token.Member
	message token.Message
}

// saveTimes are how long the latest save took, and when it ended.
type saveTimes struct {
	took  time.Duration
	ended token.Time
}

// save puts the effect's numbers on stable storage before anything that depends on them
// leaves.
func (o *owner) save(e *token.Effect) {
	s := &o.saving
	s.promise = max(s.promise, e.Promised)
	if s.inPlace || s.session != e.Session {
		o.finishSaving()
		if o.ended {
			return
		}
		began := o.clock()
		err := s.store.Save(uint64(e.Session), s.promise)
		o.tookToSave(began)
		if err != nil {
			o.fail(err)
		}
		s.session = e.Session
		return
	}
	if s.current == nil {
		o.beginSave()
	}
}

// beginSave begins a save beside the worker.
func (o *owner) beginSave() {
	s := &o.saving
	save := &save{promise: s.promise, began: o.clock(), done: make(chan error, 1)}
	session := uint64(s.session)
	s.current = save
	o.running.Go(func() {
		save.done <- s.store.Save(session, save.promise)
		o.post(input{kind: inputInspect, inspect: func(o *owner) {
			if o.saving.current == save { // else the worker has waited for it
				o.saved(<-save.done)
			}
		}})
	})
}

// saved notes that a save is done.
func (o *owner) saved(err error) {
	s := &o.saving
	o.tookToSave(s.current.began)
	done := s.current.promise
	s.current = nil
	switch {
	case err != nil:
		o.fail(err)
	case done < s.promise:
		o.beginSave()
	default:
		o.letGo()
	}
}

// finishSaving waits until all is saved.
func (o *owner) finishSaving() {
	for o.saving.current != nil && !o.ended {
		o.saved(<-o.saving.current.done)
	}
}

// holdsBack keeps a message until all is saved, if the message depends on that.
func (o *owner) holdsBack(e *token.Effect, out *outgoing) bool {
	s := &o.saving
	if s.current == nil || e.Message.Kind == token.Say { // it goes before the stream's first PING
		return false
	}
	_, follows := s.locks[e.Lock]
	if !follows && e.Message.Kind != token.Ballot && e.Message.Kind != token.BallotAnswer {
		return false
	}
	s.held = append(s.held, heldBack{out, e.Peer, e.Message})
	s.locks[e.Lock] = struct{}{}
	return true
}

// letGo sends what was held back, if the stream is still the same.
func (o *owner) letGo() {
	s := &o.saving
	for i := range s.held {
		h := &s.held[i]
		if p := &o.peers[h.peer]; p.out == h.out {
			p.pending = append(p.pending, h.message)
		}
	}
	clear(s.held)
	s.held = s.held[:0]
	clear(s.locks)
}

// tookToSave notes how long a save took.
func (o *owner) tookToSave(began token.Time) {
	now := o.clock()
	o.saving.times = saveTimes{took: duration(now - began), ended: now}
}
