package procgroup

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

// demand returns what the lease asks for now, how long that may go without being looked
// at again, and why.
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
