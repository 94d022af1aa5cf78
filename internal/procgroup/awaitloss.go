package procgroup

import "time"

// AwaitLoss waits for stop, and returns nil; or until the lease's end is settled or no more
// than grace away, and returns why. It is for a holder without a command that could be
// told.
func AwaitLoss(lease Lease, grace time.Duration, stop <-chan struct{}) error {
	s := supervisor{Config: Config{Lease: lease, Grace: grace}}
	for {
		want, next, why := s.demand()
		if want != nothing {
			return why
		}
		timer := time.NewTimer(max(next, shortestPause))
		select {
		case <-stop:
			timer.Stop()
			return nil
		case <-lease.Done():
		case <-timer.C: // soon enough for a warning, too
		}
		timer.Stop()
	}
}
