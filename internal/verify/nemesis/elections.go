package nemesis

import (
	"fmt"
	"slices"
	"sync"

	"conch"
)

// elections records what leaders said, and judges what observers are told. It is safe for
// concurrent use.
type elections struct {
	mu    sync.Mutex
	terms map[uint64]*term // by fence
}

// term is what a leader said.
type term struct {
	leader int // the client
	values []string
}

func newElections() *elections { return &elections{terms: make(map[uint64]*term)} }

// says notes what a leader is about to say. Each client says a value once.
func (e *elections) says(leader int, fence uint64, value string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.terms[fence]
	if t == nil {
		t = &term{leader: leader}
		e.terms[fence] = t
	}
	if t.leader != leader {
		return fmt.Errorf("leaders %d and %d have the same term, %d", t.leader, leader, fence)
	}
	t.values = append(t.values, value)
	return nil
}

// place returns which of its leader's values a value is, or -1 if it was not said in that
// term.
func (e *elections) place(fence uint64, value string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.terms[fence]
	if t == nil {
		return -1
	}
	return slices.Index(t.values, value)
}

// belief is what one observer was told last. It is safe for concurrent use.
type belief struct {
	elections *elections

	mu     sync.Mutex
	leader conch.Leader
	// latest is the latest leader that it was told of, and place is the place of what that
	// had said.
	latest conch.Leader
	place  int
	times  int   // how often it was told
	err    error // the first violation
}

// told judges what the observer is told: it was said in that term, and nothing later was told
// before.
func (b *belief) told(l conch.Leader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leader = l
	b.times++
	if l.Term == 0 || b.err != nil {
		return
	}
	place := b.elections.place(l.Term, l.Value)
	switch {
	case place < 0:
		b.err = fmt.Errorf("told that %v, who did not say that", l)
	case l.Term < b.latest.Term || l.Term == b.latest.Term && place < b.place:
		b.err = fmt.Errorf("told that %v, after %v", l, b.latest)
	}
	b.latest, b.place = l, place
}

// believes reports whether the observer believes, without a doubt, in a leader that says a
// value; or that nobody leads, if the term is 0.
func (b *belief) believes(term uint64, value string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leader.Term == term && b.leader.Value == value && !b.leader.InDoubt
}

// String describes what the observer believes.
func (b *belief) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leader.String()
}

// failed returns the first violation.
func (b *belief) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
