package stepper

import (
	"testing"

	"pgregory.net/rapid"
)

// drawOp draws an operation that is possible now.
func drawOp(t *rapid.T, w *world) (Op, bool) {
	kinds := []OpKind{Auto, Auto, Auto, Auto, Tick, Ask, Ask, Read, Read, Permit, Withdraw, Leave, Leave, Crash, Restart, Restart,
		Deliver, Deliver, Deliver, Delay, Resume, Drop, Open, Cut, Heal, Heal}
	n := len(w.members)
	op := Op{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	switch opForms[op.Kind].form {
	case ofMember:
		op.Member = rapid.IntRange(0, n-1).Draw(t, "member")
	case ofStream:
		op.From = rapid.IntRange(0, n-2).Draw(t, "from")
		op.To = rapid.IntRange(op.From+1, n-1).Draw(t, "to")
		if op.Kind != Cut && op.Kind != Heal && rapid.Bool().Draw(t, "back") {
			op.From, op.To = op.To, op.From
		}
	case ofTime:
		op.Millis = rapid.IntRange(1, 2500).Draw(t, "millis")
	}
	return op, w.objection(op) == ""
}

// After any sequence of operations the invariants hold, the text of the sequence leads to
// the same state, and once all faults are mended every waiter is served.
func TestInvariantsHoldWhateverIsDone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, err := Play(Scenario{
			Members:   rapid.IntRange(MinMembers, MaxMembers).Draw(t, "members"),
			Seed:      rapid.Uint64Range(0, 1<<53-1).Draw(t, "seed"),
			Beginning: rapid.SampledFrom([]Beginning{Idle, Cold}).Draw(t, "beginning"),
		})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			if op, possible := drawOp(t, h.world); possible {
				mustDo(t, h, op)
			}
		}
		calm(t, h)
		again, err := Decode(h.Text(h.Steps()))
		if err != nil {
			t.Fatal(err)
		}
		replayed, err := Play(again)
		if err != nil || replayed.At(h.Steps()).Millis != h.At(h.Steps()).Millis || replayed.world.draws != h.world.draws {
			t.Fatalf("%s plays otherwise the second time (%v)", again, err)
		}
	})
}

func mustDo(t *rapid.T, h *History, op Op) {
	s, err := h.Do(op)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Green {
		t.Fatalf("%s: red are %v", h.Text(h.Steps()), red(s))
	}
}

// calm mends all faults and waits until every waiter is served.
func calm(t *rapid.T, h *History) {
	w := h.world
	for i := range w.members {
		if w.members[i].node == nil {
			mustDo(t, h, Op{Kind: Restart, Member: i})
		}
		for j := range w.members {
			if w.streams[i][j].delayed {
				mustDo(t, h, Op{Kind: Resume, From: i, To: j})
			}
			if i < j && w.streams[i][j].cut {
				mustDo(t, h, Op{Kind: Heal, From: i, To: j})
			}
		}
	}
	for range 1200 {
		waiting := 0
		for i := range w.members {
			waiting += len(w.members[i].waiting)
		}
		if waiting == 0 {
			return
		}
		mustDo(t, h, Op{Kind: Auto})
	}
	t.Fatalf("%s: somebody still waits", h.Text(h.Steps()))
}
