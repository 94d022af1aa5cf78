package admission

import (
	"testing"
	"time"
)

// A turn whose reader is held up, while its time ends or the peer becomes known, must not
// stay taken: nobody else would ever be let in.
func TestTurnEndsWheneverItIsEnded(t *testing.T) {
	turns := make(chan struct{}, 1)
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for i := range 200_000 {
		var one turn
		one.prepare(turns, time.Nanosecond)
		known := make(chan struct{})
		go func() {
			close(known)
			one.end()
		}()
		one.take(known) // its reader reads no more
		free := make(chan struct{})
		go func() {
			turns <- struct{}{}
			<-turns
			close(free)
		}()
		select {
		case <-free:
		case <-patience.C:
			t.Fatalf("turn %d has not ended", i)
		}
	}
}
