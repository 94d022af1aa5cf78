package procgroup

import "time"

// Guard waits for stop, and returns nil; or until the end of the lease is as near as
// grace or settled, and returns why. It is for who holds a lock without a command that
// could be told.
func Guard(lease Lease, grace time.Duration, stop <-chan struct{}) error {
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
