package supervise

import (
	"errors"
	"fmt"
	"time"

	"conch/broadcast"
	"conch/token"
)

// demand is what the lease asks to be done with the command.
type demand int

const (
	nothing demand = iota
	end            // by SIGTERM
	kill           // by SIGKILL
)

// demand returns what the lease asks for now and why, and how long that may go without
// being looked at again.
func (s *supervisor) demand() (want demand, why error, next time.Duration) {
	if err := s.Lease.Err(); err != nil {
		return kill, err, glance
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
		return kill, warning, shortestPause
	case isSettled || left <= s.Grace:
		return end, warning, min(glance, left-s.Margin)
	}
	return nothing, nil, min(glance, left-max(s.Grace, s.Margin))
}

// demandWithoutDeadline is for a lease that cannot lapse. It may yet be ended.
func (s *supervisor) demandWithoutDeadline(warning error, isSettled bool) (want demand, why error, next time.Duration) {
	switch {
	case !isSettled:
		return nothing, nil, glance
	case s.told != 0 && broadcast.Clock()-s.told >= token.Time(s.Grace):
		return kill, warning, shortestPause
	}
	return end, warning, min(glance, max(s.Grace, shortestPause))
}
