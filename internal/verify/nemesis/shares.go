package nemesis

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"conch/token"
)

// move is the input of one step of the model of a lock that is shared: somebody enters, or
// leaves, in a mode.
type move struct {
	enters bool
	limit  token.Limit
	fence  uint64
}

// String describes the move.
func (m move) String() string {
	what := "leave"
	if m.enters {
		what = "enter"
	}
	switch m.limit {
	case token.Exclusive:
		return fmt.Sprintf("%s alone %d", what, m.fence)
	case token.Unlimited:
		return fmt.Sprintf("%s shared %d", what, m.fence)
	default:
		return fmt.Sprintf("%s of %d permits %d", what, m.limit, m.fence)
	}
}

// sharing is the model's state.
type sharing struct {
	alone bool
	with  int // how many share the lock
	// writer is the highest fence of those who were alone, and sharer of the others.
	writer, sharer uint64
}

// take performs a move, or refuses it.
func (s sharing) take(m move) (bool, sharing) {
	alone := m.limit == token.Exclusive
	switch {
	case m.enters && alone:
		ok := !s.alone && s.with == 0 && m.fence > s.writer && m.fence > s.sharer
		s.alone, s.writer = true, m.fence
		return ok, s
	case m.enters:
		// For readers the limit is above any number of them.
		ok := !s.alone && int64(s.with) < int64(m.limit) && m.fence > s.writer
		s.with++
		s.sharer = max(s.sharer, m.fence)
		return ok, s
	case alone:
		ok := s.alone && m.fence == s.writer
		s.alone = false
		return ok, s
	default:
		ok := !s.alone && s.with > 0
		s.with--
		return ok, s
	}
}

// sharedLock is a lock of readers and writers, or of permits. Who is alone has a fence above
// all before, who shares it one above those of all who were alone before.
var sharedLock = porcupine.Model{
	Init: func() any { return sharing{} },
	Step: func(state, input, _ any) (bool, any) { return state.(sharing).take(input.(move)) },
	DescribeOperation: func(input, _ any) string {
		return input.(move).String()
	},
}

// stays records who entered and left one lock when, by one clock.
type stays struct {
	began time.Time

	mu         sync.Mutex
	operations []porcupine.Operation
	entries    map[int]int // by client
}

func newStays() *stays { return &stays{began: time.Now(), entries: make(map[int]int)} }

// now reads the clock.
func (s *stays) now() int64 { return int64(time.Since(s.began)) }

// entered notes an entry that took effect between two moments. The leave may come at any
// time from the second one on, until left says when.
func (s *stays) entered(client int, limit token.Limit, fence uint64, from, to int64) (stay int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[client]++
	s.operations = append(s.operations,
		porcupine.Operation{ClientId: client, Input: move{true, limit, fence}, Call: from, Return: to},
		porcupine.Operation{ClientId: client, Input: move{false, limit, fence}, Call: to, Return: math.MaxInt64})
	return len(s.operations) - 1
}

// left notes that a stay ended between two moments: the last at which it certainly lasted,
// and the first at which it certainly was over.
func (s *stays) left(stay int, from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations[stay].Call, s.operations[stay].Return = from, to
}

// count returns how often each client has entered.
func (s *stays) count(client int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[client]
}

// check judges the stays.
func (s *stays) check(lock string, patience time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch result := porcupine.CheckOperationsTimeout(sharedLock, s.operations, patience); result {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("%s: %d moves are too many to judge within %v", lock, len(s.operations), patience)
	default:
		return fmt.Errorf("%s: the %d moves are not a history of a shared lock", lock, len(s.operations))
	}
}
