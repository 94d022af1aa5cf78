package attachment

// A claim has a place in the node's queue. Which of a client's callers has it makes no
// difference to the node.

// isLike reports whether another claim asks for the same.
func (c *claim) isLike(other *claim) bool {
	one, two := c.acquire(), other.acquire()
	one.ID, two.ID = 0, 0
	return one == two
}

// maxMoves bounds how many later claims moveUp looks at.
const maxMoves = 64

// moveUp gives a claim that nobody waits for any more to the caller of the next one that is
// like it, that one to the caller of the one after, and so on. It returns the claim that is
// left over. A grant is likely to be under way for the earliest claim, and would come too
// late if that were withdrawn.
func (a *Attachment) moveUp(c *claim) *claim {
	i, found := a.claims.index(c.id)
	if !found {
		return c
	}
	later := a.claims.entries[i+1:]
	for _, e := range later[:min(len(later), maxMoves)] {
		next := e.claim
		if next == nil || next.handle == 0 || next.state != waiting || !next.isLike(c) {
			continue
		}
		c.handle, next.handle = next.handle, 0
		a.handles.set(uint64(c.handle), c)
		c = next
	}
	return c
}

// takeUp returns the claim that was given up last if it asks for the same as a new one, and
// the node was not told of its end and has not granted it. It waits then as if it had not
// been given up. So callers who wait for a short time, again and again, cost no messages.
func (a *Attachment) takeUp(c *claim) *claim {
	if len(a.leftOver) == 0 {
		return nil
	}
	last := a.leftOver[len(a.leftOver)-1]
	if last.state != withdrawing || !last.queued || last.fence != 0 || !last.isLike(c) {
		return nil
	}
	a.leftOver = a.leftOver[:len(a.leftOver)-1]
	last.state = waiting
	return last
}
