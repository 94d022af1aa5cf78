package token

import "testing"

// The Inspect methods show what a node knows, and change nothing.
func TestInspect(t *testing.T) {
	d := inSession(t, 3)
	d.tokenOf(Epoch{6, 1})
	now := ClockModel{Readings: []Time{d.at, d.at, d.at}, Step: 1, Horizon: hour}
	before := string(d.AppendState(nil, now))

	s := d.InspectSession()
	if end, ok := d.InSession(); s.Session != 1 || !s.Begun || !ok || s.LeaseEnd != end || s.Waiting || s.Leaving || s.Gone {
		t.Errorf("got session %+v", s)
	}
	p := d.InspectPeer(1)
	if !p.Connected || p.Silent || p.BurialEnd > d.at {
		t.Errorf("got peer %+v", p)
	}
	var v LockView
	if !d.InspectLock(cs, &v) || v.Holder != 0 || v.Waiters != 0 || v.Outstanding {
		t.Errorf("got lock %+v", v)
	}
	if d.InspectLock("unheard", &v) || v.HasToken || len(v.RequestNumbers) != 0 {
		t.Errorf("got %+v of a lock that the node has not heard of", v)
	}
	m := Message{Kind: TokenMessage, Lock: "unheard", Session: 1, Token: &Token{Epoch: Epoch{1, 1}}}
	if why := d.Refuses(m); why != "" {
		t.Errorf("refuses a token for %q", why)
	}
	m.Session++
	if why := d.Refuses(m); why != ReasonAddressee {
		t.Errorf("refuses a token to another session for %q, want %q", why, ReasonAddressee)
	}
	if string(d.AppendState(nil, now)) != before {
		t.Error("the inspection has changed the node")
	}
}
