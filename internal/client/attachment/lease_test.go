package attachment

import (
	"fmt"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

const full = ttl * 99 / 100 // of T, when a hundredth is kept back

func TestLeaseEnd(t *testing.T) {
	for _, test := range []struct{ stamp, remaining, want token.Time }{
		{1000, 100, 1099},
		{1000, 0, 1000},
		{1000, 1, 1000},
		{1000, 199, 1197}, // rounded down
		{1000, 10_000, 1000 + 10_000 - 100},
		{1000, 10_001, 1000 + 10_000 - 100}, // more than T
		{1000, 1 << 62, 1000 + 10_000 - 100},
	} {
		if got := leaseEnd(test.stamp, test.remaining, 10_000); got != test.want {
			t.Errorf("leaseEnd(%d, %d) = %d; want %d", test.stamp, test.remaining, got, test.want)
		}
	}
}

// "The client counts from when it sent its Ping."
func TestLeaseCountsFromThePing(t *testing.T) {
	s := begin(t)
	id := s.ask("x")
	s.frozen(quarter / 2)
	s.receive(s.granted(id, 5, ttl))
	s.wants("ping", "acquire 1 x", "HELD 1 fence 5")
	if got := s.left(id); got != full-quarter/2 {
		t.Errorf("%d left; want %d", got, full-quarter/2)
	}
	s.after(quarter)
	s.wants("ping")
	s.frozen(10)
	s.receive(s.pong(ttl))
	if got, want := s.left(id), s.a.stamp+full-s.now; got != want || got <= full-3*quarter/2 {
		t.Errorf("%d left after a Pong; want %d", got, want)
	}
}

// "A client that finds its own clock past the end has lost its holds, whether or not it
// was told", and no message that comes later brings them back.
func TestHoldEndsByTheOwnClock(t *testing.T) {
	for name, input := range map[string]func(*script, Claim){
		"tick":    func(s *script, _ Claim) { s.a.Tick(s.now) },
		"expire":  func(s *script, _ Claim) { s.a.Expire(s.now) },
		"pong":    func(s *script, _ Claim) { s.receive(s.pong(ttl)) },
		"granted": func(s *script, id Claim) { s.receive(s.granted(id, 5, ttl)) },
		"release": func(s *script, id Claim) { s.a.Release(s.now, id) },
		"down":    func(s *script, _ Claim) { s.a.Down(s.now, Other) },
		"drain":   func(s *script, _ Claim) { s.a.Drain(s.now) },
	} {
		s := begin(t)
		id := s.held("x", 5)
		s.frozen(full - 1)
		s.a.Expire(s.now)
		s.note()
		s.wants()
		s.frozen(1)
		input(s, id)
		s.note()
		if len(s.did) == 0 || s.did[0] != "LOST 1 lease" {
			t.Errorf("%s: did %v; want LOST 1 lease first", name, s.did)
		}
	}
}

// A client with many holds restates them in several frames. The Ping is in the first, so
// the Pong can come while the node has not read of the rest. It keeps those only until
// the end that they had.
func TestPongExtendsOnlyWhatTheNodeHasConfirmedOnThisStream(t *testing.T) {
	s := begin(t)
	var all []Claim
	for i := range 2 * maxFrame {
		all = append(all, s.held(fmt.Sprint(i), 5))
	}
	before := s.left(all[0])
	s.frozen(ttl / 2)
	s.reconnect()
	first := s.frame() - 1 // without the Ping
	s.forget()
	for _, id := range all[:first] {
		s.receive1(s.granted(id, 5, ttl))
	}
	s.receive1(s.pong(ttl))
	for i, id := range all {
		want := before - ttl/2
		if i < first {
			want = full
		}
		if got := s.left(id); got != want {
			t.Fatalf("hold %d of %d, of which %d are confirmed: %d left; want %d", i, len(all), first, got, want)
		}
	}
	s.send()
	s.forget()
	s.receive(s.granted(all[first], 5, ttl))
	if got := s.left(all[first]); got != full {
		t.Errorf("%d left once it is confirmed; want %d", got, full)
	}
	s.frozen(ttl / 2)
	s.a.Expire(s.now)
	s.note()
	if want := len(all) - first - 1; len(s.did) != want {
		t.Errorf("%d are lost; want the %d that the node has not confirmed", len(s.did), want)
	}
}

// receive1 is receive without sending.
func (s *script) receive1(m frames.NodeMessage) {
	s.t.Helper()
	if err := s.a.Receive(s.now, m); err != nil {
		s.t.Error(err)
	}
	s.note()
}

// A grant of another claim extends the confirmed holds, and no others.
func TestGrantExtendsOnlyWhatTheNodeHasConfirmedOnThisStream(t *testing.T) {
	s := begin(t)
	one := s.held("x", 5)
	s.frozen(quarter)
	s.reconnect()
	s.send()
	before := s.left(one)
	two := s.ask("y")
	s.receive(s.granted(two, 7, ttl))
	if got := s.left(one); got != before {
		t.Errorf("%d left; want %d: the node has not confirmed it", got, before)
	}
	s.receive(s.granted(one, 5, ttl))
	if s.left(one) != s.left(two) {
		t.Errorf("%d and %d left; want the same: one lease", s.left(one), s.left(two))
	}
}

// A grant that waits for a lease, then a stream that breaks: the next one's Pong says
// nothing about the grant, which may be over.
func TestStaleGrantDoesNotBegin(t *testing.T) {
	stale := func() *script {
		s := begin(t)
		id := s.ask("x")
		s.frozen(ttl)
		s.receive1(s.granted(id, 5, quarter)) // of a Ping long ago
		s.wants("ping", "acquire 1 x")
		s.reconnect()
		s.send()
		s.wants("ping", "resume 1 x 5")
		return s
	}
	s := stale()
	s.receive(s.pong(ttl))
	s.wants() // not held
	s.receive(lost(1, frames.ClientLease))
	s.wants("acquire 2 x")
	s.receive(s.granted(2, 9, ttl))
	s.wants("HELD 1 fence 9")

	s = stale()
	s.receive(s.pong(ttl))
	s.receive(s.granted(1, 5, ttl)) // it stands
	s.wants("HELD 1 fence 5")
}

// A node may answer a Ping before it reads of a hold whose end was settled while the
// stream was down. What it grants then leaves nothing, and the end stays.
func TestTakingUpAHoldThatWasBrokenDoesNotExtendIt(t *testing.T) {
	s := begin(t)
	id := s.held("x", 5)
	s.frozen(ttl / 2)
	s.reconnect()
	s.send()
	before := s.left(id)
	s.receive(s.pong(ttl), s.granted(id, 5, 0), warned(id, frames.Break))
	if got := s.left(id); got != before {
		t.Errorf("%d left; want %d", got, before)
	}
	s.wants("ping", "resume 1 x 5", "WARNED 1 broken")
}

// "It extends a hold only if its session is the one that the hold was granted in, and not
// after the hold was warned for a reason that ends it."
func TestWhatDoesNotExtend(t *testing.T) {
	s := begin(t)
	id := s.held("x", 5)
	s.after(quarter)
	before := s.left(id)
	other := s.pong(ttl)
	other.Session = 2
	s.receive(other)
	if got := s.left(id); got != before {
		t.Errorf("extended by another session: %d left, want %d", got, before)
	}

	s = begin(t)
	id = s.held("x", 5)
	s.receive(warned(id, frames.Lapse))
	s.wants("WARNED 1 lapse")
	s.after(quarter)
	s.receive(s.pong(ttl))
	if got := s.left(id); got != full {
		t.Errorf("%d left after a warning of a lapse and a Pong; want %d", got, full)
	}
	if _, near := s.a.Warning(s.now, id); near {
		t.Error("the warning has come to nothing, and is told still")
	}
	s.receive(warned(id, frames.NodeLeaving))
	s.wants("ping", "WARNED 1 node leaving")
	s.after(quarter)
	s.receive(s.pong(ttl))
	if got := s.left(id); got != full-quarter {
		t.Errorf("%d left after a settled warning and a Pong; want %d", got, full-quarter)
	}
	s.forget()
	s.after(full - quarter - 1)
	s.wants("ping", "ping")
	s.after(1)
	s.wants("LOST 1 node leaving", "release 1 x 5")
}

// A hold is warned of when its end comes near, each time.
func TestWarnings(t *testing.T) {
	s := begin(t)
	id := s.held("x", 5)
	s.after(full - ttl/nearShare)
	s.wants("ping", "ping", "ping", "WARNED 1 lease")
	e, near := s.a.Warning(s.now, id)
	if !near || e.Times.Left != ttl/nearShare || e.Times.HadPong || !e.Times.HadPing || e.Times.SinceLatest >= quarter {
		t.Errorf("Warning = %+v, %v", e, near)
	}
	s.receive(s.pong(ttl))
	if e, near := s.a.Warning(s.now, id); near {
		t.Errorf("Warning = %+v after a Pong", e)
	}
	s.forget()
	s.after(s.left(id) - ttl/nearShare)
	if got := s.did[len(s.did)-1]; got != "WARNED 1 lease" {
		t.Errorf("did %v; want another warning", s.did)
	}
	e, _ = s.a.Warning(s.now, id)
	if !e.Times.HadPong || e.Times.SincePong >= ttl || e.Times.SincePing < e.Times.SincePong {
		t.Errorf("times %+v", e.Times)
	}
	s.frozen(ttl)
	s.a.Tick(s.now)
	if effects := s.a.Effects(); len(effects) != 2 || effects[1].Kind != Lost || effects[1].Times.Left >= 0 || effects[1].Times.Late == 0 {
		t.Errorf("effects %+v; want the end of a silent stream, and a loss, found late", effects)
	}
}
