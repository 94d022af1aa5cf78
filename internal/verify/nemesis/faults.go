package nemesis

import (
	"context"
	"fmt"
)

// begin brings a node into trouble.
func (o *trial) begin(ctx context.Context, t trouble) error {
	node := o.cluster.Nodes()[t.node]
	switch t.kind {
	case killQuick:
		if err := o.kill(t.node); err != nil {
			return err
		}
		return o.start(ctx, t.node)
	case killLate, killForGood:
		return o.kill(t.node)
	case freeze:
		return o.unlessGone(t.node, node.Freeze())
	case stop:
		return node.Stop(ctx)
	}
	o.connect(t, map[kind]Condition{cutOff: Cut, stallOff: Stalled, cutIn: Cut, cutOut: Cut, cutPair: Cut, slowDown: Slow}[t.kind])
	return nil
}

// end ends a node's trouble. The node may need a while to recover.
func (o *trial) end(ctx context.Context, t trouble) error {
	node := o.cluster.Nodes()[t.node]
	switch t.kind {
	case killQuick, killForGood:
		return nil
	case killLate, stop:
		return o.start(ctx, t.node)
	case freeze:
		return o.unlessGone(t.node, node.Thaw())
	}
	o.connect(t, Open)
	return nil
}

// start starts a node again. One that leaves the members may end at once.
func (o *trial) start(ctx context.Context, node int) error {
	n := o.cluster.Nodes()[node]
	if !o.leaving[node] {
		return n.Start(ctx)
	}
	err := n.Launch()
	n.Leave()
	return err
}

// unlessGone is the error of a signal to a node. One that leaves the members may have ended.
func (o *trial) unlessGone(node int, err error) error {
	if o.leaving[node] {
		return nil
	}
	return err
}

// kill kills a node, and takes the lines that it wrote until then.
func (o *trial) kill(node int) error {
	if err := o.cluster.Nodes()[node].Kill(); err != nil {
		return err
	}
	if err := o.drain(); err != nil {
		return fmt.Errorf("after a kill: %w", err)
	}
	o.sections.killed(o.network.Addresses()[node])
	return nil
}

// connect sets the condition of the pairs that a trouble affects.
func (o *trial) connect(t trouble, c Condition) {
	for other := range len(o.network.Addresses()) {
		if other == t.node || t.kind == cutPair && other != t.other {
			continue
		}
		if t.kind != cutIn {
			o.network.Set(t.node, other, c)
		}
		if t.kind != cutOut {
			o.network.Set(other, t.node, c)
		}
	}
}
