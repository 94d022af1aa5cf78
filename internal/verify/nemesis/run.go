package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"conch/internal/verify/processes"
)

// Config describes a run.
type Config struct {
	// Program is the conch program's path.
	Program string
	// Dir is an existing folder for the nodes' files.
	Dir string
	// Nodes is how many nodes there are at first, at least 3.
	Nodes int
	// TTL is the time to live of a session.
	TTL time.Duration
	// Seed determines the faults, and Steps is how many steps there are.
	Seed  uint64
	Steps int
	// Sharers is how many clients of each node share locks meanwhile, as readers and writers
	// and by permits.
	Sharers int
	// Leaders is how many clients of each node lead one after the other meanwhile, and are
	// observed at all nodes.
	Leaders int
	// Patience bounds the wait for anything that must happen.
	Patience time.Duration
	// Log is told what is done.
	Log func(format string, args ...any)
}

// flags make every node ask nearly all the time, so that somebody is nearly always inside.
func (c Config) flags() []string {
	return []string{"--auto-think", "20ms", "--auto-hold", "20ms", "--session-ttl", c.TTL.String()}
}

// trial is the state of one Run.
type trial struct {
	Config
	network  *Network
	cluster  *processes.Cluster
	sections *sections
	index    map[string]int // of the nodes, by address
	members  []int          // the nodes that are members
	leaving  map[int]bool   // the nodes that were to leave the members, or have left
	err      error          // the first violation in the shared file
}

