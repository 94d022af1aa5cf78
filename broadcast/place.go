package broadcast

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"conch/token"
)

// Place is where one local caller waits for a lock and then holds it. It is used again
// for another caller when the hold is over; what belongs to an earlier one is told by
// its id. Its methods are those of [Hold] for the hold with that id.
type Place struct {
	driver *Driver
	// answer brings what came of waiting. The owner sends exactly one for each
	// caller, and there is room for it.
	answer chan answer

	mu      sync.Mutex
	id      token.Waiter // of the present caller; zero between callers
	lock    string
	lost    bool
	settled error         // why the hold will end, once that is settled
	ends    token.Time    // when, for a hold that was broken; zero otherwise
	done    chan struct{} // closed at a loss; made when somebody asks for it
	warned  bool
	warning chan struct{} // closed at the first warning; made when somebody asks for it
}

// answer is a grant, or why there will be none.
type answer struct {
	fence token.Fence
	err   error
}

// begin gives the place to a new caller.
func (p *Place) begin(id token.Waiter, lock string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id, p.lock, p.lost, p.done = id, lock, false, nil
	p.settled, p.ends, p.warned, p.warning = nil, 0, false, nil
}

// ended is what a caller leaves behind.
type ended struct {
	lock string
	lost error // why it was lost before the caller ended the hold; nil if it was not
}

// end takes the place from its caller and makes it free for another. It reports
// false if that caller has it no more.
func (p *Place) end(id token.Waiter) (ended, bool) {
	p.mu.Lock()
	if p.id != id {
		p.mu.Unlock()
		return ended{}, false
	}
	e := ended{lock: p.lock, lost: p.loss()}
	p.id = 0
	p.mu.Unlock()
	p.driver.places.Put(p)
	return e, true
}

// loss says why the hold is lost; nil if it is not. It looks at the clock: the process
// may have stood still for longer than the owner knows.
func (p *Place) loss() error {
	over := p.driver.clock() >= p.until()
	switch {
	case !p.lost && !over:
		return nil
	case p.settled != nil:
		return fmt.Errorf("%w: %w", ErrLost, p.settled)
	}
	return ErrLost
}

// seat is a Place as the owner sees it.
type seat Place

// until is when the hold ends if nothing more is heard. The caller has the lock.
func (p *Place) until() token.Time {
	end := p.driver.leaseEnd()
	if p.ends != 0 {
		end = min(end, p.ends)
	}
	return end
}

// lastMoment is until, for the owner.
func (p *Place) lastMoment() token.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until()
}

// Granted is [Claimant]'s.
func (s *seat) Granted(_ token.Waiter, g Grant) { s.answer <- answer{fence: g.Fence} }

// Refused is [Claimant]'s.
func (s *seat) Refused(_ token.Waiter, err error) { s.answer <- answer{err: err} }

// Warned is [Claimant]'s. A hold that was broken ends after one time to live.
func (s *seat) Warned(id token.Waiter, why error) {
	p := (*Place)(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.id != id {
		return
	}
	if !errors.Is(why, ErrLapsing) {
		p.settled = why
	}
	if errors.Is(why, ErrBroken) {
		d := p.driver
		p.ends = d.clock() + token.Time(d.ttl)
		time.AfterFunc(d.ttl, func() { d.Expire(id, why.Error()) })
	}
	if p.warning != nil && !p.warned {
		close(p.warning)
	}
	p.warned = true
}

// Lost is [Claimant]'s.
func (s *seat) Lost(id token.Waiter) {
	p := (*Place)(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.id != id || p.lost {
		return
	}
	p.lost = true
	if p.done != nil {
		close(p.done)
	}
}

// Done is [Hold.Done].
func (p *Place) Done(id uint64) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if uint64(p.id) != id {
		return nil
	}
	if p.done == nil {
		p.done = make(chan struct{})
		if p.lost {
			close(p.done)
		}
	}
	return p.done
}

// Warned is [Hold.Warned].
func (p *Place) Warned(id uint64) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if uint64(p.id) != id {
		return nil
	}
	if p.warning == nil {
		p.warning = make(chan struct{})
		if p.warned {
			close(p.warning)
		}
	}
	return p.warning
}

// Warning is [Hold.Warning].
func (p *Place) Warning(id uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case uint64(p.id) != id:
		return nil
	case p.settled != nil:
		return p.settled
	case p.driver.leaseEnd()-p.driver.clock() <= token.Time(p.driver.ttl/10):
		return ErrLapsing
	}
	return nil
}

// Err is [Hold.Err].
func (p *Place) Err(id uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if uint64(p.id) != id {
		return ErrReleased
	}
	return p.loss()
}

// Deadline is [Hold.Deadline].
func (p *Place) Deadline(id uint64) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := p.until()
	if uint64(p.id) != id || end == token.Never {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(end - p.driver.clock()))
}

// Release is [Hold.Release].
func (p *Place) Release(id uint64) error {
	e, ok := p.end(token.Waiter(id))
	if !ok {
		return ErrReleased
	}
	if !p.driver.post(input{kind: inputRelease, id: token.Waiter(id)}) && e.lost == nil {
		return ErrLost
	}
	return e.lost
}
