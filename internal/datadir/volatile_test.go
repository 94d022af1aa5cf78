package datadir_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"conch/internal/datadir"
	"conch/token"
)

func TestVolatileCountsFromTheClock(t *testing.T) {
	east := time.FixedZone("", 5*3600)
	for _, test := range []struct {
		now            time.Time
		session, floor uint64
	}{
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 1767225600000000, 0},
		{time.Date(2026, 1, 1, 5, 0, 1, 2999, east), 1767225601000002, 256},
		{time.Date(2026, 11, 22, 20, 30, 0, 999_999_999, time.UTC), 1795379400999999, 28153800*256 + 255},
		{time.Date(2094, 1, 19, 3, 14, 7, 0, time.UTC), 3914709247000000, (1<<31 - 1) * 256},
	} {
		session, floor, err := datadir.Volatile(test.now)
		if err != nil || session != test.session || floor != test.floor {
			t.Errorf("Volatile(%v) = %d, %d, %v; want %d, %d", test.now, session, floor, err, test.session, test.floor)
		}
	}
}

// TestVolatileFencesFitASignedColumn: the highest floor makes fences below 2^63.
func TestVolatileFencesFitASignedColumn(t *testing.T) {
	_, floor, err := datadir.Volatile(time.Date(2094, 1, 19, 3, 14, 7, 0, time.UTC))
	if err != nil || (floor+255)<<token.FenceBits>>63 != 0 {
		t.Errorf("floor %d, %v; want one that 31 bits hold", floor, err)
	}
}

func TestVolatileRefusesAWrongClock(t *testing.T) {
	for _, now := range []time.Time{
		{},
		time.Unix(0, 0),
		time.Date(2025, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2094, 1, 19, 3, 14, 8, 0, time.UTC),
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		session, floor, err := datadir.Volatile(now)
		if !errors.Is(err, datadir.ErrClock) {
			t.Errorf("Volatile(%v) = %d, %d, %v; want ErrClock", now, session, floor, err)
			continue
		}
		if got := now.UTC().Format(time.RFC3339); !strings.Contains(err.Error(), got) || !strings.Contains(err.Error(), "set this machine's clock") {
			t.Errorf("error %q does not say %q and what to do", err, got)
		}
	}
}
