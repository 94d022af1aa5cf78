package stepper

import (
	"slices"
	"testing"
)

// inside lists how many clients of each member are in the critical section.
func inside(counts ...int) func(*History, *Snapshot) bool {
	return func(_ *History, s *Snapshot) bool {
		for i, m := range s.Members {
			if m.Inside != counts[i] {
				return false
			}
		}
		return true
	}
}

func all(so ...func(*History, *Snapshot) bool) func(*History, *Snapshot) bool {
	return func(h *History, s *Snapshot) bool {
		return !slices.ContainsFunc(so, func(is func(*History, *Snapshot) bool) bool { return !is(h, s) })
	}
}

func says(part string) func(*History, *Snapshot) bool {
	return func(_ *History, s *Snapshot) bool { return said(s, part) }
}

// tokenAt reports that a member has the token, with such shares.
func tokenAt(member int, shares ...string) func(*History, *Snapshot) bool {
	return func(_ *History, s *Snapshot) bool {
		t := s.Members[member].Token
		return t != nil && slices.Equal(t.Shares, shares)
	}
}

var readersClaims = []func(*History, *Snapshot) bool{
	all(inside(1, 0, 0), tokenAt(0, "A (1:2)")),
	says("A sends the token to B, addressed to its session 1: LN = [A 1.1 B 1.0 C 1.0], Q = nobody, fence 1:2, shares: A (1:2)."),
	all(inside(1, 1, 0), func(_ *History, s *Snapshot) bool { return s.Members[1].State == "sharing" }),
	all(inside(2, 1, 0), says("with fence 1:2. The token is elsewhere."), func(_ *History, s *Snapshot) bool { return underWay(s, "") == 0 }),
	says("shares: A (1:2), B (1:3)"),
	all(inside(2, 1, 0), tokenAt(2, "A (1:2)", "B (1:3)"), says("C sends RECALL to A, B.")),
	all(inside(2, 1, 0), func(_ *History, s *Snapshot) bool {
		a := s.Members[0]
		return a.Recalled && a.Waiting == 1 && a.Asking == "1.2"
	}),
	all(inside(0, 1, 0), says("A sends DONE 0 to C.")),
	all(inside(0, 1, 0), tokenAt(2, "B (1:3)")),
	all(inside(0, 0, 1), tokenAt(2), func(_ *History, s *Snapshot) bool { return s.Fence == "1:4" && s.Members[2].State == "critical" }),
	all(inside(1, 0, 0), tokenAt(0, "A (1:5)")),
}

var permitsClaims = []func(*History, *Snapshot) bool{
	all(inside(2, 0, 0), tokenAt(0, "A×2 (1:3)")),
	all(inside(2, 1, 0), tokenAt(1, "A×2 (1:3)", "B (1:4)")),
	says("shares: A×2 (1:3), B (1:4)"),
	all(inside(2, 1, 0), says("C sends RECALL to A, B.")),
	all(inside(2, 1, 0), func(_ *History, s *Snapshot) bool { return s.Members[0].Recalled && underWay(s, "DONE") == 0 }),
	all(inside(1, 1, 0), says("A sends DONE 1 to C.")),
	all(inside(1, 1, 1), tokenAt(2, "A (1:3)", "B (1:4)", "C (1:5)")),
	all(inside(1, 1, 1), says("A sends RECALL to"), func(_ *History, s *Snapshot) bool { return s.Members[0].Token != nil }),
	all(inside(1, 1, 1), says("with fence 1:6")),
	all(inside(1, 1, 0), func(_ *History, s *Snapshot) bool { return underWay(s, "DONE") == 0 }),
	all(inside(1, 1, 0), says("A client of B is refused: the lock has another limit, 3 permits.")),
}

// Whoever leaves when several share the lock is the one that entered first.
func TestLeaveIsOfTheFirst(t *testing.T) {
	h := play(t, "n=3;read.A*2;leave.A;leave.A")
	if s := h.At(3); s.Members[0].Inside != 1 || !s.Members[0].Critical {
		t.Errorf("after one of two has left: %+v", s.Members[0])
	}
	if s := h.At(4); s.Members[0].Critical {
		t.Errorf("after both have left: %+v", s.Members[0])
	}
}
