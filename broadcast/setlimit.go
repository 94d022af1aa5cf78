package broadcast

import (
	"context"

	"conch/token"
)

// SetLimit changes how many may hold a lock at once. A higher limit counts at once; for a
// lower one it waits for its turn, as Acquire does. by is who wants it. The errors are those of [Driver.Acquire].
func (d *Driver) SetLimit(ctx context.Context, lock string, limit token.Limit, by Caller) error {
	if err := CheckName(lock); err != nil {
		return err
	}
	c := d.locals.Get().(*localClaim)
	id := token.Waiter(d.lastWaiter.Add(1))
	c.begin(id)
	// The table refers to by for as long as the claim waits.
	hold, err := d.await(ctx, c, &input{kind: inputInspect, id: id, inspect: func(o *owner) {
		o.table.SetLimit(o.now, id, lock, limit, c, &by)
	}})
	if err == nil {
		c.free(token.Waiter(hold.id)) // nothing is held
	}
	return err
}

// limitSet logs that a waiter has set a lock's limit.
func (o *owner) limitSet(e *token.Effect) {
	if w, waits := o.table.Waiter(e.Waiter); waits && !o.log.quiet {
		o.log.limitSet(e, w.Caller)
	}
}
