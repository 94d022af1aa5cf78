package stepper

import (
	"slices"
	"testing"

	"conch/token"
)

// red lists the invariants that are violated.
func red(s *Snapshot) []string {
	var ids []string
	for _, v := range s.Invariants {
		if !v.OK {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

// For each invariant a fault is planted, in the cluster or in what the judge remembers. It
// must hold before and be violated after.
func TestPlantedFaultsTurnRed(t *testing.T) {
	lastToken := func(w *world) *token.Token {
		for i := range w.members {
			for j := range w.members {
				for _, p := range w.streams[i][j].queue {
					if p.message.Token != nil {
						return p.message.Token
					}
				}
			}
		}
		t.Fatal("no token is under way")
		return nil
	}
	const underWay = "n=3;ask.B;deliver.B-A"
	for _, fault := range []struct {
		promise string
		text    string
		plant   func(w *world)
		then    string
	}{
		{"one-token", underWay, func(*world) {}, "duplicate.A-B"},
		{"exclusion", underWay + ";duplicate.A-B;deliver.A-B;ask.C;deliver.C-B;leave.B;deliver.B-C*2;ask.B", func(*world) {}, "deliver.A-B"},
		{"exclusion", "n=3;read.A;read.B;deliver.B-C;deliver.B-A;deliver.A-B;ask.C;deliver.C-A;deliver.C-B", func(w *world) { // a share is lost on the way
			lastToken(w).Shares = nil
		}, "deliver.B-C"},
		{"permits", "n=3;permit.A*2;permit.B;deliver.B-C;deliver.B-A;deliver.A-B;permit.C;deliver.C-A;deliver.C-B", func(w *world) {
			lastToken(w).Shares[0].Permits = 1
		}, "deliver.B-C"},
		{"fences", "n=3;ask.A;leave.A;read.A", func(w *world) {
			w.judge.granted(w, 0, &token.Effect{Fence: 1, Limit: token.Unlimited})
		}, ""},
		{"fences", underWay, func(w *world) { lastToken(w).Fence = 1 }, "deliver.A-B"},
		{"made", underWay, func(w *world) { lastToken(w).LastGranted[2].Count = 9 }, "tick.1"},
		{"made", "n=3;ask.B", func(w *world) { w.streams[1][0].queue[0].message.Number.Count = 7 }, "deliver.B-A"},
		{"above", underWay, func(w *world) { lastToken(w).LastGranted[1] = token.Number{Session: 1, Count: 1} }, "tick.1"},
		{"queue", underWay, func(w *world) { lastToken(w).Queue = []token.Member{2, 0, 2} }, "tick.1"},
		{"inside", "n=3;ask.B;auto*3", func(w *world) { // B enters although its lease is over by its clock
			w.members[1].ahead += 10 * ttl
			w.judge.granted(w, 1, &token.Effect{Fence: 1 << 62})
		}, ""},
		{"sessions", "n=3", func(w *world) { w.judge.saved(1, 3, 2) }, ""},
		{"burial", "n=3", func(w *world) { w.plantBurial(t, 1) }, ""},
	} {
		t.Run(fault.promise, func(t *testing.T) {
			h := play(t, fault.text)
			if before := red(h.At(h.Steps())); slices.Contains(before, fault.promise) {
				t.Fatalf("%s is red before the fault", fault.promise)
			}
			fault.plant(h.world)
			s := h.world.snapshot(0, "")
			if fault.then != "" {
				op, err := DecodeOp(fault.then)
				if err != nil {
					t.Fatal(err)
				}
				if s, err = h.Do(op); err != nil {
					t.Fatal(err)
				}
			}
			if got := red(s); !slices.Contains(got, fault.promise) || s.Green {
				t.Errorf("red are %v (green: %t), want %s among them", got, s.Green, fault.promise)
			}
		})
	}
}

// plantBurial has all others bury a member that is inside its session, by a ballot that
// names it. Their clocks leap, so that their guards have expired.
func (w *world) plantBurial(t *testing.T, k int) {
	for i := range w.members {
		if i == k {
			continue
		}
		m := &w.members[i]
		m.ahead += 5 * ttl
		m.node.Receive(w.now+m.ahead, token.Member(k), token.Message{
			Kind: token.Ballot, Lock: "other", Ballot: token.Epoch{Number: 1 << 20}, Members: []token.Member{token.Member(k)},
		})
		if m.node.InspectPeer(token.Member(k)).BurialEnd <= w.now+m.ahead {
			t.Fatalf("%s does not bury %s", name(i), name(k))
		}
	}
}
