package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"conch/bench/internal/procs"
)

// Fleet is some servers that belong together.
type Fleet struct {
	// Endpoints are where clients reach the servers.
	Endpoints []string
	// Processes are the servers, in the same order.
	Processes []*procs.Process
	// leader finds which of the servers leads; nil if none does.
	leader func(ctx context.Context, endpoints []string) (int, error)
}

// electPatience is how long servers may take until one of them leads.
const electPatience = 30 * time.Second

// Leader waits until one of the servers leads, and returns which. Where all are equal
// it is the first.
func (f *Fleet) Leader(ctx context.Context) (int, error) {
	if f.leader == nil {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, electPatience)
	defer cancel()
	for {
		i, err := f.leader(ctx, f.Endpoints)
		if err == nil {
			return i, nil
		}
		if failed := f.Ended(); failed != nil {
			return 0, failed
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("servers: find the leader: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Ended returns an error if a server has ended.
func (f *Fleet) Ended() error {
	for _, p := range f.Processes {
		if err := p.Ended(); err != nil {
			return err
		}
	}
	return nil
}

// Freeze lets no server run until Thaw.
func (f *Fleet) Freeze() error { return f.each((*procs.Process).Freeze) }

// Thaw lets the servers run again.
func (f *Fleet) Thaw() error { return f.each((*procs.Process).Thaw) }

// Close ends the servers at once: what they know is of no use to anybody.
func (f *Fleet) Close() error { return f.each((*procs.Process).Kill) }

func (f *Fleet) each(do func(*procs.Process) error) error {
	var failures []error
	for _, p := range f.Processes {
		failures = append(failures, do(p))
	}
	return errors.Join(failures...)
}

// start starts a server and adds it to the fleet.
func (f *Fleet) start(name, program string, args ...string) error {
	p, err := procs.Start(name, program, args...)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	f.Processes = append(f.Processes, p)
	return nil
}

// await waits until every server lets somebody connect.
func (f *Fleet) await(ctx context.Context) error {
	for _, endpoint := range f.Endpoints {
		network, address := "tcp", endpoint
		if path, ok := strings.CutPrefix(endpoint, "unix:"); ok {
			network, address = "unix", path
		}
		for {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				_ = conn.Close() // it was there, which is all
				break
			}
			if failed := errors.Join(f.Ended(), context.Cause(ctx)); failed != nil {
				return errors.Join(failed, f.Close())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// FreeAddresses returns n addresses on loopback that nobody listens on, no two the
// same.
func FreeAddresses(n int) ([]string, error) {
	var addresses []string
	var listeners []net.Listener
	defer func() { // not before all are found
		for _, listener := range listeners {
			_ = listener.Close() // nobody has come
		}
	}()
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("servers: find a free port: %w", err)
		}
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
