package client

import (
	"context"
	"fmt"

	"conch/broadcast"
	"conch/internal/client/attachment"
	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// AcquireRun waits until the caller holds the lock for a run. The errors are those of
// [Client.Acquire]; a [*broadcast.RanError]; and wrap [runs.ErrTick],
// [broadcast.ErrNotesFull] or [broadcast.ErrNoNotes].
func (c *Client) AcquireRun(ctx context.Context, lock string, run runs.Request) (broadcast.Hold, error) {
	return c.claim(ctx, want{lock: lock, run: &run})
}

// TryRun is AcquireRun as [Client.Try] is Acquire.
func (c *Client) TryRun(ctx context.Context, lock string, run runs.Request) (broadcast.Hold, error) {
	return c.claim(ctx, want{lock: lock, run: &run, try: true})
}

// AcquireKept waits until the caller holds the lock, under a hold that is kept. The errors
// are those of [Client.Acquire], and wrap [runs.ErrOwner], [broadcast.ErrNotesFull] or
// [broadcast.ErrNoNotes].
func (c *Client) AcquireKept(ctx context.Context, lock string, keep runs.Keep) (broadcast.Hold, error) {
	if err := keep.Check(); err != nil {
		return broadcast.Hold{}, err
	}
	return c.claim(ctx, want{lock: lock, keep: &keep})
}

// TryKept is AcquireKept as [Client.Try] is Acquire.
func (c *Client) TryKept(ctx context.Context, lock string, keep runs.Keep) (broadcast.Hold, error) {
	if err := keep.Check(); err != nil {
		return broadcast.Hold{}, err
	}
	return c.claim(ctx, want{lock: lock, keep: &keep, try: true})
}

// runEnd is what a node said to the end of a run.
type runEnd struct {
	outcome    frames.RunOutcome
	refused    error
	unanswered bool
}

// EndRun is [broadcast.Hold.EndRun]. If the stream breaks, the node is told on the next one;
// and another node if there is none.
func (c *claim) EndRun(ctx context.Context, _ uint64, end runs.End) error {
	lasted, lost, err := c.beginEnd(&end)
	if err != nil {
		return err
	}
	if lost != nil {
		return c.endLate(ctx, lasted, &end, lost)
	}
	if st := c.node.sendNow(); st != nil {
		signal(st.needed) // to hear the answer
	}
	var answer runEnd
	select {
	case answer = <-c.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	switch {
	case answer.refused != nil:
		return answer.refused
	case answer.unanswered:
		return c.endLate(ctx, lasted, &end, fmt.Errorf("%w: the node did not answer", broadcast.ErrLost))
	case answer.outcome == frames.RunNoted:
		return nil
	case answer.outcome == frames.RunNotNoted:
		return broadcast.ErrNotNoted
	}
	return broadcast.ErrLost
}

// beginEnd ends the hold. lost is why the node cannot be told as long as it is held.
func (c *claim) beginEnd(end *runs.End) (lasted token.Time, lost, err error) {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case c.released:
		return 0, nil, broadcast.ErrReleased
	case c.run == nil:
		return 0, nil, broadcast.ErrNotRun
	}
	now := n.client.clock()
	lasted = now - c.began
	told := n.core.EndRun(now, c.id, lasted, end)
	n.performAll()
	if !told && c.lost == nil { // no stream is opened any more
		n.core.Release(now, c.id)
		n.performAll()
		c.lost = fmt.Errorf("%w: %w: %v: %w", broadcast.ErrLost, ErrUnreachable, n.target, n.ended)
	}
	c.released = true
	if c.over != nil {
		close(c.over)
	}
	c.endSayings(broadcast.ErrReleased)
	if !told {
		delete(n.claims, c.id)
		return lasted, c.lost, nil
	}
	return lasted, nil, nil
}

// endLate tells the node that the client speaks to now that the run is done, and returns that
// the hold was lost.
func (c *claim) endLate(ctx context.Context, lasted token.Time, end *runs.End, lost error) error {
	if err := c.node.client.lateRun(ctx, c, lasted, end); err != nil {
		return fmt.Errorf("%w; and no node could be told that the run is done: %w", lost, err)
	}
	return lost
}

func (c *Client) lateRun(ctx context.Context, of *claim, lasted token.Time, end *runs.End) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := c.reach(ctx)
		if err != nil {
			return err
		}
		late, err := n.endLate(of, lasted, end)
		switch {
		case err != nil:
			return err
		case late == nil:
			continue
		}
		if st := n.sendNow(); st != nil {
			signal(st.needed)
		}
		select {
		case answer := <-late.ended:
			if !answer.unanswered {
				return answer.refused
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// endLate begins to tell this node. It returns nil if the node may not be asked.
func (n *node) endLate(of *claim, lasted token.Time, end *runs.End) (*claim, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.notes {
		return nil, n.knowsNoNotes()
	}
	id := n.core.EndLate(n.client.clock(), of.lock, token.Fence(of.fence), of.run, lasted, end)
	if id == 0 {
		return nil, nil
	}
	late := &claim{node: n, id: id, ended: make(chan runEnd, 1)}
	n.claims[id] = late
	n.perform(nil)
	return late, nil
}

// knowsNoNotes is the error for what a node of an earlier version would not understand.
func (n *node) knowsNoNotes() error {
	return fmt.Errorf("%w: %v is of a version that knows no runs and kept holds", ErrRefused, n.target)
}

// endedRun tells whoever ended a run what the node said.
func (n *node) endedRun(e attachment.Effect) {
	c := n.claims[e.Claim]
	delete(n.claims, e.Claim)
	answer := runEnd{outcome: e.RunOutcome, unanswered: e.Unanswered}
	if e.Refusal.Code != 0 {
		answer.refused = n.refusalError(e.Refusal)
	}
	c.ended <- answer
}

// refused is what the caller of a claim is told for a refusal.
func (n *node) refused(c *claim, r frames.Refusal) error {
	if r.Code != frames.CodeRan || r.Run == nil || c.run == nil {
		return n.refusalError(r)
	}
	return &broadcast.RanError{Run: *r.Run, PassedOver: r.Run.Tick > c.run.Tick}
}
