package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Zone returns a time zone by its name in the IANA database. The empty name is this
// machine's zone.
func Zone(name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("got %q, want the name of a time zone, as Europe/Berlin or UTC: %w", name, err)
	}
	return zone, nil
}

// Cron returns the schedule of an expression as in a crontab, in a zone: minute, hour, day of
// the month, month and day of the week; or @hourly, @daily, @weekly, @monthly or @yearly.
//
// Where clocks are put forward, a time that an expression names and that is left out is the
// moment of the change. Where they are put back, a time that comes twice is the first. An
// expression with * as its hour names none, and its times are those that a clock shows: none
// in an hour that is left out, and all in one that comes twice.
func Cron(expression string, zone *time.Location) (Schedule, error) {
	parsed, everyHour, err := parse(expression)
	if err != nil {
		return Schedule{}, fmt.Errorf("%q: %w", expression, err)
	}
	parsed.Location = time.UTC
	l := line{wallTimes: parsed, zone: zone, everyHour: everyHour}
	return Schedule{text: fmt.Sprintf("%q", expression), around: l.around}, nil
}

// parse reads an expression, and says whether it names no hour.
func parse(expression string) (parsed *cron.SpecSchedule, everyHour bool, err error) {
	switch {
	case strings.HasPrefix(expression, "TZ="), strings.HasPrefix(expression, "CRON_TZ="):
		return nil, false, errors.New("a zone has no place in the expression")
	case strings.HasPrefix(expression, "@every"):
		return nil, false, errors.New("@every counts from the start of a program, which machines do not share")
	}
	anything, err := cron.ParseStandard(expression)
	if err != nil {
		return nil, false, err
	}
	parsed, isSpec := anything.(*cron.SpecSchedule)
	if !isSpec {
		return nil, false, errors.New("it has no times of day")
	}
	const allHours = 1<<24 - 1
	fields := strings.Fields(expression)
	return parsed, parsed.Hour&allHours == allHours || len(fields) > 1 && strings.HasPrefix(fields[1], "*"), nil
}

// line is the schedule of an expression. What a clock in the zone shows is written as a time
// in UTC: the parser's own Next goes wrong where clocks change by half an hour.
type line struct {
	wallTimes *cron.SpecSchedule
	zone      *time.Location
	everyHour bool
}

const (
	// longestChange is more than clocks are ever put back.
	longestChange = 48 * time.Hour
	// longestPause is how far back a turn is looked for: a little more than the parser's
	// Next looks ahead.
	longestPause = 6 * 366 * 24 * time.Hour
)

// around returns the turns around a time.
func (l *line) around(now time.Time) (before, after time.Time) {
	if l.everyHour {
		return around(now, now, l.next, func(turn time.Time) time.Time { return turn })
	}
	return around(now, l.wall(now), l.wallTimes.Next, l.instant)
}

// around searches for the turns around now, which is at on the axis that next steps along.
// instant leads from the axis to time, and never back.
func around(now, at time.Time, next, instant func(time.Time) time.Time) (before, after time.Time) {
	isAfter := func(x time.Time) bool { // the turn that follows x
		turn := next(x)
		return turn.IsZero() || instant(turn).After(now)
	}
	step := at
	for turn := next(step); !turn.IsZero(); turn = next(step) {
		if after = instant(turn); after.After(now) {
			break
		}
		after, step = time.Time{}, turn
	}
	// The latest x, in whole seconds, whose next turn is not after now.
	high := at.Truncate(time.Second).Add(longestChange)
	back := time.Minute
	for isAfter(at.Truncate(time.Second).Add(-back)) {
		if back *= 2; back > longestPause {
			return time.Time{}, after
		}
	}
	low := at.Truncate(time.Second).Add(-back)
	for high.Sub(low) > time.Second {
		if middle := low.Add(high.Sub(low) / 2).Truncate(time.Second); isAfter(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return instant(next(low)), after
}

// next returns the first time after t at which a clock shows one of the times; zero if there
// is none within some years.
func (l *line) next(t time.Time) time.Time {
	t = t.In(l.zone)
	for after := l.wall(t); ; after = l.wall(t).Add(-time.Second) {
		turn := l.wallTimes.Next(after)
		if turn.IsZero() {
			return turn
		}
		_, offset := t.Zone()
		turn = turn.Add(-time.Duration(offset) * time.Second)
		_, end := t.ZoneBounds()
		if end.IsZero() || turn.Before(end) {
			return turn
		}
		t = end
	}
}

// wall returns what a clock in the zone shows.
func (l *line) wall(t time.Time) time.Time {
	_, offset := t.In(l.zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns when a clock in the zone shows a time first, or would if the time were not
// left out.
func (l *line) instant(wall time.Time) time.Time {
	year, month, day := wall.Date()
	t := time.Date(year, month, day, wall.Hour(), wall.Minute(), wall.Second(), 0, l.zone)
	start, end := t.ZoneBounds()
	switch shown := l.wall(t); {
	case shown.After(wall): // left out, and counted from before the change
		return start
	case shown.Before(wall):
		return end
	case start.IsZero():
		return t
	}
	_, offsetBefore := start.Add(-time.Second).Zone()
	_, offset := t.Zone()
	if first := t.Add(time.Duration(offset-offsetBefore) * time.Second); first.Before(start) && l.wall(first).Equal(wall) {
		return first
	}
	return t
}
