package sim

import (
	"testing"

	"conch/token"
)

// shared lets nodes share lock a, each with one waiter, of a limit.
func shared(w *World, limit token.Limit, fence token.Fence, nodes ...int) {
	for k, i := range nodes {
		w.judgeGrant(i, &token.Effect{
			Kind: token.Grant, Lock: "a", Waiter: token.Waiter(k + 1), Limit: limit, Fence: fence,
			Message: token.Message{Token: &token.Token{Limit: limit}},
		})
	}
	w.judgeCounts(0)
}

// grantAlone grants lock a to one alone.
func grantAlone(w *World, node int, fence token.Fence) {
	w.judgeGrant(node, &token.Effect{Kind: token.Grant, Lock: "a", Waiter: 9, Fence: fence})
	w.members[node].views[0].holder = 9
	w.judgeCounts(0)
}

// Each judge of shares notices a planted violation, and lets pass something similar that is
// allowed.
func TestShareJudges(t *testing.T) {
	const high = token.Fence(1 << 62)
	for _, tt := range []struct {
		name  string
		judge Judge // "": none finds anything
		plant func(w *World)
	}{
		{"readers at several nodes", "", func(w *World) { shared(w, token.Unlimited, high, 0, 1, 2) }},
		{"readers beside one alone", Exclusion, func(w *World) {
			shared(w, token.Unlimited, high, 0, 1)
			grantAlone(w, 2, high+1)
		}},
		{"one alone after readers whose leases are over", "", func(w *World) {
			shared(w, token.Unlimited, high, 1)
			lapse(w, 1)
			grantAlone(w, 2, high+1)
		}},
		{"one alone beside a reader whom a node left behind", Exclusion, func(w *World) {
			w.orphans = append(w.orphans, orphan{node: 1, lock: 0, limit: token.Unlimited, until: w.now + 1})
			grantAlone(w, 2, high)
		}},
		{"as many permits as there are", "", func(w *World) { shared(w, 2, high, 0, 1) }},
		{"one permit more", Permits, func(w *World) { shared(w, 2, high, 0, 1, 2) }},
		{"one permit more, when another's lease is over", "", func(w *World) {
			shared(w, 2, high, 0, 1)
			lapse(w, 1)
			shared(w, 2, high, 2)
		}},
		{"one permit more, beside a client whom a node left behind", Permits, func(w *World) {
			w.orphans = append(w.orphans, orphan{node: 1, lock: 0, limit: 2, until: w.now + 1})
			shared(w, 2, high, 0, 2)
		}},
		{"a permit after the limit was lowered", Permits, func(w *World) {
			shared(w, 3, high, 0, 1)
			shared(w, 2, high, 2)
		}},
		{"readers with one fence", "", func(w *World) { shared(w, token.Unlimited, high, 0, 0) }},
		{"a reader with the fence of one alone", Fences, func(w *World) {
			grantAlone(w, 0, high)
			w.members[0].views[0].holder = 0
			shared(w, token.Unlimited, high, 1)
		}},
		{"one alone with the fence of a reader", Fences, func(w *World) {
			shared(w, token.Unlimited, high, 1)
			w.sharerLeft(1, &token.Effect{Lock: "a", Waiter: 1})
			grantAlone(w, 0, high)
		}},
		{"a node that goes while a reader is in", Invariant, func(w *World) {
			shared(w, token.Unlimited, high, 1)
			w.judgeGone(1)
		}},
		{"a node that goes while another's reader is in", "", func(w *World) {
			shared(w, token.Unlimited, high, 1)
			w.judgeGone(0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := calm(t)
			tt.plant(w)
			switch {
			case tt.judge == "" && w.failure != nil:
				t.Errorf("found: %v, want nothing", w.failure)
			case tt.judge != "" && (w.failure == nil || w.failure.Judge != tt.judge):
				t.Errorf("found: %v, want %s", w.failure, tt.judge)
			}
		})
	}
}

// judgeShare finds each contradiction.
func TestShareContradictions(t *testing.T) {
	own := token.Share{Member: 1, Session: 2, ID: 3, Permits: 1}
	reader := token.LockView{
		HasToken: true, Share: own, Limit: token.Unlimited, Token: token.Token{Shares: []token.Share{own}},
		Inside: []token.HolderView{{Waiter: 1, Limit: token.Unlimited, Fence: 3}},
	}
	for name, change := range map[string]func(v *token.LockView){
		"":                            func(*token.LockView) {},
		"waits for nobody":            func(v *token.LockView) { v.Waits, v.Outstanding = true, true },
		"no share":                    func(v *token.LockView) { v.Share = token.Share{} },
		"alone beside a share":        func(v *token.LockView) { v.Holder = 1 },
		"too many permits":            func(v *token.LockView) { v.Limit, v.Inside = 2, append(v.Inside, v.Inside[0]) },
		"another share in the token":  func(v *token.LockView) { v.Token.Shares = []token.Share{{Member: 1, Session: 2, ID: 4, Permits: 1}} },
		"no share in the token":       func(v *token.LockView) { v.Token.Shares = nil },
		"alone with a token of share": func(v *token.LockView) { v.Holder, v.Share = 1, token.Share{} },
	} {
		v := reader
		change(&v)
		if got := judgeShare(&v, true); (got == "") != (name == "") {
			t.Errorf("%s: found %q", name, got)
		}
	}
	if judgeShare(&reader, false) == "" {
		t.Error("a share outside a session is not noticed")
	}
}
