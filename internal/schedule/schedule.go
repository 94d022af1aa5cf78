package schedule

import (
	"errors"
	"fmt"
	"time"
)

// Schedule is a rule for times. The zero Schedule has none.
type Schedule struct {
	// around returns the turns on both sides of a time: the last that is not after it and
	// the first that is. A zero time says that there is none within some years.
	around func(now time.Time) (before, after time.Time)
	text   string
}

// ErrNever is wrapped by the error for a schedule without turns.
var ErrNever = errors.New("it never fires")

// Turn is a turn of a schedule.
type Turn struct {
	// Time is the turn's, in whole seconds; Unix() of it is the tick.
	Time time.Time
	// Other is the turn on the other side of now; zero if there is none within some years.
	Other time.Time
	// IsMidway: now is about as far from Other as from Time, so a machine whose clock is off
	// by little takes Other.
	IsMidway bool
	// IsEarly: Time is so far ahead that now is no time to run the turn at, unless the turn is
	// wanted early.
	IsEarly bool
}

// mostMidway is how far from the middle between two turns a time counts as midway, at most.
// Clocks that something sets differ by less.
const mostMidway = time.Minute

// Of the time between two turns, 1/earlyShare is how far ahead a turn may be, and leastEarly
// if that is more, before it IsEarly. Clocks that something sets differ by less.
const earlyShare, leastEarly = 4, time.Minute

// Nearest returns the turn that is nearest to now; of two, the later. The error wraps
// [ErrNever], or says that the turn is before 1970.
func (s Schedule) Nearest(now time.Time) (Turn, error) {
	before, after := s.around(now)
	var turn Turn
	switch {
	case before.IsZero() && after.IsZero():
		return Turn{}, fmt.Errorf("%s: %w", s.text, ErrNever)
	case before.IsZero():
		turn.Time = after
	case after.IsZero():
		turn.Time = before
	default:
		since, until := now.Sub(before), after.Sub(now)
		turn.Time, turn.Other = after, before
		if since < until {
			turn.Time, turn.Other = before, after
		}
		turn.IsEarly = turn.Time.Sub(now) > max(after.Sub(before)/earlyShare, leastEarly)
		turn.IsMidway = (since-until).Abs()/2 < min(after.Sub(before)/20, mostMidway)
	}
	if turn.Time.Unix() < 1 {
		return Turn{}, fmt.Errorf("the turn nearest to now is %s, want one after 1970; is the clock right?", turn.Time.UTC().Format(time.RFC3339))
	}
	return turn, nil
}

// Every returns the schedule whose turns are d apart: at the multiples of d since
// 1970-01-01 00:00 UTC. The error says that d is not in whole seconds, from one.
func Every(d time.Duration) (Schedule, error) {
	if d < time.Second || d%time.Second != 0 {
		return Schedule{}, fmt.Errorf("got %v, want whole seconds, 1s or more", d)
	}
	seconds := int64(d / time.Second)
	return Schedule{text: "every " + d.String(), around: func(now time.Time) (before, after time.Time) {
		last := now.Unix() / seconds
		if now.Unix()%seconds < 0 {
			last--
		}
		return time.Unix(last*seconds, 0), time.Unix((last+1)*seconds, 0)
	}}, nil
}
