package contest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"conch/bench/internal/locks"
	"conch/bench/internal/procs"
	"conch/bench/internal/theory"
	"conch/bench/internal/virtual"
	"conch/bench/internal/worker"
)

// Sizes are how many nodes a cluster has whose growth is measured, each node a process
// of its own; and VirtualSizes how many members clusters in virtual time have.
var (
	Sizes        = []int{3, 5, 9, 25, 50}
	VirtualSizes = []int{3, 5, 9, 25, 50, 100, 1000}
)

// OfSize names the subject in which n nodes use a lock in some way, and AtRest the one in
// which they have nothing to do. InVirtualTime names the one of a cluster in virtual
// time.
func OfSize(use theory.Use, n int) string { return fmt.Sprintf("%s/%d nodes", use, n) }

// AtRest is said at OfSize.
func AtRest(n int) string { return fmt.Sprintf("at rest/%d nodes", n) }

// InVirtualTime is said at OfSize.
func InVirtualTime(n int) string { return fmt.Sprintf("virtual/%d members", n) }

// Virtual is a figure of one use of a lock in virtual time.
func Virtual(use theory.Use, figure Figure) Figure { return figure + ", " + Figure(use) }

// GrowthSubjects are clusters of all sizes, and one with many locks.
func GrowthSubjects() []*Subject {
	counting := locks.Spec{Kind: locks.ConchNode, Counting: true}
	var all []*Subject
	for _, n := range Sizes {
		idle := members(n, counting, func(int) worker.Job { return worker.Job{Mode: worker.Idle} })
		all = append(all,
			&Subject{Name: AtRest(n), Label: "nobody wants a lock", round: played(idle, 0)},
			&Subject{Name: OfSize(theory.Elsewhere, n), Label: "two nodes use the lock in turns", round: played(elsewhere(n, counting), warmGrants)},
			&Subject{Name: OfSize(theory.Here, n), Label: "one node uses the lock", round: played(tokenHere(n, counting), once)},
			&Subject{Name: OfSize(theory.Saturated, n), Label: "two callers at each node want the lock", round: played(saturated(n, 2, counting), uint64(4*n))},
		)
	}
	for _, n := range VirtualSizes {
		all = append(all, &Subject{Name: InVirtualTime(n), Label: "in virtual time", round: virtualCluster(n)})
	}
	return append(all, manyLocks()...)
}

// LockCounts are how many locks are used at once.
var LockCounts = []int{1, 10, 100, 1000}

// ManyNodes is how many nodes do.
const ManyNodes = 5

// Load is a way in which many locks are used.
type Load struct {
	Name, Short, Label string
	mode               worker.Mode
	users              int
}

// Loads are the ways in which many locks are used.
var Loads = []Load{
	{"each", "each always wanted", "Each lock is wanted by two callers at every node", worker.Each, 2},
	{"any", "taken at random", "100 callers at every node, each takes a lock at random", worker.Any, 100},
}

// Cores says on how many cores nodes run, and how many threads of each run Go code.
type Cores struct {
	Name           string
	cores, threads int
}

// The settings of cores.
var (
	OneCore   = Cores{Name: "1 core", cores: 1}
	AllCores  = Cores{Name: fmt.Sprintf("%d cores", runtime.NumCPU()), cores: procs.AllCores}
	OneThread = Cores{Name: AllCores.Name + ", GOMAXPROCS=1", cores: procs.AllCores, threads: 1}
)

// CoreSettings are those that this machine can have.
func CoreSettings() []Cores {
	if runtime.NumCPU() == 1 {
		return []Cores{AllCores}
	}
	return []Cores{OneCore, OneThread, AllCores}
}

// Many names the subject of many locks.
func Many(load Load, n int, on Cores) string {
	return fmt.Sprintf("locks/%s of %d, %s", load.Name, n, on.Name)
}

// manyLocks are five nodes with one lock to a thousand, on one core and on all.
func manyLocks() []*Subject {
	var all []*Subject
	for _, load := range Loads {
		for _, n := range LockCounts {
			for _, on := range CoreSettings() {
				workers := members(ManyNodes, locks.Spec{Kind: locks.ConchNode, Counting: true}, func(int) worker.Job {
					return worker.Job{Mode: load.mode, Locks: n, Users: load.users, Threads: on.threads}
				})
				// Each lock is granted a few times before anything is measured.
				warm := uint64(max(warmGrants, 4*n))
				all = append(all, &Subject{
					Name:  Many(load, n, on),
					Label: load.Label,
					round: func(ctx context.Context, s *Stage) (*Sample, error) {
						return s.turn(ctx, func(p *play) { p.cores = on.cores }, workers, warm)
					},
				})
			}
		}
	}
	return all
}

// virtualPatience is how long a cluster in virtual time may take. A thousand members
// take some ten seconds.
const virtualPatience = 5 * time.Minute

// virtualCluster has a process be a cluster in virtual time. Its memory goes with it.
func virtualCluster(n int) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (sample *Sample, err error) {
		p, err := newPlay(s)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		if err := p.start(worker.Job{Mode: worker.Virtual, Members: n}); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, virtualPatience)
		defer cancel()
		text, err := p.workers[0].Wait(ctx)
		if err != nil {
			return nil, err
		}
		var report worker.Report
		if err := json.Unmarshal(text, &report); err != nil {
			return nil, fmt.Errorf("contest: a virtual cluster's report: %w", err)
		}
		return virtualSample(report.Virtual), nil
	}
}

// virtualSample makes figures of what a virtual cluster has counted. The processor time
// of a use is per grant, and that of idleness per message.
func virtualSample(r virtual.Result) *Sample {
	per := func(of float64, count int) float64 { return of / float64(count) }
	s := &Sample{Figures: map[Figure]float64{
		Session:   float64(r.Idle.Session) / time.Duration(virtual.TTL).Seconds(),
		SessionNs: per(float64(r.Idle.Processor.Nanoseconds()), r.Idle.Session),
	}}
	for use, stint := range r.Uses {
		nanos := float64(stint.Processor.Nanoseconds())
		s.Figures[Virtual(use, Messages)] = per(float64(stint.Messages()), stint.Grants)
		s.Figures[Virtual(use, CPU)] = per(nanos/1e3, stint.Grants)
		if requests := stint.Sent + stint.Rode; requests > 0 {
			s.Figures[Virtual(use, PerRequest)] = per(float64(stint.Messages()), requests)
		}
	}
	return s
}
