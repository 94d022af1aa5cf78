package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests need zones on any machine

	"pgregory.net/rapid"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t interface{ Fatal(...any) }, text string) time.Time {
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestNearest: the turn that is nearest, on both sides of it and midway.
func TestNearest(t *testing.T) {
	for _, c := range []struct {
		schedule, zone, now, want string
		midway                    bool
	}{
		{"24h", "", "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z", false},
		{"24h", "", "2026-11-30T11:00:00Z", "2026-11-30T00:00:00Z", false},
		{"24h", "", "2026-11-30T11:58:59Z", "2026-11-30T00:00:00Z", false},
		{"24h", "", "2026-11-30T11:59:59.999Z", "2026-11-30T00:00:00Z", true},
		{"24h", "", "2026-11-30T12:00:00Z", "2026-12-01T00:00:00Z", true},
		{"24h", "", "2026-11-30T12:01:01Z", "2026-12-01T00:00:00Z", false},
		{"24h", "", "2026-11-30T12:30:00+14:00", "2026-11-30T00:00:00Z", false},
		{"1m", "", "2026-11-30T00:00:26.5Z", "2026-11-30T00:00:00Z", false},
		{"1m", "", "2026-11-30T00:00:32.5Z", "2026-11-30T00:01:00Z", true},
		{"1s", "", "2026-11-30T00:00:00.6Z", "2026-11-30T00:00:01Z", false},
		{"90m", "", "2026-11-30T01:00:00Z", "2026-11-30T01:30:00Z", false},
		{"168h", "", "2026-11-30T01:00:00Z", "2026-12-03T00:00:00Z", false}, // 1970 began on a Thursday

		{"0 3 * * *", "UTC", "2026-11-30T03:00:20Z", "2026-11-30T03:00:00Z", false},
		{"0 3 * * *", "UTC", "2026-11-30T02:59:40Z", "2026-11-30T03:00:00Z", false},
		{"0 3 * * *", "UTC", "2026-11-30T15:00:20Z", "2026-12-01T03:00:00Z", true},
		{"0 3 * * *", "Europe/Berlin", "2026-11-30T02:00:20Z", "2026-11-30T02:00:00Z", false},
		{"0 3 * * *", "Europe/Berlin", "2026-06-30T01:00:20Z", "2026-06-30T01:00:00Z", false},
		{"@daily", "Asia/Tokyo", "2026-11-30T14:00:00Z", "2026-11-30T15:00:00Z", false},
		{"*/15 9-17 * * mon-fri", "UTC", "2026-11-28T01:00:00Z", "2026-11-27T17:45:00Z", false}, // a Saturday
		{"*/15 9-17 * * mon-fri", "UTC", "2026-11-29T12:00:00Z", "2026-11-30T09:00:00Z", false},
		{"0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z", false},
		{"0 0 29 2 *", "UTC", "2025-03-01T00:00:00Z", "2024-02-29T00:00:00Z", false},
		{"* * * 1 *", "UTC", "2026-03-01T00:00:00Z", "2026-01-31T23:59:00Z", false},
		{"@yearly", "UTC", "2026-11-30T00:00:00Z", "2027-01-01T00:00:00Z", false},

		// Clocks in Berlin go from 2:00 to 3:00 on 2026-03-29, and from 3:00 to 2:00 on 2026-10-25.
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:05Z", "2026-03-29T01:00:00Z", false}, // left out: at 3:00
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T00:59:55Z", "2026-03-29T01:00:00Z", false},
		{"30 2,3 * * *", "Europe/Berlin", "2026-03-29T01:20:00Z", "2026-03-29T01:30:00Z", false},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:05Z", "2026-10-25T00:30:00Z", false}, // the first of two
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T01:30:05Z", "2026-10-25T00:30:00Z", false}, // the second is none
		{"30 1-3 * * *", "Europe/Berlin", "2026-10-25T01:20:00Z", "2026-10-25T00:30:00Z", false},
		{"30 * * * *", "Europe/Berlin", "2026-10-25T01:30:05Z", "2026-10-25T01:30:00Z", false}, // names no hour: both
		{"30 * * * *", "Europe/Berlin", "2026-10-25T00:30:05Z", "2026-10-25T00:30:00Z", false},
		{"0 * * * *", "Europe/Berlin", "2026-03-29T01:00:05Z", "2026-03-29T01:00:00Z", false},
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T15:30:20Z", "2026-10-03T15:30:00Z", false}, // half an hour left out
		{"0 12 30 12 *", "Pacific/Apia", "2011-12-30T09:59:00Z", "2011-12-30T10:00:00Z", false},      // a day left out
		{"0 0 * * *", "America/Havana", "2026-03-08T05:00:10Z", "2026-03-08T05:00:00Z", false},       // midnight left out
	} {
		t.Run(c.schedule+" "+c.zone+" "+c.now, func(t *testing.T) {
			var s Schedule
			d, err := time.ParseDuration(c.schedule)
			if err == nil {
				s, err = Every(d)
			} else {
				s, err = Cron(c.schedule, zone(t, c.zone))
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Nearest(at(t, c.now))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Time.Equal(at(t, c.want)) || got.IsMidway != c.midway {
				t.Errorf("got %v midway=%v, want %s %v", got.Time.UTC(), got.IsMidway, c.want, c.midway)
			}
		})
	}
}

// TestEarly: a turn that lies far ahead, and one that is over, however long.
func TestEarly(t *testing.T) {
	for _, c := range []struct {
		every time.Duration
		now   string
		early bool
	}{
		{24 * time.Hour, "2026-11-30T17:59:59Z", true},
		{24 * time.Hour, "2026-11-30T18:00:00Z", false},
		{24 * time.Hour, "2026-11-30T11:00:00Z", false}, // the last turn
		{time.Minute, "2026-11-30T11:00:31Z", false},    // clocks may be off by that
		{3 * time.Minute, "2026-11-30T12:01:50Z", true},
		{3 * time.Minute, "2026-11-30T12:02:00Z", false},
	} {
		s, err := Every(c.every)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Nearest(at(t, c.now)); err != nil || got.IsEarly != c.early {
			t.Errorf("every %v at %s: got %v early=%v, %v, want %v", c.every, c.now, got.Time.UTC(), got.IsEarly, err, c.early)
		}
	}
}

// TestRefused: what no schedule can be made of, and what the error says.
func TestRefused(t *testing.T) {
	now := at(t, "2026-11-30T03:00:00Z")
	for text, want := range map[string]string{
		"0 0 30 2 *": "never fires", "0 0 31 4,6,9,11 *": "never fires", ", 1 * * *": "never fires",
		"": "empty", "0 3 * *": "expected exactly 5 fields", "0 0 3 * * *": "expected exactly 5 fields",
		"60 * * * *": "above maximum", "0 0 * * 7": "above maximum", "x * * * *": "failed to parse", "*/0 * * * *": "positive",
		"TZ=UTC": "zone", "TZ=UTC 0 3 * * *": "zone", "CRON_TZ=UTC 0 3 * * *": "zone", "@every 1h": "@every", "@reboot": "descriptor: @", "@": "descriptor: @",
	} {
		s, err := Cron(text, time.UTC)
		if err == nil {
			_, err = s.Nearest(now)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
		if errors.Is(err, ErrNever) != (want == "never fires") {
			t.Errorf("%q: %v: wraps ErrNever? %v", text, err, errors.Is(err, ErrNever))
		}
	}
	for _, d := range []time.Duration{0, -time.Hour, time.Second - 1, 90*time.Second + 1} {
		if _, err := Every(d); err == nil {
			t.Errorf("every %v: no error", d)
		}
	}
	for _, name := range []string{"Mars/Olympus", "../etc/passwd", "berlin"} {
		if _, err := Zone(name); err == nil {
			t.Errorf("zone %q: no error", name)
		}
	}
	day, err := Every(24 * time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, lost := range []string{"1970-01-01T00:00:00Z", "1970-01-01T11:59:00Z", "1969-06-01T00:00:00Z"} {
		if turn, err := day.Nearest(at(t, lost)); err == nil || !strings.Contains(err.Error(), "is the clock right?") {
			t.Errorf("a clock at %s: got %v, %v", lost, turn, err)
		}
	}
}

// TestGiven: ticks that somebody names.
func TestGiven(t *testing.T) {
	now := at(t, "2026-11-30T03:00:00Z")
	for text, want := range map[string]int64{
		"1": 1, "20261130": 20261130, "9223372036854775807": 1<<63 - 1,
		"2026-11-30": 1795996800, "2026-11-30T00:00:00Z": 1795996800, "2026-11-30T02:00:00+02:00": 1795996800, "1970-01-02": 86400,
		"2026-12-01": 1796083200, "2026-12-01T03:00:00Z": 1796094000, // a day ahead, and no more
	} {
		got, isPlain, err := Given(text, now)
		if err != nil || got != want || isPlain == strings.Contains(text, "-") {
			t.Errorf("%q: got %d, plain %v, %v; want %d", text, got, isPlain, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "want a date", "0": "from 1", "-5": "from 1", "9223372036854775808": "from 1", "1e9": "want a date", "0x10": "want a date", "tomorrow": "want a date",
		"2026-11-31": "want a date", "2026-11-30T03:00": "want a date", "2026-11-30 03:00:00": "want a date", "1970-01-01": "after 1970", "1969-12-31": "after 1970",
		"2026-11-30T03:00:00.5Z": "whole seconds", "2026-12-02": "ahead of this machine's clock", "2026-12-01T03:00:01Z": "ahead of this machine's clock",
		strings.Repeat("9", 10000): "from 1", strings.Repeat("x", 10000): "want a date",
	} {
		if got, _, err := Given(text, now); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%.20q: got %d, %v; want an error with %q", text, got, err, want)
		}
	}
}

// zones are some with changes of all kinds: of half an hour, at midnight, of a whole day,
// with offsets that are no whole hours, and none at all.
var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "America/Havana", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "Asia/Beirut", "Pacific/Chatham"}

// drawTime draws a time near a change of a zone's clocks, or any.
func drawTime(t *rapid.T, z *time.Location) time.Time {
	drawn := time.Unix(rapid.Int64Range(at(t, "2005-01-01T00:00:00Z").Unix(), at(t, "2035-01-01T00:00:00Z").Unix()).Draw(t, "time"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
	if rapid.Bool().Draw(t, "near a change") {
		if _, change := drawn.In(z).ZoneBounds(); !change.IsZero() {
			return change.Add(time.Duration(rapid.Int64Range(-int64(30*time.Hour), int64(30*time.Hour)).Draw(t, "off")))
		}
	}
	return drawn
}

// TestEveryProperty: the nearest turn is a multiple, at most half of the interval away, and a
// clock that is off by less than what is left up to the middle has the same.
func TestEveryProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, 40*24*3600).Draw(t, "seconds")) * time.Second
		now := drawTime(t, time.UTC)
		s, err := Every(d)
		if err != nil {
			t.Fatal(err)
		}
		turn, err := s.Nearest(now)
		if err != nil {
			t.Fatal(err)
		}
		off := turn.Time.Sub(now).Abs()
		if turn.Time.Unix()%int64(d/time.Second) != 0 || off > d/2+1 || turn.Time.Sub(turn.Other).Abs() != d {
			t.Fatalf("%v: %+v", now, turn)
		}
		if room := d/2 - off; room > 1 {
			shift := time.Duration(rapid.Int64Range(-int64(room)+1, int64(room)-1).Draw(t, "shift"))
			if other, err := s.Nearest(now.Add(shift)); err != nil || !other.Time.Equal(turn.Time) {
				t.Fatalf("off by %v: %v, want %v; %v", shift, other.Time, turn.Time, err)
			}
		}
	})
}

// TestCronProperty compares the turns on both sides with those that a walk through all minutes
// finds.
func TestCronProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		hour := rapid.SampledFrom([]string{"*", "*/2", "0-23", "0", "1,2", "2", "0-3", "23", "12", "*/5"}).Draw(t, "hour")
		minute := rapid.SampledFrom([]string{"*", "*/15", "0", "30", "59", "17,43"}).Draw(t, "minute")
		day := rapid.SampledFrom([]string{"*", "*/3"}).Draw(t, "day")
		expression := fmt.Sprintf("%s %s %s * *", minute, hour, day)
		now := drawTime(t, z)
		s, err := Cron(expression, z)
		if err != nil {
			t.Fatal(err)
		}
		before, after := s.around(now)
		turns := walk(t, expression, z, now)
		i, found := slices.BinarySearchFunc(turns, now, time.Time.Compare)
		if found {
			i++
		}
		if i > 0 && !before.Equal(turns[i-1]) || i == 0 && now.Sub(before) < walked-26*time.Hour {
			t.Fatalf("%s in %v, before %v: got %v, want %v", expression, z, now.In(z), before.In(z), turns[max(i-1, 0)].In(z))
		}
		if i < len(turns) && !after.Equal(turns[i]) || i == len(turns) && after.Sub(now) < walked-26*time.Hour {
			t.Fatalf("%s in %v, after %v: got %v, want %v", expression, z, now.In(z), after.In(z), turns[min(i, len(turns)-1)].In(z))
		}
		if !turns[0].Before(turns[len(turns)-1]) {
			t.Fatalf("%s in %v: only %v", expression, z, turns)
		}
	})
}

