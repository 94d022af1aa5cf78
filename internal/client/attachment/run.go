package attachment

import (
	"fmt"

	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// AskRun is Ask for a run of a tick, alone.
func (a *Attachment) AskRun(now token.Time, lock string, run *runs.Request, try bool) Claim {
	return a.ask(now, &claim{lock: lock, try: try, state: waiting, run: run})
}

// AskKept is Ask for a hold that is kept, alone.
func (a *Attachment) AskKept(now token.Time, lock string, keep *runs.Keep, try bool) Claim {
	return a.ask(now, &claim{lock: lock, try: try, state: waiting, keep: keep})
}

// EndRun ends a hold that was asked for by AskRun, and has the node told that the run is done:
// it lasted for some time, and ended as end says. RunEnded follows; unless it returns false: the
// claim is no hold any more. Then EndLate is for it.
func (a *Attachment) EndRun(now token.Time, claim Claim, lasted token.Time, end *runs.End) bool {
	a.expire(now)
	c := a.handles.find(uint64(claim))
	if c == nil || c.state != holding || c.run == nil || a.ended {
		return false
	}
	c.state, c.end, c.ran, c.runEnd = ending, 0, lasted, end
	a.enqueue(c)
	return true
}

// EndLate has the node told that a run is done whose hold was lost, or was at another node.
// RunEnded follows. The claim is 0 if the node may not be asked; see Admits.
func (a *Attachment) EndLate(now token.Time, lock string, fence token.Fence, run *runs.Request, lasted token.Time, end *runs.End) Claim {
	return a.ask(now, &claim{lock: lock, state: ending, fence: fence, run: run, ran: lasted, runEnd: end})
}

// endRun is what says that a run is done.
func (c *claim) endRun() frames.ClientMessage {
	return frames.ClientMessage{
		Kind: frames.EndRun, ID: c.id, Lock: c.lock, Fence: c.fence, Run: c.run, End: c.runEnd, Lasted: c.ran,
	}
}

// receiveRunEnded tells whoever ended a run what became of that. If the node refuses it, the
// hold ends as that of a run that is not done.
func (a *Attachment) receiveRunEnded(m frames.NodeMessage) error {
	c, err := a.find(m.ID)
	switch {
	case err != nil || c == nil:
		return err
	case c.state != ending || c.fence != m.Fence:
		return fmt.Errorf("got RunEnded for the id %d with the fence %d, whose run was not ended", m.ID, m.Fence)
	}
	a.tell(c, Effect{Kind: RunEnded, RunOutcome: m.RunOutcome, Refusal: m.Refusal})
	if m.Refusal.Code != 0 {
		c.state = releasing
		a.enqueue(c)
		return nil
	}
	a.finish(c)
	return nil
}
