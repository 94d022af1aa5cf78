package broadcast

import "context"

// Drain takes no more claims and refuses those that wait, so that clients move on to
// other nodes; it then waits until nobody here holds a lock any more. Holds go on as
// before. The node stays drained when the context ends, whose cause is then the error;
// otherwise the error wraps [ErrStopped].
func (d *Driver) Drain(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sub, err := d.Subscribe(ctx, "")
	if err != nil {
		return err
	}
	holds := func() (n int, err error) {
		answer := make(chan int, 1)
		err = d.do(ctx, func(o *owner) {
			o.table.Drain(o.now)
			o.perform()
			n, _, _ := o.table.Counts()
			answer <- n
		})
		if err == nil {
			n = <-answer
		}
		return n, err
	}
	for {
		n, err := holds()
		if n == 0 || err != nil {
			return err
		}
		select {
		case <-sub.Wake():
			sub.Take()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.dead:
			return d.stopped()
		}
	}
}

// Undrain takes claims again after a Drain, unless the node is stopping. The errors are
// those of Drain.
func (d *Driver) Undrain(ctx context.Context) error {
	return d.do(ctx, func(o *owner) { o.table.Undrain() })
}
