package runs

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"conch/token"
)

// Times in seconds.
const (
	day = 24 * 60 * 60

	// DefaultRemember is how long after its begin a run is remembered if nothing is said, and
	// how long after its begin a kept hold that is over.
	DefaultRemember = 35 * day
	// MinRemember is the least for ticks that are times: see [Request.Check].
	MinRemember = 3 * day
	// MaxRemember bounds it.
	MaxRemember = 100 * 366 * day

	// maxAhead is how far a tick may be ahead of the clock, and early how much sooner than its
	// run is forgotten a tick is refused. The difference is for clocks that are off.
	maxAhead, early = day, 2 * day
)

var (
	// ErrTick is wrapped by the error for a tick that cannot be run.
	ErrTick = errors.New("bad tick")
	// ErrOwner is wrapped by the error for an owner that a kept hold cannot have.
	ErrOwner = errors.New("bad owner")
)

// Request is what a run is asked for with.
type Request struct {
	Tick token.Tick
	// Skip: at most once.
	Skip bool
	// Plain: the tick is no time.
	Plain bool
	// Remember is for how many seconds after it began the run is remembered; 0 is
	// DefaultRemember.
	Remember int64
}

// Check refuses a tick that cannot be run; now is the wall clock's, in Unix seconds. The
// error wraps [ErrTick].
//
// Protocol, section 7: a tick more than a day ahead would silence the schedule until then. One
// that is older than runs are remembered, less two days, may have been forgotten.
func (r Request) Check(now int64) error {
	if err := r.CheckEnd(now); err != nil || r.Plain {
		return err
	}
	if tick, oldest := int64(r.Tick), r.remember()-early; tick < now-oldest {
		return fmt.Errorf("%w: the tick %d is %d seconds ago by the node's clock, want at most %d: older ones may have been forgotten, as runs are remembered for %d",
			ErrTick, tick, now-tick, oldest, r.remember())
	}
	return nil
}

// CheckEnd is Check for a run that ends, whose tick may be old by now.
func (r Request) CheckEnd(now int64) error {
	least := int64(MinRemember)
	if r.Plain {
		least = 1
	}
	switch tick, remember := int64(r.Tick), r.remember(); {
	case tick <= 0:
		return fmt.Errorf("%w: the tick is %d, want 1 or more", ErrTick, tick)
	case remember < least || remember > MaxRemember:
		return fmt.Errorf("%w: a run is to be remembered for %d seconds, want %d to %d", ErrTick, remember, least, int64(MaxRemember))
	case r.Plain:
		return nil
	case tick > now+MaxRemember:
		return fmt.Errorf("%w: the tick %d is no time in seconds near now, %d; is it one in milliseconds?", ErrTick, tick, now)
	case tick > now+maxAhead:
		return fmt.Errorf("%w: the tick %d is %d seconds ahead of the node's clock, want at most a day, %d", ErrTick, tick, tick-now, maxAhead)
	}
	return nil
}

func (r Request) remember() int64 {
	if r.Remember == 0 {
		return DefaultRemember
	}
	return r.Remember
}

// Until returns when a run that begins now may be forgotten, in Unix seconds.
func (r Request) Until(now int64) int64 { return now + r.remember() }

// For is what the algorithm is asked for on behalf of a holder.
func (r Request) For(now int64, by Record) token.RunRequest {
	by.Began = now
	return token.RunRequest{Tick: r.Tick, Skip: r.Skip, Until: r.Until(now), About: by.About()}
}

// End says how a run ended.
type End struct {
	ExitCode int32
	Text     string
}

// MaxTextBytes is how long the text of an End may be: no more of it is remembered.
const MaxTextBytes = token.MaxAboutBytes

// NewEnd returns an end whose text is UTF-8, and not too long.
func NewEnd(code int32, text string) End {
	return End{ExitCode: code, Text: Parse(Record{Text: text}.About()).Text}
}

// Of returns the record of a run that has ended now, ran seconds after it began.
func (e End) Of(now, ran int64, by Record) Record {
	by.Began, by.Ended, by.ExitCode, by.Text = now-max(0, ran), now, e.ExitCode, e.Text
	return by
}

// Keep is what a kept hold is asked for with.
type Keep struct {
	// Owner names who may adopt the hold; empty is nobody.
	Owner string
	// Adopt: the hold that Owner kept is taken up, if there is one.
	Adopt bool
}

// Check refuses an owner that there cannot be. The error wraps [ErrOwner].
func (k Keep) Check() error {
	switch {
	case len(k.Owner) > token.MaxOwnerBytes:
		return fmt.Errorf("%w: it has %d bytes, want at most %d", ErrOwner, len(k.Owner), token.MaxOwnerBytes)
	case !utf8.ValidString(k.Owner):
		return fmt.Errorf("%w: %q is not UTF-8", ErrOwner, k.Owner)
	case k.Adopt && k.Owner == "":
		return fmt.Errorf("%w: whoever adopts a hold has to say as which owner", ErrOwner)
	}
	return nil
}

// For is what the algorithm is asked for on behalf of a holder.
func (k Keep) For(now int64, by Record) token.KeepRequest {
	by.Began = now
	return token.KeepRequest{Owner: k.Owner, Adopt: k.Adopt, Until: now + DefaultRemember, About: by.About()}
}

// Run is what is remembered of a run.
type Run struct {
	token.RunMark
	Record
	// Until is when it may be forgotten, in Unix seconds.
	Until int64
}

// Remembered reads what the algorithm remembers of a run.
func Remembered(r token.Run) Run {
	return Run{RunMark: r.RunMark, Record: Parse(r.About), Until: r.Until}
}
