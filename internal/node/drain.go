package node

import "context"

// Drain takes no more requests and lets holders finish; see [broadcast.Driver.Drain]. By is
// who asks for it, for the log, such as "by this program".
func (n *Node) Drain(ctx context.Context, by string) error { return n.driver.Drain(ctx, by, nil) }

// Undrain takes requests again after a Drain. By is who asks for it, for the log.
func (n *Node) Undrain(ctx context.Context, by string) error {
	_, err := n.driver.Undrain(ctx, by)
	return err
}
