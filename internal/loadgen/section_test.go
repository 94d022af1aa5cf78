package loadgen

import (
	"errors"
	"testing"
	"time"

	"conch"
)

// hold is a hold that has an error or none.
type hold struct {
	fence uint64
	err   error
}

func (h *hold) Fence() uint64 { return h.fence }
func (h *hold) Err() error    { return h.err }
func (h *hold) Unlock() error { return h.err }

func TestSectionJudges(t *testing.T) {
	s := &section{lock: "x"}
	enter := func(client string, h *hold, asked time.Time, want entry, wantErr error) {
		t.Helper()
		got, err := s.enter(client, h, asked)
		if got != want || !errors.Is(err, wantErr) {
			t.Errorf("%s with fence %d: got %+v, %v; want %+v, %v", client, h.fence, got, err, want, wantErr)
		}
	}
	before := time.Now()
	a := &hold{fence: 10}
	enter("a", a, before, entry{}, nil)
	enter("b", &hold{fence: 11}, before, entry{}, ErrOverlap)
	s.leave(a)
	enter("b", &hold{fence: 10}, before, entry{}, ErrFence)
	enter("b", &hold{fence: 9}, before, entry{}, ErrFence)
	enter("b", &hold{fence: 11, err: conch.ErrLost}, before, entry{lost: true}, nil)

	b := &hold{fence: 12}
	enter("b", b, before, entry{handOff: true}, nil)
	s.leave(b)
	again := &hold{fence: 13}
	enter("b", again, before, entry{}, nil)
	s.leave(again)
	enter("a", &hold{fence: 14}, time.Now().Add(time.Hour), entry{}, nil) // asked when b had left

	// A loss makes room, and who comes back late does not put the next one out.
	s.inside.(*hold).err = conch.ErrLost
	late := s.inside
	next := &hold{fence: 15}
	enter("b", next, before, entry{handOff: true}, nil)
	s.leave(late)
	enter("a", &hold{fence: 16}, before, entry{}, ErrOverlap)
}
