package claims

import (
	"errors"

	"conch/internal/frames"
	"conch/token"
)

// Say changes the value of a local hold. The errors are [ErrNotHeld], and those of
// [token.Node.Say].
func (t *Table) Say(now token.Time, id token.Waiter, value string) error {
	c := t.claims[id]
	if c == nil || !c.holding {
		return ErrNotHeld
	}
	return t.node.Say(now, c.lock, c.id, value)
}

// say changes the value of a client's hold, if it is the one that the client means. A value
// may come twice, if the client did not hear the answer.
func (t *Table) say(now token.Time, c *client, m *frames.ClientMessage) {
	refusal := m.Refusal
	cl := c.claims[m.ID]
	switch {
	case refusal.Code != 0:
	case cl == nil || !cl.holding || cl.lock != m.Lock || cl.fence != m.Fence:
		refusal = frames.Refuse(frames.CodeNotHeld, "the client does not hold the lock %q with the fence %d under the id %d", m.Lock, m.Fence, m.ID)
	case m.Number <= cl.said:
	default:
		if refusal = refusalOfValue(t.node.Say(now, cl.lock, cl.id, m.Value)); refusal.Code == 0 {
			cl.said = m.Number
		}
	}
	t.tell(c.stream, frames.NodeMessage{Kind: frames.Said, ID: m.ID, Number: m.Number, Refusal: refusal})
}

// refusalOfValue is why the node does not say a value; Code is 0 if it does.
func refusalOfValue(err error) frames.Refusal {
	switch {
	case err == nil:
		return frames.Refusal{}
	case errors.Is(err, token.ErrManyValues):
		return frames.Refuse(frames.CodeTooManyValues, "the node says the values of %d holds, which is as many as it may", token.MaxValues)
	}
	return frames.Refuse(frames.CodeInvalidField, "the hold is shared: only who holds a lock alone has a value")
}
