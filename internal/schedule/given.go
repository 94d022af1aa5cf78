package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Ahead is how far a tick that is a time may be ahead of the clock. One far ahead would pass
// over all turns until then.
const Ahead = 24 * time.Hour

// number is what a tick that is a plain number looks like.
var number = regexp.MustCompile(`^[+-]?[0-9]+$`)

// Given reads a tick that somebody names: a date, which is midnight UTC; a date and time as
// RFC 3339 has it, in whole seconds; or a plain number from 1, which only has to rise. The
// error says what is wrong with the text, or that a time is more than [Ahead] after now.
func Given(text string, now time.Time) (tick int64, isPlain bool, err error) {
	if number.MatchString(text) {
		tick, err = strconv.ParseInt(text, 10, 64)
		if err != nil || tick < 1 {
			return 0, false, fmt.Errorf("got %.40q, want a number from 1 to %d", text, int64(1<<63-1))
		}
		return tick, true, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.Parse(time.DateOnly, text); err != nil {
			return 0, false, fmt.Errorf("got %.40q, want a date as 2026-11-30, a time as 2026-11-30T03:00:00Z, or a number from 1", text)
		}
	}
	switch {
	case t.Nanosecond() != 0:
		return 0, false, fmt.Errorf("got %.40q, want whole seconds", text)
	case t.Unix() < 1:
		return 0, false, fmt.Errorf("got %.40q, want a time after 1970", text)
	case t.Sub(now) > Ahead:
		return 0, false, fmt.Errorf("got %.40q, which is more than %v ahead of this machine's clock, %s: it would pass over all turns until then", text, Ahead, now.UTC().Format(time.RFC3339))
	}
	return t.Unix(), false, nil
}
