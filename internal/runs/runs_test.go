package runs

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"conch/token"
)

func TestRecordsAreRemembered(t *testing.T) {
	r := Record{
		Host: "db1", PID: 4711, User: "ann", Command: `sh -c "a < b && c"`, Identity: "local user ann", Member: "db1:7420",
		Began: 1_700_000_000, Ended: 1_700_000_060, ExitCode: -1, Text: "signal: \u00fc",
	}
	about := r.About()
	if got := Parse(about); got != r {
		t.Errorf("%s\n is read as %+v\n want       %+v", about, got, r)
	}
	if strings.Contains(about, `\u`) {
		t.Errorf("%s is escaped more than it has to be", about)
	}
	if got := (Record{}).About(); got != "{}" {
		t.Errorf("an empty record is %s", got)
	}
	if got := Parse("nonsense"); got != (Record{}) {
		t.Errorf("nonsense is read as %+v", got)
	}
}

func TestLongRecordsAreShortened(t *testing.T) {
	r := Record{
		Host: strings.Repeat("h", 255), User: "ann", Command: strings.Repeat("ö", 2048), Identity: strings.Repeat("i", 280),
		Member: "db1:7420", Text: strings.Repeat("\x00", 400) + "\xff", PID: 1 << 62, Began: 1_700_000_000, Ended: 1_700_000_060, ExitCode: -1 << 31,
	}
	about := r.About()
	got := Parse(about)
	switch {
	case len(about) > token.MaxAboutBytes || len(about) < token.MaxAboutBytes/2:
		t.Errorf("it has %d bytes, want at most %d, and not much less", len(about), token.MaxAboutBytes)
	case !utf8.ValidString(about):
		t.Errorf("%q is not UTF-8", about)
	case got.PID != r.PID || got.User != r.User || got.Member != r.Member || got.Began != r.Began || got.ExitCode != r.ExitCode:
		t.Errorf("what is short was lost: %+v", got)
	case !strings.HasSuffix(got.Command, "ö…"):
		t.Errorf("the command is cut to %q", got.Command)
	}
}

func FuzzAbout(f *testing.F) {
	f.Add("h", "c", "t", int64(1))
	f.Add("\"\\\n", "\xff\xfe", strings.Repeat("\x01", 600), int64(-1))
	f.Fuzz(func(t *testing.T, host, command, text string, pid int64) {
		r := Record{Host: host, Command: command, Text: text, PID: pid}
		about := r.About()
		if len(about) > token.MaxAboutBytes || !utf8.ValidString(about) {
			t.Errorf("%q has %d bytes", about, len(about))
		}
		if again := Parse(about).About(); again != about {
			t.Errorf("%q is read and written as %q", about, again)
		}
	})
}

func TestTicks(t *testing.T) {
	const now = 1_700_000_000
	for _, test := range []struct {
		name string
		r    Request
		want string // in the error; empty: none
	}{
		{"now", Request{Tick: now}, ""},
		{"a day ahead", Request{Tick: now + day}, ""},
		{"more than a day ahead", Request{Tick: now + day + 1}, "86401 seconds ahead"},
		{"33 days ago", Request{Tick: now - 33*day}, ""},
		{"more than 33 days ago", Request{Tick: now - 33*day - 1}, "2851201 seconds ago"},
		{"ago, remembered for longer", Request{Tick: now - 33*day - 1, Remember: 40 * day}, ""},
		{"milliseconds", Request{Tick: now * 1000}, "milliseconds"},
		{"the highest", Request{Tick: 1<<63 - 1}, "no time in seconds"},
		{"zero", Request{}, "the tick is 0"},
		{"negative", Request{Tick: -1}, "the tick is -1"},
		{"plain zero", Request{Plain: true}, "the tick is 0"},
		{"plain", Request{Tick: 1, Plain: true}, ""},
		{"plain and high", Request{Tick: 1<<63 - 1, Plain: true, Remember: 1}, ""},
		{"remembered for too short", Request{Tick: now, Remember: MinRemember - 1}, "259199 seconds, want 259200"},
		{"remembered for short", Request{Tick: now, Remember: MinRemember}, ""},
		{"remembered for less than nothing", Request{Tick: 1, Plain: true, Remember: -1}, "-1 seconds"},
		{"remembered for too long", Request{Tick: now, Remember: MaxRemember + 1}, "seconds, want"},
	} {
		switch err := test.r.Check(now); {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (!errors.Is(err, ErrTick) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want ErrTick with %q", test.name, err, test.want)
		}
	}
}

// A run that could begin is remembered for as long as its tick could begin again, also by a
// clock that is a day behind.
func TestTickIsRefusedBeforeItIsForgotten(t *testing.T) {
	const now = 1_700_000_000
	for _, remember := range []int64{0, MinRemember, 400 * day} {
		r := Request{Tick: now + maxAhead, Remember: remember}
		forgotten := r.Until(now)
		if err := r.Check(now); err != nil {
			t.Fatal(err)
		}
		if err := r.Check(forgotten - day + 1); err == nil {
			t.Errorf("remembered for %d: the tick may be run when it is forgotten", r.remember())
		}
	}
}

// A run may have begun long ago, but not for a tick that is still to come.
func TestTicksOfRunsThatEnd(t *testing.T) {
	const now = 1_700_000_000
	for tick, good := range map[token.Tick]bool{now - 400*day: true, 1: true, now + day: true, 0: false, -1: false, now + day + 1: false, now * 1000: false} {
		if err := (Request{Tick: tick}).CheckEnd(now); (err == nil) != good {
			t.Errorf("the tick %d: %v", tick, err)
		}
	}
	if err := (Request{Tick: now * 1000, Plain: true}).CheckEnd(now); err != nil {
		t.Error(err)
	}
}

func TestOwners(t *testing.T) {
	for _, test := range []struct {
		k    Keep
		good bool
	}{
		{Keep{}, true},
		{Keep{Owner: "deploy"}, true},
		{Keep{Owner: strings.Repeat("o", token.MaxOwnerBytes), Adopt: true}, true},
		{Keep{Owner: strings.Repeat("o", token.MaxOwnerBytes+1)}, false},
		{Keep{Owner: "\xff"}, false},
		{Keep{Adopt: true}, false},
	} {
		if err := test.k.Check(); (err == nil) != test.good || err != nil && !errors.Is(err, ErrOwner) {
			t.Errorf("%+v: %v", test.k, err)
		}
	}
}

func TestRequestsAndEnds(t *testing.T) {
	by := Record{Host: "db1", PID: 7}
	r := Request{Tick: 100, Skip: true}.For(1000, by)
	if want := (token.RunRequest{Tick: 100, Skip: true, Until: 1000 + DefaultRemember, About: `{"host":"db1","pid":7,"began":1000}`}); r != want {
		t.Errorf("a run is asked for as %+v, want %+v", r, want)
	}
	k := Keep{Owner: "o", Adopt: true}.For(1000, by)
	if want := (token.KeepRequest{Owner: "o", Adopt: true, Until: 1000 + DefaultRemember, About: r.About}); k != want {
		t.Errorf("a kept hold is asked for as %+v, want %+v", k, want)
	}
	end := NewEnd(3, strings.Repeat("x", 5000))
	if len(end.Text) > MaxTextBytes {
		t.Errorf("a text of %d bytes", len(end.Text))
	}
	got := End{ExitCode: 3, Text: "no"}.Of(1060, 60, by)
	if want := (Record{Host: "db1", PID: 7, Began: 1000, Ended: 1060, ExitCode: 3, Text: "no"}); got != want {
		t.Errorf("an ended run is %+v, want %+v", got, want)
	}
}