// walked is how far the walk goes, in both directions.
const walked = 5 * 24 * time.Hour

// walk returns the turns around a time in their order. It goes through the minutes and looks
// at what a clock shows.
func walk(t *rapid.T, expression string, z *time.Location, now time.Time) (turns []time.Time) {
	parsed, everyHour, err := parse(expression)
	if err != nil {
		t.Fatal(err)
	}
	matches := func(wall time.Time) bool {
		return parsed.Minute&(1<<wall.Minute()) != 0 && parsed.Hour&(1<<wall.Hour()) != 0 && parsed.Dom&(1<<wall.Day()) != 0
	}
	shown := func(t time.Time) time.Time {
		_, offset := t.In(z).Zone()
		return t.UTC().Add(time.Duration(offset) * time.Second)
	}
	highest := time.Time{} // what the clock has shown
	for m := now.Truncate(time.Minute).Add(-walked); m.Before(now.Add(walked)); m = m.Add(time.Minute) {
		wall := shown(m)
		switch {
		case everyHour:
			if matches(wall) {
				turns = append(turns, m)
			}
			continue
		case highest.IsZero():
			highest = wall.Add(-time.Minute)
		}
		turn := false
		for ; highest.Before(wall); highest = highest.Add(time.Minute) {
			turn = turn || matches(highest.Add(time.Minute))
		}
		if turn {
			turns = append(turns, m)
		}
	}
	return turns
}
