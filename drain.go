package conch

import "context"

// Drain takes no more requests and lets holders finish. [Node.Lock] fails from now on, and
// waiters, clients in other processes too, get [ErrStopped]: clients move to other nodes.
// Holds go on as before. Drain returns nil when nobody holds a lock at this node any more;
// otherwise the cause of the context's end, or an error that wraps ErrStopped. The node
// stays drained until [Node.Stop] or [Node.Undrain].
//
// A drain before Stop gives the work of a node's clients the time that it takes:
//
//	_ = node.Drain(patient) // whoever is not done by then is warned, and has until ctx ends
//	err := node.Stop(ctx)
func (n *Node) Drain(ctx context.Context) error { return n.node.Drain(ctx) }

// Undrain takes requests again after a Drain. A Drain that still waits then returns
// [ErrUndrained]. The error wraps [ErrStopped], or is the cause of the context's end.
func (n *Node) Undrain(ctx context.Context) error { return n.node.Undrain(ctx) }
