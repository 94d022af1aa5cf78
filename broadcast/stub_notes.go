package broadcast

import (
	"context"

	"conch/token"
)

// Runs returns the latest runs of a lock that this node remembers, in the order of their
// ticks.
func (d *Driver) Runs(ctx context.Context, lock string) ([]token.Run, error) {
	answer := make(chan []token.Run, 1)
	if err := d.do(ctx, func(o *owner) { answer <- []token.Run{o.node.InspectNotes(lock).Run} }); err != nil {
		return nil, err
	}
	return <-answer, nil
}

// KeptHolds returns the notes of locks with a kept hold that is not over.
func (d *Driver) KeptHolds(ctx context.Context) ([]token.LockNotes, error) {
	return nil, nil
}
