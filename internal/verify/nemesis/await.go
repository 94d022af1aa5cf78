package nemesis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"conch/internal/verify/processes"
)

// awaitEntries waits until each of these nodes has entered this many times more.
func (o *trial) awaitEntries(ctx context.Context, times int, nodes ...int) error {
	want := make(map[string]int)
	for _, node := range nodes {
		address := o.network.Addresses()[node]
		want[address] = o.sections.entries[address] + times
	}
	err := o.follow(ctx, o.Patience, func() bool {
		for address, count := range want {
			if o.sections.entries[address] < count {
				return false
			}
		}
		return true
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	for address, count := range want {
		if got := o.sections.entries[address]; got < count {
			err = fmt.Errorf("%w; node %d, %s, has entered %d of %d times", err, o.index[address]+1, address, got, count)
		}
	}
	return err
}

// awaitHolder waits until a member enters, and returns it.
func (o *trial) awaitHolder(ctx context.Context) (int, error) {
	if err := o.drain(); err != nil {
		return 0, err
	}
	var latest processes.Line
	err := o.follow(ctx, o.Patience, func() bool {
		latest = o.sections.lines[len(o.sections.lines)-1]
		return latest.What == "enter" && slices.Contains(o.members, o.index[latest.Node])
	})
	return o.index[latest.Node], err
}

// watch judges the shared file for a while.
func (o *trial) watch(ctx context.Context, last time.Duration) error {
	err := o.follow(ctx, last, func() bool { return false })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

// drain takes the present lines of the shared file.
func (o *trial) drain() error {
	ended, cancel := context.WithCancel(context.Background())
	cancel() // Follow reads the file once before it looks
	err := o.follow(ended, o.Patience, func() bool { return false })
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// follow judges the shared file as it grows, until enough says so after a line, or until
// its time is over.
func (o *trial) follow(ctx context.Context, last time.Duration, enough func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, last)
	defer cancel()
	err := o.cluster.Follow(ctx, func(line processes.Line) bool {
		o.err = o.sections.take(line)
		return o.err != nil || enough()
	})
	return errors.Join(o.err, err)
}

// awaitOutside waits until the latest line on sessions in a node's log says that it has
// none.
func (o *trial) awaitOutside(ctx context.Context, node int) error {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		data, err := os.ReadFile(o.cluster.Nodes()[node].LogFile())
		if err != nil {
			return err
		}
		started := bytes.LastIndex(data, []byte(`"event":"session_started"`))
		if max(bytes.LastIndex(data, []byte(`"event":"session_lapsed"`)), bytes.LastIndex(data, []byte(`"event":"node_started"`))) > started {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for node %d to lose its session: %w", node+1, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
