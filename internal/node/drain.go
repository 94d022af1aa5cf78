package node

import "context"

// Drain takes no more requests and lets holders finish; see [broadcast.Driver.Drain].
func (n *Node) Drain(ctx context.Context) error { return n.driver.Drain(ctx, "by this program", nil) }

// Undrain takes requests again after a Drain.
func (n *Node) Undrain(ctx context.Context) error {
	_, err := n.driver.Undrain(ctx, "by this program")
	return err
}
