package procgroup

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"conch/broadcast"
	"conch/token"
)

// demand is what the lease demands for the command.
type demand int

const (
	nothing demand = iota
	end            // by SIGTERM
	kill           // by SIGKILL
)

// demand returns what the lease demands now, the time until it must be checked again, and
// why.
func (s *supervisor) demand() (want demand, next time.Duration, why error) {
	if err := s.Lease.Err(); err != nil {
		return kill, glance, err
	}
	warning := s.Lease.Warning()
	isSettled := warning != nil && !errors.Is(warning, broadcast.ErrLapsing)
	deadline := s.Lease.Deadline()
	if deadline.IsZero() {
		return s.demandWithoutDeadline(warning, isSettled)
	}
	left := time.Until(deadline)
	if warning == nil {
		warning = fmt.Errorf("%w: %v is left of the lease", broadcast.ErrLapsing, left.Round(time.Millisecond))
	}
	switch {
	case left <= s.Margin:
		return kill, shortestPause, warning
	case isSettled || left <= s.Grace:
		return end, min(glance, left-s.Margin), warning
	}
	return nothing, min(glance, left-max(s.Grace, s.Margin)), nil
}

// demandWithoutDeadline is for a lease that cannot lapse. It may yet be ended.
func (s *supervisor) demandWithoutDeadline(warning error, isSettled bool) (want demand, next time.Duration, why error) {
	switch {
	case !isSettled:
		return nothing, glance, nil
	case s.told != 0 && broadcast.Clock()-s.told >= token.Time(s.Grace):
		return kill, shortestPause, warning
	}
	return end, min(glance, max(s.Grace, shortestPause)), warning
}

// obey does what the lease demands, and returns the time until it must be checked again.
func (s *supervisor) obey() time.Duration {
	if s.killing {
		s.group.sweep(unix.SIGKILL)
		return s.longerPause()
	}
	want, next, why := s.demand()
	switch {
	case s.OnLost == Ignore || want == nothing:
		return next
	case s.OnLost == Warn:
		notice := Lapsing
		if want == kill && s.Lease.Err() != nil {
			notice = Lost
		}
		s.notify(notice, why)
		return next
	case want == kill:
		s.killing, s.lost, s.pause = true, why, 0
		s.group.sweep(unix.SIGKILL)
		s.notify(Killed, why)
		return s.longerPause()
	}
	if s.told == 0 {
		s.told, s.lost = broadcast.Clock(), why
		s.group.signal(unix.SIGTERM)
		s.group.signal(unix.SIGCONT) // a stopped process notices nothing else
		s.notify(Ending, why)
	}
	return next
}

// awaitSafety waits until the lease leaves the command some time, and returns nil, or why
// it never will.
func (s *supervisor) awaitSafety() error {
	for {
		want, _, why := s.demand()
		if err := s.Lease.Err(); err != nil {
			return err
		}
		switch {
		case want == nothing || s.OnLost != Kill:
			return nil
		case !errors.Is(why, broadcast.ErrLapsing):
			return why
		}
		s.waitLease()
	}
}

// waitLease waits for a while, or until the lock is lost.
func (s *supervisor) waitLease() {
	timer := time.NewTimer(shortestPause)
	defer timer.Stop()
	select {
	case <-s.Lease.Done():
	case <-timer.C:
	}
}
