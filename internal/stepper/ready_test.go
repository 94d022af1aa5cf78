package stepper

import (
	"slices"
	"strings"
	"testing"
)

// expectations has a condition for each stage of each ready-made scenario, which must hold
// when the stage is over. It follows the captions.
var expectations = map[string][]func(h *History, s *Snapshot) bool{
	"paper": {
		func(_ *History, s *Snapshot) bool {
			return underWay(s, "REQUEST(B, 1.1)") == 2 && s.Members[1].State == "waiting"
		},
		func(_ *History, s *Snapshot) bool { return s.Members[2].RequestNumbers[1] == "1.1" },
		func(_ *History, s *Snapshot) bool { return underWay(s, "TOKEN") == 1 && s.Members[0].Token == nil },
		inCriticalSection("B"),
		func(_ *History, s *Snapshot) bool {
			b := s.Members[1]
			return b.Critical && b.RequestNumbers[2] == "1.1" && b.Token.LastGranted[2] == "1.0"
		},
		func(_ *History, s *Snapshot) bool { return s.Members[1].RequestNumbers[0] == "1.2" },
		func(_ *History, s *Snapshot) bool {
			return said(s, "Q is now C, A.") && said(s, "B sends the token to C") && said(s, "Q = A,")
		},
		inCriticalSection("C"),
		inCriticalSection("A"),
		func(_ *History, s *Snapshot) bool {
			a := s.Members[0]
			return a.State == "idle" && slices.Equal(a.RequestNumbers, a.Token.LastGranted) && len(a.Token.Queue) == 0
		},
		func(_ *History, s *Snapshot) bool { return s.Members[0].Critical && underWay(s, "") == 0 },
	},
	"riding": {
		func(_ *History, s *Snapshot) bool {
			return s.Members[0].Critical && s.Members[0].RequestNumbers[1] == "1.1" && s.Members[2].RequestNumbers[1] == "1.1" && underWay(s, "REQUEST") == 0
		},
		func(_ *History, s *Snapshot) bool { return s.Members[1].Waiting == 2 && underWay(s, "REQUEST") == 0 },
		inCriticalSection("B"),
		func(_ *History, s *Snapshot) bool {
			return s.Members[1].Critical && s.Members[1].RequestNumbers[2] == "1.1"
		},
		func(_ *History, s *Snapshot) bool {
			return said(s, "its next request, 1.2, rides on the token") && said(s, "Q = B") && underWay(s, "REQUEST") == 0 && underWay(s, "TOKEN") == 1
		},
		func(_ *History, s *Snapshot) bool {
			return s.Members[2].Critical && s.Members[2].RequestNumbers[1] == "1.1" && slices.Equal(s.Members[2].Token.Queue, []string{"B"})
		},
		inCriticalSection("B"),
		func(_ *History, s *Snapshot) bool {
			b := s.Members[1]
			return b.State == "idle" && b.Token.LastGranted[1] == "1.2" && len(b.Token.Queue) == 0
		},
	},
	"burst": {
		func(_ *History, s *Snapshot) bool { return s.Members[0].Critical && underWay(s, "REQUEST") == 16 },
		func(_ *History, s *Snapshot) bool { return s.Members[0].Critical && underWay(s, "") == 0 },
		func(_ *History, s *Snapshot) bool { return said(s, "Q is now B, C, D, E.") },
		inCriticalSection("C"),
		func(_ *History, s *Snapshot) bool {
			return said(s, "its next request, 1.2, rides on the token") && underWay(s, "REQUEST") == 0 && underWay(s, "TOKEN") == 1
		},
		func(h *History, s *Snapshot) bool { return s.Members[2].Token != nil && s.Grants-h.At(0).Grants == 6 },
	},
	"death": {
		inCriticalSection("B"),
		func(_ *History, s *Snapshot) bool { return s.Members[1].State == "crashed" && tokens(s) == 0 },
		func(h *History, s *Snapshot) bool { return said(h.At(s.Step-1), "It could bury: nobody.") },
		func(_ *History, s *Snapshot) bool { return said(s, "A asks where the token is") },
		func(_ *History, s *Snapshot) bool {
			return said(s, "A begins ballot 2.A") && slices.Contains(s.Members[0].Buries, "B")
		},
		func(_ *History, s *Snapshot) bool { return slices.Contains(s.Members[2].Buries, "B") },
		func(_ *History, s *Snapshot) bool {
			return said(s, "A makes the token anew") && said(s, "A sends the token to C")
		},
		func(_ *History, s *Snapshot) bool { return s.Members[2].Critical && s.Fence == "2:1" },
		func(_ *History, s *Snapshot) bool {
			return s.Members[1].State == "starting" && s.Members[1].Session == 2
		},
		func(_ *History, s *Snapshot) bool { return s.Members[1].Asking == "2.1" && s.Members[2].Critical },
		inCriticalSection("B"),
	},
	"minority": {
		inCriticalSection("A"),
		inCriticalSection("A"),
		func(_ *History, s *Snapshot) bool {
			return s.Members[0].Critical && said(s, "It could bury: nobody.") && !said(s, "ballot") && len(s.Members[2].Guards) == 4
		},
		func(_ *History, s *Snapshot) bool {
			return s.Members[0].State == "no-session" && tokens(s) == 0 && said(s, "The client of A has lost the lock") &&
				slices.Contains(s.Members[2].Guards, "A")
		},
		func(h *History, s *Snapshot) bool { return said(h.At(s.Step-1), "It could bury: A, B.") },
		func(_ *History, s *Snapshot) bool { return said(s, "D begins ballot 2.D") },
		func(_ *History, s *Snapshot) bool {
			return len(s.Members[2].Buries) == 2 && len(s.Members[4].Buries) == 2
		},
		inCriticalSection("D"),
		func(_ *History, s *Snapshot) bool {
			return s.Members[1].State == "no-session" && s.Members[1].Waiting == 1
		},
		func(_ *History, s *Snapshot) bool {
			return s.Members[0].InSession && s.Members[1].Asking == "2.1" && s.Members[3].Critical
		},
		inCriticalSection("B"),
	},
	"late": {
		func(_ *History, s *Snapshot) bool { return underWay(s, "TOKEN") == 1 },
		func(_ *History, s *Snapshot) bool { return said(s, "B has no sign of the token") },
		func(_ *History, s *Snapshot) bool { return s.Members[2].Asking != "" },
		func(_ *History, s *Snapshot) bool {
			return said(s, "C makes the token anew, as number 2.C") && said(s, "A cannot address B")
		},
		func(_ *History, s *Snapshot) bool { return said(s, "C sends the token to B") },
		func(_ *History, s *Snapshot) bool {
			return s.Members[1].Critical && s.Members[1].Token.Live && underWay(s, "TOKEN") == 1 && !s.Streams[0].Messages[0].Content.Live
		},
		func(_ *History, s *Snapshot) bool { return said(s, "B drops the token") && s.Members[1].Critical },
		func(_ *History, s *Snapshot) bool { return tokens(s) == 1 && s.Members[1].State == "idle" },
	},
	"cold": {
		func(_ *History, s *Snapshot) bool { return s.Members[2].Waiting == 1 && s.Members[2].Asking == "" },
		func(_ *History, s *Snapshot) bool { return said(s, "B begins session 1") },
		func(_ *History, s *Snapshot) bool {
			return said(s, "C begins session 1") && said(s, "asks where it is")
		},
		func(h *History, s *Snapshot) bool {
			return said(s, "C begins ballot 1.C") || said(h.At(s.Step-1), "C begins ballot 1.C")
		},
		func(_ *History, s *Snapshot) bool { return s.Members[2].Critical && s.Fence == "1:1" },
		func(_ *History, s *Snapshot) bool { return s.Members[0].Token != nil && s.Members[0].State == "idle" },
	},
	"readers": readersClaims,
	"permits": permitsClaims,
	"planted": {
		green,
		func(_ *History, s *Snapshot) bool { return slices.Equal(red(s), []string{"one-token"}) },
		func(h *History, s *Snapshot) bool { return green(h, s) && s.Members[1].Critical },
		func(_ *History, s *Snapshot) bool {
			return s.Members[2].Critical && slices.Equal(red(s), []string{"one-token"})
		},
		func(_ *History, s *Snapshot) bool {
			return s.Members[1].Critical && s.Members[2].Critical && slices.Equal(red(s), []string{"exclusion", "one-token", "fences"})
		},
	},
}

