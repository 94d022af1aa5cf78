package stepper

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// play plays a scenario to its end; each of its operations must be possible.
func play(t *testing.T, text string) *History {
	t.Helper()
	s, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Play(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSteppingBackIsExact(t *testing.T) {
	for _, r := range ReadyMade() {
		h := play(t, r.Text())
		whole := play(t, r.Text())
		for back := h.Steps(); back >= 0; back-- {
			h.Rewind(back)
			if h.Steps() != back || !reflect.DeepEqual(h.At(back), whole.At(back)) {
				t.Fatalf("%s: after going back to step %d there is another thing to see", r.ID, back)
			}
			for _, op := range whole.scenario.Ops[back:min(back+5, whole.Steps())] {
				s, err := h.Do(op)
				if err != nil || !reflect.DeepEqual(s, whole.At(s.Step)) {
					t.Fatalf("%s: from step %d on, %s has another outcome (%v)", r.ID, back, op, err)
				}
			}
			h.Rewind(back)
		}
	}
}

func TestBeginnings(t *testing.T) {
	for members := MinMembers; members <= MaxMembers; members++ {
		for seed := range uint64(30) {
			h, err := Play(Scenario{Members: members, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			s := h.At(0)
			a := s.Members[0]
			if a.Token == nil || a.Token.Fence != "1:1" || a.State != "idle" || len(s.Happened) != 0 || !s.Green {
				t.Errorf("%d members, seed %d: the token does not lie idle at A after one use: %+v", members, seed, a)
			}
			for i, m := range s.Members {
				if i > 0 && (m.State != "idle" || !m.InSession || m.Token != nil || len(m.Guards) != members-1) {
					t.Errorf("%d members, seed %d: %+v, want it idle, inside its session and guarding all others", members, seed, m)
				}
			}
			for _, stream := range s.Streams {
				if stream.State != "open" || len(stream.Messages) > 0 {
					t.Errorf("%d members, seed %d: %+v, want it open and empty", members, seed, stream)
				}
			}
		}
	}
	if s := play(t, "n=3;from=cold").At(0); s.Millis != 0 || s.Members[0].State != "starting" || s.Streams[0].State != "closed" {
		t.Errorf("a cold start is %+v", s)
	}
}

func TestOtherSeedOtherTimes(t *testing.T) {
	a, b := play(t, "n=3;ask.B;auto*3"), play(t, "n=3;seed=1;ask.B;auto*3")
	if a.At(3).Millis == b.At(3).Millis {
		t.Error("two seeds, and the same times")
	}
}

func TestOperationsThatMakeNoSense(t *testing.T) {
	for text, want := range map[string]string{
		"leave.B":                       "nobody is in the critical section there",
		"withdraw.B":                    "nobody waits there",
		"restart.A":                     "A runs",
		"crash.A;crash.A":               "A does not run",
		"crash.A;ask.A":                 "A does not run",
		"ask.B*10":                      "enough clients wait there",
		"deliver.A-B":                   "nothing is under way",
		"duplicate.A-B":                 "nothing is under way",
		"delay.A-B;delay.A-B":           "it is delayed already",
		"resume.A-B":                    "it is not delayed",
		"drop.A-B;drop.A-B":             "it is not open",
		"open.A-B":                      "it is open",
		"cut.A-B;open.A-B":              "the pair is cut",
		"cut.A-B;cut.A-B":               "the pair is cut already",
		"heal.A-B":                      "the pair is not cut",
		"crash.B;open.A-B":              "one of the two does not run",
		"drop.A-B;open.A-B;deliver.B-A": "nothing is under way",
	} {
		s, err := Decode("n=3;" + text)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Play(s)
		if !errors.Is(err, ErrNotNow) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an ErrNotNow with %q", text, err, want)
			continue
		}
		if h.Steps() != len(s.Ops)-1 {
			t.Errorf("%s: %d steps stand, want all but the last", text, h.Steps())
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := play(t, "n=3;tick.1*2000")
	if _, err := h.Do(Op{Kind: Auto}); !errors.Is(err, ErrFull) {
		t.Errorf("step 2001: %v, want ErrFull", err)
	}
	if _, err := Decode(h.Text(h.Steps())); err != nil {
		t.Errorf("the longest history has no text: %v", err)
	}
}

func TestWithdrawnRequestIsNotRecalled(t *testing.T) {
	h := play(t, "n=3;ask.A;ask.B;deliver.B-A;withdraw.B;leave.A;deliver.A-B")
	last := h.At(h.Steps())
	if b := last.Members[1]; b.Token == nil || b.Critical || b.Waiting != 0 {
		t.Errorf("B is %+v, want the token there and nobody in the critical section", b)
	}
}

func TestDroppedRequestIsRepeated(t *testing.T) {
	h := play(t, "n=3;ask.B;drop.B-A;tick.100")
	if s := h.At(h.Steps()); s.Members[0].Token == nil {
		t.Error("the request reached A in spite of the broken stream")
	}
	h = play(t, "n=3;ask.B;drop.B-A;open.B-A;deliver.B-A;deliver.A-B")
	if s := h.At(h.Steps()); !s.Members[1].Critical {
		t.Error("the request was not repeated on the new stream")
	}
}

func TestDelayedStreamDeliversByHandAlone(t *testing.T) {
	h := play(t, "n=3;delay.B-A;ask.B;tick.200")
	if s := h.At(h.Steps()); s.Members[0].Token == nil {
		t.Error("the request arrived in spite of the delay")
	}
	h = play(t, "n=3;delay.B-A;ask.B;tick.200;deliver.B-A")
	if s := h.At(h.Steps()); s.Members[0].Token != nil {
		t.Error("the request did not arrive by hand")
	}
}
