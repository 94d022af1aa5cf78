package datadir

import (
	"testing"
	"time"
)

// A ballot may be years ahead of the clock, or of where a member began, and no more; and
// never so high that its fences fit no signed number.
func TestPlausibleIsYearsAheadAtMost(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(epoch.Unix()+seconds, 0) }
	for _, test := range []struct {
		seconds int64
		floor   uint64
		want    uint64
	}{
		{0, 0, haste},
		{1000, 0, 256_000 + haste},
		{1000, 255_999, 256_000 + haste},
		{1000, 500_000, 500_000 + haste},
		{-1, 0, haste}, // a clock that stands before 2026
		{-epoch.Unix(), 7, 7 + haste},
		{maxSeconds - haste/256, 0, maxFloor - 255},
		{maxSeconds - haste/256 + 1, 0, maxFloor},
		{maxSeconds, maxFloor, maxFloor},
		{maxSeconds * 2, 0, maxFloor},
	} {
		if got := Plausible(at(test.seconds), test.floor); got != test.want {
			t.Errorf("%d seconds after 2026, floor %d: %d; want %d", test.seconds, test.floor, got, test.want)
		}
	}
}
