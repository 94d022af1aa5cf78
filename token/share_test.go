package token

import (
	"slices"
	"testing"
)

// One test for each rule of shares (protocol, section 5).

func (d *driven) share(w Waiter, limit Limit) { d.AcquireShare(d.at, cs, w, limit) }

// wantInside compares the waiters that hold the lock.
func (d *driven) wantInside(waiters ...Waiter) {
	d.t.Helper()
	var v LockView
	d.InspectLock(cs, &v)
	var got []Waiter
	for _, h := range v.Inside {
		got = append(got, h.Waiter)
	}
	if !slices.Equal(got, waiters) {
		d.t.Fatalf("%v hold the lock, want %v", got, waiters)
	}
}

// readersElsewhere is withToken with a readers' share of C, which has reader's fence 1:1.
func readersElsewhere(t *testing.T, members int) *driven {
	t.Helper()
	d := inSession(t, members)
	d.tokenWith(func(t *Token) {
		t.Fence++
		t.Limit, t.LimitBy, t.LimitAt, t.Shares = Unlimited, 2, 5, []Share{shareOfC(1)}
	})
	d.take()
	return d
}

func shareOfC(permits uint32) Share {
	return Share{Member: 2, Session: 1, ID: 1<<FenceBits + 1, Permits: permits}
}

// permitsElsewhere is withToken where C uses so many of limit permits.
func permitsElsewhere(t *testing.T, used uint32, limit Limit) *driven {
	t.Helper()
	d := inSession(t, 3)
	d.tokenWith(func(t *Token) {
		t.Fence++
		t.Limit, t.LimitBy, t.LimitAt, t.Shares = limit, 2, 5, []Share{shareOfC(used)}
	})
	d.take()
	return d
}

// Readers that stand in line behind each other enter together, with one fence.
func TestReadersEnterTogether(t *testing.T) {
	d := holding(t, 3)
	d.share(2, Unlimited)
	d.share(3, Unlimited)
	d.acquire(4)
	d.share(5, Unlimited)
	d.take()
	d.release(1)
	d.wantOnly(Grant,
		"A ENTERS: waiter 2, fence 1:2, by request 1.1, readers",
		"A ENTERS: waiter 3, fence 1:2, by no request, readers",
	)
	d.wantInside(2, 3)
	d.release(2)
	d.wantOnly(Grant)
	d.release(3)
	d.wantOnly(Grant, "A ENTERS: waiter 4, fence 1:3, by request 1.2")
	d.wantInside(4)
	d.release(4)
	d.wantOnly(Grant, "A ENTERS: waiter 5, fence 1:4, by request 1.3, readers")
}

// A reader's turn is over at once: the token goes on while the reader is in, and carries
// the share.
func TestTokenGoesOnWhileReadersAreIn(t *testing.T) {
	d := withToken(t, 3)
	d.share(1, Unlimited)
	d.take()
	d.request(1, 1)
	d.want("A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody, readers by A, A 1@1:1×1")
	d.wantInside(1)
}

// Without the token, another reader enters under the share, and a writer does not. A
// reader behind the writer waits.
func TestReadersEnterUnderShare(t *testing.T) {
	d := withToken(t, 3)
	d.share(1, Unlimited)
	d.request(1, 1)
	d.take()
	d.share(2, Unlimited)
	d.want("A ENTERS: waiter 2, fence 1:1, by no request, readers")
	d.acquire(3)
	d.share(4, Unlimited)
	d.wantOnly(Grant)
	d.withdraw(3)
	d.wantOnly(Grant, "A ENTERS: waiter 4, fence 1:1, by no request, readers")
	d.release(1)
	d.release(2)
	d.release(4)
	d.share(5, Unlimited)
	d.wantOnly(Grant, "A ENTERS: waiter 5, fence 1:1, by no request, readers")
}

