package contest

import (
	"context"
	"path/filepath"

	"conch/bench/internal/locks"
	"conch/bench/internal/servers"
	"conch/bench/internal/wires"
	"conch/bench/internal/worker"
)

// nodes is how many processes a cluster has, if nothing else is said.
const nodes = 3

// Names of the bare subjects that others are set beside.
const (
	BareRing   = "bare/ring"
	BareLegs   = "bare/ring of 6"
	BareStream = "bare/stream unix"
	BareShared = "bare/stream unix, shared"
	BarePlain  = "bare/plain unix"
	BareSwap   = "bare/swap"
)

// bareSubjects are the limits of what the locks stand on.
func bareSubjects() []*Subject {
	return []*Subject{
		{Name: BareRing, Label: "gRPC stream ring, 3 processes", round: relay(wires.GRPCRing, nodes)},
		{Name: BareLegs, Label: "gRPC stream ring, 6 processes: as many as 3 nodes and their clients", round: relay(wires.GRPCRing, 2*nodes)},
		{Name: "bare/mesh", Label: "gRPC mesh, 3 processes, one token and two requests a hop", round: relay(wires.GRPCMesh, nodes)},
		{Name: "bare/tcp ring", Label: "TCP ring, 3 processes", round: relay(wires.TCPRing, nodes)},
		{Name: "bare/call tcp", Label: "unary gRPC call, TCP", round: trip(locks.BareCall, worker.Echo, overTCP)},
		{Name: "bare/call unix", Label: "unary gRPC call, unix socket", round: trip(locks.BareCall, worker.Echo, overUnix)},
		{Name: "bare/stream tcp", Label: "round trip on a gRPC stream, TCP", round: trip(locks.BareStream, worker.Echo, overTCP)},
		{Name: BareStream, Label: "round trip on a gRPC stream, unix socket", round: trip(locks.BareStream, worker.Echo, overUnix)},
		{Name: BareShared, Label: "the same, where one goroutine receives for those that ask", round: trip(locks.BareShared, worker.Echo, overUnix)},
		{Name: BarePlain, Label: "round trip on a plain unix socket", round: trip(locks.BarePlain, worker.Plain, overUnix)},
		{Name: BareSwap, Label: "a request to 2 processes and a token back, gRPC streams", round: played(elsewhere(nodes, locks.Spec{Kind: locks.BareSwap}), warmGrants)},
	}
}

// relay passes messages around n processes.
func relay(kind wires.RelayKind, n int) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (*Sample, error) {
		workers := func(_ context.Context, p *play) error {
			addresses, err := servers.FreeAddresses(n)
			if err != nil {
				return err
			}
			for i := range addresses {
				job := worker.Job{Mode: worker.Relay, Relay: wires.Relay{Kind: kind, Addresses: addresses, Self: i}}
				if err := p.start(job); err != nil {
					return err
				}
			}
			return nil
		}
		return s.turn(ctx, nil, workers, 0)
	}
}

// place finds an address in the folder of a turn.
type place func(dir string) (string, error)

func overUnix(dir string) (string, error) { return "unix:" + filepath.Join(dir, "echo"), nil }

func overTCP(string) (string, error) {
	addresses, err := servers.FreeAddresses(1)
	if err != nil {
		return "", err
	}
	return addresses[0], nil
}

// trip goes there and back, to a worker that echoes.
func trip(kind locks.Kind, echo worker.Mode, at place) func(ctx context.Context, s *Stage) (*Sample, error) {
	return played(func(_ context.Context, p *play) error {
		address, err := at(p.dir)
		if err != nil {
			return err
		}
		return p.startAll(
			worker.Job{Mode: worker.Loop, Lock: locks.Spec{Kind: kind, Endpoints: []string{address}}},
			worker.Job{Mode: echo, Addresses: []string{address}},
		)
	}, warmGrants)
}
