package contest

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"conch/bench/internal/board"
	"conch/bench/internal/locks"
	"conch/bench/internal/procs"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// settled is how long at least the holder and those who wait have been there before
// the kill: longer than anything takes that follows on a grant. They are there for up
// to twice as long, so that the kill comes at any point between two renewals.
const settled = TTL / 2

// fail kills what would be gone with the machine of a holder who runs beside the
// leader: the holder and that server, both at once. Another client, connected to the
// other servers, waits.
//
// With one server its loss would end the lock for all, so the holder alone is killed;
// and flock has no server.
func (p Peer) fail(ctx context.Context, s *Stage) (sample *Sample, err error) {
	if p.start == nil {
		return s.kill(ctx, func(ctx context.Context, turn *play) (scene, error) {
			file := []string{filepath.Join(turn.dir, "lock")}
			return p.scene(file, file), nil
		})
	}
	fleet, err := s.freshFleet(ctx, p.servers, p.start)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fleet.Close()) }()
	return s.kill(ctx, func(ctx context.Context, _ *play) (scene, error) {
		if len(fleet.Processes) == 1 {
			return p.scene(fleet.Endpoints, fleet.Endpoints), nil
		}
		leader, err := fleet.Leader(ctx)
		if err != nil {
			return scene{}, err
		}
		near := fleet.Endpoints[leader : leader+1]
		far := slices.Delete(slices.Clone(fleet.Endpoints), leader, leader+1)
		if p.kind == locks.Redlock {
			near, far = fleet.Endpoints, fleet.Endpoints // a client asks all
		}
		set := p.scene(near, far)
		set.victims = fleet.Processes[leader : leader+1]
		return set, nil
	})
}

// scene is a holder, one who waits, and who dies with the holder.
type scene struct {
	holder, waiter worker.Job
	others         []worker.Job
	victims        []*procs.Process
}

func (p Peer) scene(near, far []string) scene {
	return scene{
		holder: worker.Job{Mode: worker.Hold, Lock: locks.Spec{Kind: p.kind, Endpoints: near, TTL: TTL}},
		waiter: worker.Job{Mode: worker.Loop, Lock: locks.Spec{Kind: p.kind, Endpoints: far, TTL: TTL}},
	}
}

// conchFailover kills the holder's node, with the holder in it.
func conchFailover(ctx context.Context, s *Stage) (*Sample, error) {
	return s.kill(ctx, func(context.Context, *play) (scene, error) {
		addresses, err := servers.FreeAddresses(nodes)
		if err != nil {
			return scene{}, err
		}
		member := func(mode worker.Mode, i int) worker.Job {
			return worker.Job{Mode: mode, Lock: locks.Spec{Kind: locks.ConchNode, Endpoints: addresses, Self: i, TTL: TTL}}
		}
		return scene{
			holder: member(worker.Hold, 0),
			waiter: member(worker.Loop, 1),
			others: []worker.Job{member(worker.Idle, 2)},
		}, nil
	})
}

// kill plays a scene, and measures from the kill until the lock is granted again.
func (s *Stage) kill(ctx context.Context, set func(context.Context, *play) (scene, error)) (sample *Sample, err error) {
	p, err := newPlay(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	sc, err := set(ctx, p)
	if err != nil {
		return nil, err
	}
	sc.waiter.After = 1
	if err := p.startAll(append([]worker.Job{sc.holder, sc.waiter}, sc.others...)...); err != nil {
		return nil, err
	}
	if err := p.await(ctx, uint64(len(p.workers)), 1); err != nil {
		return nil, err
	}
	if err := p.pause(ctx, settled+rand.N(settled)); err != nil {
		return nil, err
	}
	holder := p.workers[0]
	p.workers = p.workers[1:]
	if p.board.Counts().Grants != 1 {
		return nil, errors.New("the lock was granted to another before its holder was dead")
	}
	p.board.Vacate() // for the holder, who cannot any more
	killed := board.Now()
	for _, process := range append([]*procs.Process{holder}, sc.victims...) {
		if err := process.Kill(); err != nil {
			return nil, err
		}
	}
	if err := p.await(ctx, 0, 2); err != nil {
		return nil, err
	}
	return &Sample{Figures: map[Figure]float64{Recovery: time.Duration(p.board.Entered() - killed).Seconds()}}, nil
}
