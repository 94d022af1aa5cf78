package stepper

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestTextOfAScenario(t *testing.T) {
	every := "n=7;seed=9007199254740991;from=cold;auto*12;tick.500;ask.A;read.B;permit.C;withdraw.G;leave.B;crash.C;restart.C;" +
		"deliver.A-B;delay.B-A;resume.B-A;drop.E-D;open.E-D;cut.A-F;heal.A-F;duplicate.G-A;ask.A*2;ask.B;ask.A"
	for _, text := range []string{"n=3", "n=5;seed=4", "n=3;from=cold", every} {
		s, err := Decode(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := s.String(); got != text {
			t.Errorf("%s came back as %s", text, got)
		}
	}
	if s, _ := Decode(every); len(s.Ops) != 12+20 {
		t.Errorf("%d operations, want 32", len(s.Ops))
	}
}

func TestTextIsBroughtIntoOneForm(t *testing.T) {
	for text, want := range map[string]string{
		"n=3;ask.A;ask.A;ask.A": "n=3;ask.A*3",
		"n=3;cut.C-A":           "n=3;cut.A-C",
		"n=3;seed=0;tick.007":   "n=3;tick.7",
	} {
		s, err := Decode(text)
		if got := s.String(); err != nil || got != want {
			t.Errorf("%s became %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestTextThatIsNoScenario(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "want n=3 to n=7",
		"n=2":                       "want n=3 to n=7",
		"n=8":                       "want n=3 to n=7",
		"ask.A":                     "want n=3 to n=7",
		"n=3;seed=x":                "53 bits",
		"n=3;seed=9007199254740992": "53 bits",
		"n=3;from=warm":             "want from=cold",
		"n=3;":                      "unknown operation",
		"n=3;jump.A":                "unknown operation",
		"n=3;ask.D":                 "no member D",
		"n=3;deliver.A-G":           "no member G",
		"n=3;ask.H":                 "want something like ask.A",
		"n=3;ask":                   "want something like ask.A",
		"n=3;auto.A":                "want something like auto",
		"n=3;deliver.A-A":           "want something like deliver.A-B",
		"n=3;deliver.A":             "want something like deliver.A-B",
		"n=3;tick.0":                "want something like tick.500",
		"n=3;tick.60001":            "want something like tick.500",
		"n=3;tick.-5":               "want something like tick.500",
		"n=3;auto*1":                "want 2 to",
		"n=3;auto*":                 "want 2 to",
		"n=3;auto*2001":             "more than 2000 operations",
		"n=3;auto*1999;ask.A*2":     "more than 2000 operations",
		strings.Repeat("n", 40000):  "40000 bytes",
	} {
		if _, err := Decode(text); !errors.Is(err, ErrText) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: %v, want an ErrText with %q", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range ReadyMade() {
		f.Add(r.Text())
	}
	f.Add("n=7;seed=1;from=cold;auto*12;tick.500;cut.B-A;restart.C*2000")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Decode(text)
		if err != nil {
			if !errors.Is(err, ErrText) {
				t.Errorf("%q: %v is no ErrText", text, err)
			}
			return
		}
		form := s.String()
		again, err := Decode(form)
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("%q is %+v, and its text %q is %+v (%v)", text, s, form, again, err)
		}
		if len(form) > 1 && again.String() != form {
			t.Errorf("%q has the text %q, which has the text %q", text, form, again.String())
		}
		if strings.ContainsAny(form, " #%<>\"'&\\^`{|}[]") {
			t.Errorf("%q needs escaping in a link", form)
		}
	})
}