// Permits are granted while fewer than the limit are used.
func TestPermitsAreGrantedUpToLimit(t *testing.T) {
	d := withToken(t, 3)
	for w := range Waiter(4) {
		d.share(w+1, 3)
	}
	d.wantInside(1, 2, 3)
	d.take()
	d.release(2)
	d.wantOnly(Grant, "A ENTERS: waiter 4, fence 1:4, by request 1.1, 3 permits")
	d.wantInside(1, 3, 4)
}

// When the token goes, permits that nobody uses are given back, and a readers' share stays
// open.
func TestUnusedPermitsAreGivenBack(t *testing.T) {
	d := withToken(t, 3)
	d.share(1, 3)
	d.share(2, 3)
	d.release(1)
	d.request(1, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:2, LN 1.0 1.0 1.0, Q nobody, 3 permits by A, A 1@1:2×1")

	d = withToken(t, 3)
	d.share(1, Unlimited)
	d.release(1)
	d.request(1, 1)
	d.wantSent(TokenMessage, "A→B TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody, readers by A, A 1@1:1×1")
}

// Without the token, a permit that comes back goes to the next waiter here.
func TestPermitIsUsedAgainUnderShare(t *testing.T) {
	d := withToken(t, 3)
	d.share(1, 3)
	d.request(1, 1)
	d.share(2, 3)
	d.wantOnly(Grant, "A ENTERS: waiter 1, fence 1:1, by no request, 3 permits")
	d.release(1)
	d.wantOnly(Grant, "A ENTERS: waiter 2, fence 1:1, by no request, 3 permits")
}

// While others stand in Q, a turn grants no more permits than a local batch has.
func TestPermitsOfATurnAreALocalBatch(t *testing.T) {
	for _, tt := range []struct {
		batch int
		want  []Waiter
	}{{1, []Waiter{1}}, {2, []Waiter{1, 2}}, {9, []Waiter{1, 2, 3}}} {
		cfg := testConfig(0, 3)
		cfg.LocalBatch = tt.batch
		d := inSessionWith(t, cfg)
		for w := range Waiter(3) {
			d.share(w+1, 5)
		}
		d.request(1, 1)
		d.token()
		d.wantInside(tt.want...)
	}
}

// A waiter that wants another limit is refused, and told the lock's limit and whose it is.
func TestOtherLimitIsRefused(t *testing.T) {
	d := permitsElsewhere(t, 1, 3)
	d.share(1, 4)
	d.share(2, Unlimited)
	d.want(
		"A refuses waiter 1: 3 permits, as C said",
		"A refuses waiter 2: 3 permits, as C said",
	)
	d.share(3, 3)
	d.wantOnly(Grant, "A ENTERS: waiter 3, fence 1:2, by no request, 3 permits")
}

// At a lapse, all who are in are told.
func TestLapseEndsShare(t *testing.T) {
	d := withToken(t, 3)
	d.share(1, Unlimited)
	d.share(2, Unlimited)
	d.take()
	d.passes(testTTL)
	d.wantOnly(Revoke,
		"A LOSES IT: waiter 1, fence 1:1, readers",
		"A LOSES IT: waiter 2, fence 1:1, readers",
	)
	d.wantInside()
}

// A node that leaves waits for all who are in.
func TestByeWaitsForReaders(t *testing.T) {
	d := withToken(t, 3)
	d.share(1, Unlimited)
	d.Retire(d.at)
	d.wantOnly(Gone)
	d.share(2, Unlimited)
	d.wantOnly(Grant)
	d.withdraw(2)
	d.release(1)
	d.wantOnly(Gone, "A is gone, session 1")
}

// In a cluster of one.
func TestSharesAlone(t *testing.T) {
	d := start(t, 1)
	d.passes(testTTL)
	d.share(1, Unlimited)
	d.share(2, Unlimited)
	d.acquire(3)
	d.wantInside(1, 2)
	d.release(1)
	d.release(2)
	d.wantInside(3)
	d.share(4, Unlimited)
	d.release(3)
	d.wantInside(4)
}