// Run runs nodes, puts them through faults, and judges them. The error says what was
// violated, or what did not happen. It leaves no process behind.
func Run(ctx context.Context, cfg Config) (err error) {
	o, err := prepare(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.run(ctx); err != nil {
		return err
	}
	return o.judge()
}

// prepare makes the network and the cluster. It starts no process.
func prepare(cfg Config) (*trial, error) {
	network, err := NewNetwork(cfg.Nodes + cfg.Steps) // each step adds one node at most
	if err != nil {
		return nil, err
	}
	c, err := processes.New(processes.Config{
		Program: cfg.Program, Nodes: cfg.Nodes, Dir: cfg.Dir,
		Advertise: network.Addresses(), Flags: cfg.flags(),
		FlagsOf: func(address string) ([]string, error) { return cfg.socketFlags(address), nil },
	})
	if err != nil {
		network.Close()
		return nil, err
	}
	network.Open(func(node int) string {
		if nodes := c.Nodes(); node < len(nodes) {
			return nodes[node].Listens()
		}
		return "" // not started yet
	})
	o := &trial{Config: cfg, network: network, cluster: c, sections: newSections(), index: make(map[string]int), leaving: make(map[int]bool)}
	for i := range cfg.Nodes {
		o.members = append(o.members, i)
	}
	for i, address := range network.Addresses() {
		o.index[address] = i
	}
	return o, nil
}

// close ends all processes, and the network.
func (o *trial) close() error {
	err := o.cluster.Kill()
	o.network.Close()
	return err
}

// run performs the steps of the plan, with the majority's absence in the middle, and stops
// the nodes.
func (o *trial) run(ctx context.Context) (err error) {
	random := rand.New(rand.NewPCG(o.Seed, uint64(o.Nodes)))
	plan := drawPlan(random, o.Nodes, o.Steps, o.TTL)
	if err := o.cluster.Start(ctx); err != nil {
		return err
	}
	if err := o.awaitEntries(ctx, 2, o.members...); err != nil {
		return fmt.Errorf("before any fault: %w", err)
	}
	sharers := o.share(ctx)
	defer func() { err = errors.Join(err, sharers.finish(o.Patience)) }()
	leaders := o.lead(ctx)
	defer func() { err = errors.Join(err, leaders.finish()) }()
	for i, s := range plan {
		if i == len(plan)/2 {
			if err := o.withoutMajority(ctx, random.Perm(len(o.members))); err != nil {
				return fmt.Errorf("a majority is away: %w", err)
			}
		}
		if err := o.step(ctx, s); err != nil {
			return fmt.Errorf("step %d, %v: %w", i+1, s, err)
		}
	}
	if err := o.awaitEntries(ctx, 3, o.members...); err != nil {
		return fmt.Errorf("after the last fault: %w", err)
	}
	if err := sharers.await(ctx, o.Patience); err != nil {
		return fmt.Errorf("after the last fault: %w", err)
	}
	if err := leaders.last(ctx, o.Patience, o.listens()[o.members[random.IntN(len(o.members))]]); err != nil {
		return fmt.Errorf("after the last fault: %w", err)
	}
	sharers.stop() // before their nodes do
	leaders.stop()
	if o.Leaders > 0 {
		o.Log("%v", leaders)
	}
	if err := o.cluster.Stop(ctx); err != nil {
		return err
	}
	return o.drain()
}

// step performs a step: a minority is in trouble while the others go on, and perhaps the
// members change; then all recover.
func (o *trial) step(ctx context.Context, s step) (err error) {
	s = s.on(o.members)
	added := nobody
	if s.change.adds() {
		if added, err = o.join(ctx); err != nil {
			return err
		}
	}
	if s.atHolder {
		holder, err := o.awaitHolder(ctx)
		if err != nil {
			return err
		}
		s = s.aim(holder)
	}
	o.Log("%v", s)
	t := o.transition(s.change, added)
	defer t.stop()
	if err := o.trouble(ctx, s, t); err != nil {
		return err
	}
	if err := o.finish(ctx, t); err != nil {
		return err
	}
	if !s.calm {
		return nil
	}
	return o.awaitEntries(ctx, 1, o.members...)
}

// trouble brings the nodes of a step into trouble for a while, and asks for its change of the
// members. The others go on meanwhile.
func (o *trial) trouble(ctx context.Context, s step, t *transition) error {
	troubled := map[int]bool{s.change.leaves: true}
	var longest time.Duration
	for _, t := range s.troubles {
		troubled[t.node] = true
		longest = max(longest, t.last)
	}
	var others []int
	for _, node := range o.members {
		if !troubled[node] {
			others = append(others, node)
		}
	}
	if s.change.early {
		o.ask(ctx, t, others)
	}
	for _, t := range s.troubles {
		if err := o.begin(ctx, t); err != nil {
			return err
		}
	}
	if !s.change.early {
		o.ask(ctx, t, others)
	}
	if err := o.awaitEntries(ctx, 1, others...); err != nil {
		return fmt.Errorf("the others do not go on: %w", err)
	}
	if err := o.watch(ctx, longest); err != nil {
		return err
	}
	for _, t := range s.troubles {
		if err := o.end(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// withoutMajority kills or freezes a majority: once the others have lost their sessions,
// nobody enters. Then it restores the majority. order has positions among the members.
func (o *trial) withoutMajority(ctx context.Context, order []int) error {
	if err := o.awaitEntries(ctx, 1, o.members...); err != nil {
		return err
	}
	var nodes []int
	for _, position := range order {
		nodes = append(nodes, o.members[position])
	}
	away, others := nodes[:len(nodes)/2+1], nodes[len(nodes)/2+1:]
	var troubles []trouble
	for i, node := range away {
		troubles = append(troubles, trouble{kind: [...]kind{killLate, freeze}[i%2], node: node, last: 2 * o.TTL})
	}
	o.Log("a majority: %v", step{troubles: troubles})
	for _, t := range troubles {
		if err := o.begin(ctx, t); err != nil {
			return err
		}
	}
	for _, node := range others {
		if err := o.awaitOutside(ctx, node); err != nil {
			return err
		}
	}
	if err := o.drain(); err != nil {
		return err
	}
	o.sections.minority = true
	before := maps.Clone(o.sections.entries)
	if err := o.watch(ctx, 2*o.TTL); err != nil {
		return err
	}
	if !maps.Equal(before, o.sections.entries) {
		// Not wrong yet: the line may be late, and is then followed by one that says that
		// the lock was lost.
		o.Log("somebody entered without a quorum: before %v, after %v", before, o.sections.entries)
	}
	o.sections.minority = false
	for _, t := range troubles {
		if err := o.end(ctx, t); err != nil {
			return err
		}
	}
	return o.awaitEntries(ctx, 1, o.members...)
}
