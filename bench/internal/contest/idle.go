package contest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"conch/bench/internal/board"
	"conch/bench/internal/locks"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// Names of the subjects that are about nodes at which nobody wants a lock.
const (
	ConchIdle    = "conch/idle"
	ConchKnowing = "conch/idle, many locks known"
	ConchWeight  = "conch/idle, memory"
)

const (
	// idlers is how many idle nodes there are.
	idlers = 5
	// many is how many locks are known where that is to cost no processor time, and
	// veryMany where it costs memory.
	many     = 100_000
	veryMany = 1_000_000
	// idleWindow is how long idle nodes are watched: what they do, they do seldom.
	idleWindow = 20 * time.Second
	// fillers is how many clients of each node use the locks at the same time, and
	// fillPatience how long that may take.
	fillers      = 64
	fillPatience = 15 * time.Minute
	// weighPatience is how long nodes may take to weigh themselves.
	weighPatience = 2 * time.Minute
	// enoughBytes is how much memory must be free for very many locks.
	enoughBytes = 6e9
)

// idleSubjects are what conch costs while nobody wants a lock.
func idleSubjects() []*Subject {
	return []*Subject{
		{Name: ConchIdle, Label: "5 idle nodes, no lock known", round: idle(0)},
		{Name: ConchKnowing, Label: "5 idle nodes, 100,000 locks known", Once: true, round: idle(many)},
		{Name: ConchWeight, Label: "5 idle nodes, a million locks known", Once: true, Needs: needMemory, round: weighed(veryMany)},
	}
}

// idle watches nodes of the program that know so many locks.
func idle(known int) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (sample *Sample, err error) {
		fleet, err := s.freshFleet(ctx, "idle", func(ctx context.Context, s *Stage, dir string) (*servers.Fleet, error) {
			return servers.StartConch(ctx, s.Conch, dir, idlers, TTL, servers.Settings{})
		})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, fleet.Close()) }()
		p, err := newPlay(s)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		p.servers = fleet.Processes
		if err := p.fill(ctx, fleet.Endpoints, known); err != nil {
			return nil, err
		}
		if err := p.pause(ctx, 2*TTL); err != nil {
			return nil, err
		}
		most, err := p.busiest(ctx, idleWindow)
		if err != nil {
			return nil, err
		}
		return &Sample{Figures: map[Figure]float64{Background: 100 * most}}, nil
	}
}

// busiest is how much of a core the busiest of the servers takes.
func (p *play) busiest(ctx context.Context, window time.Duration) (most float64, err error) {
	used := make([]time.Duration, len(p.servers))
	for i, process := range p.servers {
		if used[i], err = process.ProcessorTime(); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	if err := p.pause(ctx, window); err != nil {
		return 0, err
	}
	took := time.Since(start)
	for i, process := range p.servers {
		usedThen, err := process.ProcessorTime()
		if err != nil {
			return 0, err
		}
		most = max(most, (usedThen-used[i]).Seconds()/took.Seconds())
	}
	return most, nil
}

// fill has clients of all nodes use so many locks once, together, and waits until they
// are gone.
func (p *play) fill(ctx context.Context, endpoints []string, known int) error {
	there := len(p.workers)
	share := known / len(endpoints)
	for i, endpoint := range endpoints {
		spec := locks.Spec{Kind: locks.ConchClient, Endpoints: []string{endpoint}}
		if err := p.start(worker.Job{Mode: worker.Fill, Lock: spec, Users: fillers, From: i * share, Locks: share}); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fillPatience, fmt.Errorf("%d locks were not used within %v", known, fillPatience))
	defer cancel()
	for _, filler := range p.workers[there:] {
		if _, err := filler.Wait(ctx); err != nil {
			return err
		}
	}
	p.workers = p.workers[:there]
	return nil
}

// weighed weighs nodes that know so many locks.
func weighed(known int) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (sample *Sample, err error) {
		p, err := newPlay(s)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		addresses, err := servers.FreeAddresses(idlers)
		if err != nil {
			return nil, err
		}
		var sockets []string
		for i := range addresses {
			path := filepath.Join(p.dir, fmt.Sprintf("node%d.sock", i))
			spec := locks.Spec{Kind: locks.ConchNode, Endpoints: addresses, Self: i, TTL: TTL, Socket: path}
			if err := p.start(worker.Job{Mode: worker.Weigh, Lock: spec}); err != nil {
				return nil, err
			}
			sockets = append(sockets, "unix:"+path)
		}
		if err := p.await(ctx, idlers, 0); err != nil {
			return nil, err
		}
		if err := p.fill(ctx, sockets, known); err != nil {
			return nil, err
		}
		if err := p.pause(ctx, 2*TTL); err != nil { // what a lock no longer needs is dropped
			return nil, err
		}
		p.board.SetPhase(board.End)
		reports, err := p.reports(ctx, weighPatience)
		if err != nil {
			return nil, err
		}
		figures := map[Figure]float64{}
		for _, report := range reports {
			figures[LockBytes] = max(figures[LockBytes], float64(report.Weight.Heap)/float64(known))
			figures[Resident] = max(figures[Resident], float64(report.Weight.Resident)/1e9)
			figures[Settled] = max(figures[Settled], float64(report.Weight.Settled)/1e9)
		}
		return &Sample{Figures: figures}, nil
	}
}

// needMemory says whether there is enough of it for very many locks.
func needMemory() error {
	const path = "/proc/meminfo"
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("contest: %w", err)
	}
	_, rest, _ := bytes.Cut(data, []byte("MemAvailable:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" kB"))
	free, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return fmt.Errorf("contest: %s: %w", path, err)
	}
	if free *= 1024; free < enoughBytes {
		return fmt.Errorf("%.1f GB of memory are free, and it takes %.0f", free/1e9, enoughBytes/1e9)
	}
	return nil
}
