package claims

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"conch/internal/frames"
	"conch/token"
)

// Drain takes no more claims and refuses those that wait, so that clients move to other
// nodes. Holds go on as before.
func (t *Table) Drain(now token.Time) {
	if t.draining {
		return
	}
	t.draining = true
	for _, c := range t.sorted() {
		if c.holding {
			continue
		}
		id, lock := c.id, c.lock
		t.refuse(now, c, t.leaving())
		t.node.Withdraw(now, lock, id)
	}
}

// leaving refuses a claim that another node may take.
func (t *Table) leaving() frames.Refusal {
	if t.stopping {
		return frames.Refuse(frames.CodeNodeLeaving, "the node is stopping")
	}
	if t.departing {
		return frames.Refuse(frames.CodeNodeLeaving, "the node is being removed from the cluster and takes no requests")
	}
	return frames.Refuse(frames.CodeNodeLeaving, "the node is draining and takes no requests")
}

// Undrain takes claims again, unless the table was stopped or the node leaves the list of
// members.
func (t *Table) Undrain() { t.draining = t.stopping || t.departing }

// Stop drains the table and tells all holders that their holds end.
func (t *Table) Stop(now token.Time) {
	if t.stopping {
		return
	}
	t.stopping = true
	t.Drain(now)
	for _, c := range t.sorted() {
		if c.holding && c.settled == 0 {
			t.settle(now, c, frames.NodeLeaving, "")
		}
	}
}

// Abandon tells all holders that their holds are lost. The node keeps the tokens: a
// holder may still be at work, so nobody else may enter before the session is over. A kept
// hold stays kept: a quorum remembers it.
func (t *Table) Abandon(now token.Time) {
	for _, c := range t.sorted() {
		if c.holding {
			t.lose(now, c, frames.NodeLeaving)
		}
	}
}

// Fail ends all claims at once, as a crash would, except that their owners are told.
func (t *Table) Fail(now token.Time, r frames.Refusal) {
	t.draining, t.stopping = true, true
	for _, c := range t.sorted() {
		if c.holding {
			t.lose(now, c, frames.NodeLeaving)
		} else {
			t.refuse(now, c, r)
		}
	}
	for _, id := range t.endingSorted() {
		t.runNoted(now, id, frames.RunNotNoted)
	}
}

var (
	// ErrNotHeld says that nobody here holds the lock to be broken.
	ErrNotHeld = errors.New("nobody holds the lock here")
	// ErrWrongFence is wrapped by the error for a lock whose holders have other fences than
	// the one to be broken.
	ErrWrongFence = errors.New("the holder has another fence")
	// ErrNotAmong is wrapped by the error for a lock whose holders with the fence to be
	// broken are other processes than the one that is meant.
	ErrNotAmong = errors.New("that process is not among the holders")
)

// Whom says which holders of a lock a Break means.
type Whom struct {
	// Fence is that of the holds.
	Fence token.Fence
	// PID and Host are the process, as it describes itself. Zero and empty mean every
	// process.
	PID  int64
	Host string
}

// Broken is a hold that a Break has met.
type Broken struct {
	Holder
	// Before: an earlier Break had settled its end.
	Before bool
}

// Break tells the holders of a lock that their holds end: those with a fence, of whom there
// are several where they share the lock, or only those of one process. The lock moves on
// when a holder releases it, or when the holder's time is up: one time to live for a caller
// in this process, the present lease for a client. The errors are [ErrNotHeld], or wrap
// [ErrWrongFence] or [ErrNotAmong].
func (t *Table) Break(now token.Time, lock string, whom Whom, text string) ([]Broken, error) {
	all := t.holders(lock)
	if len(all) == 0 {
		return nil, ErrNotHeld
	}
	var broken []Broken
	others := 0
	for _, c := range all {
		switch {
		case c.fence != whom.Fence:
			continue
		case whom.PID != 0 && c.caller.PID != whom.PID || whom.Host != "" && c.caller.Host != whom.Host:
			others++
			continue
		}
		before := c.settled == frames.Break
		if !before {
			t.settle(now, c, frames.Break, text)
		}
		broken = append(broken, Broken{t.describe(now, c), before})
	}
	switch {
	case len(broken) > 0:
		return broken, nil
	case others > 0:
		return nil, fmt.Errorf("%w: %d hold it with fence %d, and none is process %d on host %q", ErrNotAmong, others, whom.Fence, whom.PID, whom.Host)
	}
	return nil, fmt.Errorf("%w: %s, not %d", ErrWrongFence, fencesOf(all), whom.Fence)
}

// fencesOf lists the fences of holds: the first few, each once.
func fencesOf(all []*Claim) string {
	const most = 8
	var texts []string
	last := token.Fence(0)
	for _, c := range all {
		switch {
		case c.fence == last:
			continue
		case len(texts) == most:
			return strings.Join(texts, ", ") + " and others"
		}
		last = c.fence
		texts = append(texts, strconv.FormatUint(uint64(c.fence), 10))
	}
	return strings.Join(texts, ", ")
}