func green(_ *History, s *Snapshot) bool { return s.Green }

func inCriticalSection(who string) func(*History, *Snapshot) bool {
	return func(_ *History, s *Snapshot) bool {
		for _, m := range s.Members {
			if m.Critical != (m.Name == who) {
				return false
			}
		}
		return true
	}
}

// underWay counts the messages on their way, heartbeats aside, whose short form has this
// prefix.
func underWay(s *Snapshot, prefix string) int {
	count := 0
	for _, stream := range s.Streams {
		for _, m := range stream.Messages {
			if !m.Heartbeat && strings.HasPrefix(m.Short, prefix) {
				count++
			}
		}
	}
	return count
}

// tokens counts the members that have the token.
func tokens(s *Snapshot) int {
	count := 0
	for _, m := range s.Members {
		if m.Token != nil {
			count++
		}
	}
	return count
}

func said(s *Snapshot, part string) bool {
	return slices.ContainsFunc(s.Happened, func(x Sentence) bool { return strings.Contains(x.Text, part) })
}

func TestReadyMadeScenariosDoWhatTheirCaptionsSay(t *testing.T) {
	for _, r := range ReadyMade() {
		t.Run(r.ID, func(t *testing.T) {
			h := play(t, r.Text())
			ends := r.Ends()
			if ends[len(ends)-1] != h.Steps() || len(expectations[r.ID]) != len(ends) {
				t.Fatalf("%d steps, %d stages that end at %v, %d expectations", h.Steps(), len(ends), ends, len(expectations[r.ID]))
			}
			for k, end := range ends {
				if !expectations[r.ID][k](h, h.At(end)) {
					t.Errorf("after step %d it is not as this says: %s\n%+v", end, r.Stages[k].Caption, *h.At(end))
				}
			}
			for k := range h.Steps() + 1 {
				if s := h.At(k); !s.Green && !r.Planted {
					t.Errorf("step %d, %s: red are %v", k, s.Op, red(s))
				}
				if s := h.At(k); k > 0 && len(s.Happened) == 0 {
					t.Errorf("step %d, %s: there is nothing to tell", k, s.Op)
				}
			}
		})
	}
}

func TestEveryRuleIsTaughtSomewhere(t *testing.T) {
	taught := make(map[string]bool)
	for _, r := range ReadyMade() {
		h := play(t, r.Text())
		for k := range h.Steps() + 1 {
			for _, rule := range h.At(k).Rules {
				taught[rule.ID] = true
			}
		}
	}
	for _, rule := range ruleTexts {
		// Only buttons show these rules, no scenario does.
		if byHand := rule.ID == ruleWithdraw || rule.ID == ruleEnd || rule.ID == ruleAddressed; !taught[rule.ID] && !byHand {
			t.Errorf("no scenario shows the rule %s", rule.ID)
		}
	}
}
