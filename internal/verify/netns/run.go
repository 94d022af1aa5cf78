//go:build linux

package netns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"conch/internal/verify/processes"
)

// Config describes a run.
type Config struct {
	// Program is the conch program's path, and Self that of a program that calls Play at
	// its start.
	Program, Self string
	// Dir is an existing folder for the files of all hosts.
	Dir string
	// Nodes is how many nodes there are, and TTL the time to live of their sessions.
	Nodes int
	TTL   time.Duration
	// Threads is GOMAXPROCS of every process.
	Threads int
	// Seed determines the faults, and Length is how long they go on.
	Seed   uint64
	Length time.Duration
	// Patience bounds the wait for anything that must happen.
	Patience time.Duration
	// Log is told what is done.
	Log func(format string, args ...any)
}

// host is a process on a host of its own, and the proxy before it if it has one.
type host struct {
	number  int
	command []string
	holder  string // of a client's first process; empty: it is a node
	starts  int
	process *processes.Process
	proxy   *processes.Process
	wanted  bool // the process should run
}

// trial is the state of one Run. Only one goroutine calls its methods.
type trial struct {
	Config
	network *network
	hosts   []*host // the nodes first
	figures map[kind]int
}

// Run runs nodes and clients, puts them through faults, and judges them. The error says
// what was violated, or what did not happen. It leaves no process and no network behind.
func Run(ctx context.Context, cfg Config) (err error) {
	o, err := prepare(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	for _, h := range o.hosts {
		if err := o.start(h); err != nil {
			return err
		}
	}
	if err := o.awaitBegun(ctx); err != nil {
		return fmt.Errorf("before any fault: %w", err)
	}
	if err := o.perform(ctx); err != nil {
		return err
	}
	if err := o.calm(ctx); err != nil {
		return fmt.Errorf("after the faults: %w", err)
	}
	return o.judge()
}

// prepare makes the network. It starts no process.
func prepare(cfg Config) (*trial, error) {
	const clients = 3
	network, err := newNetwork(cfg.Nodes + clients)
	if err != nil {
		return nil, err
	}
	o := &trial{Config: cfg, network: network, figures: make(map[kind]int)}
	if !network.resets {
		o.Log("LEFT OUT: resets of connections between hosts, which need nft (nftables)")
	}
	var addresses, proxies []string
	for i := range cfg.Nodes {
		addresses = append(addresses, network.ip(i)+":7400")
		proxies = append(proxies, proxyAddress(i))
	}
	for i := range cfg.Nodes {
		command := []string{
			cfg.Program, "node", "--insecure", "--evidence", "--listen", addresses[i], "--peers", strings.Join(addresses, ","), "--session-ttl", cfg.TTL.String(),
			"--socket", o.socket(i), "--log-file", o.logFile(i), "--data-dir", filepath.Join(cfg.Dir, fmt.Sprint("state", i+1)),
		}
		if cfg.Nodes == 1 {
			command = append(command, "--single")
		}
		o.hosts = append(o.hosts, &host{number: i, command: command})
	}
	for i, c := range []struct {
		role  string
		nodes []string
	}{{"client", addresses}, {"client", proxies}, {"locker", addresses}} {
		first := i % cfg.Nodes
		nodes := append(append([]string{}, c.nodes[first:]...), c.nodes[:first]...)
		o.hosts = append(o.hosts, &host{
			number: cfg.Nodes + i, holder: fmt.Sprint(c.role, i+1),
			command: o.play(c.role, cfg.Seed*10+uint64(i), nodes),
		})
	}
	o.hosts[cfg.Nodes+1].proxy, err = processes.Launch("ip", network.within(cfg.Nodes+1,
		append([]string{"env", holderVar + "=proxy"}, o.play("proxy", cfg.Seed, addresses)[1:]...)...)[1:]...)
	if err != nil {
		return nil, errors.Join(err, network.close())
	}
	return o, nil
}

// play is the command that plays a role.
func (o *trial) play(role string, seed uint64, nodes []string) []string {
	return []string{
		"env", roleVar + "=" + role, witnessVar + "=" + o.witness(), nodesVar + "=" + strings.Join(nodes, ","),
		fmt.Sprintf("%s=%d", seedVar, seed), ttlVar + "=" + o.TTL.String(), programVar + "=" + o.Program, o.Self,
	}
}

func (o *trial) witness() string { return filepath.Join(o.Dir, "witness.txt") }
func (o *trial) socket(node int) string {
	return filepath.Join(o.Dir, fmt.Sprintf("node%d.sock", node+1))
}
func (o *trial) logFile(node int) string {
	return filepath.Join(o.Dir, fmt.Sprintf("node%d.log", node+1))
}

// start starts a process on a host.
func (o *trial) start(h *host) error {
	h.starts++
	command := append([]string{"env", fmt.Sprintf("GOMAXPROCS=%d", o.Threads), holderVar + "=" + h.name()}, h.command...)
	command = o.network.within(h.number, command...)
	var err error
	h.process, err = processes.Launch(command[0], command[1:]...)
	h.wanted = true
	return err
}

// name is the name of a client's present process in the shared file.
func (h *host) name() string { return fmt.Sprintf("%s.%d", h.holder, h.starts) }

// end ends a host's process with a signal, thawed if it was frozen.
func (o *trial) end(h *host, s syscall.Signal) error {
	h.wanted = false
	if err := errors.Join(h.process.Signal(s), h.process.Signal(syscall.SIGCONT)); err != nil {
		return err
	}
	return o.awaitEnd(h, s)
}

// awaitEnd waits until a host's process, which was sent a signal, has ended.
func (o *trial) awaitEnd(h *host, s syscall.Signal) error {
	hang := time.NewTimer(o.Patience)
	defer hang.Stop()
	select {
	case <-h.process.Gone():
	case <-hang.C:
		return fmt.Errorf("host %d: %v did not end its process within %v", h.number+1, s, o.Patience)
	}
	if s == syscall.SIGTERM && h.process.Err() != nil {
		return fmt.Errorf("host %d: it did not stop cleanly: %s", h.number+1, h.process.Ending())
	}
	return nil
}

// failure says which processes ended that should run.
func (o *trial) failure() error {
	var errs []error
	for _, h := range o.hosts {
		if !h.wanted {
			continue
		}
		select {
		case <-h.process.Gone():
			errs = append(errs, fmt.Errorf("host %d: its process ended: %s", h.number+1, h.process.Ending()))
		default:
		}
	}
	return errors.Join(errs...)
}

// close ends all processes, and the network.
func (o *trial) close() error {
	var errs []error
	for _, h := range o.hosts {
		for _, p := range []*processes.Process{h.process, h.proxy} {
			if p != nil {
				errs = append(errs, p.Signal(syscall.SIGKILL))
				<-p.Gone()
			}
		}
	}
	return errors.Join(append(errs, o.network.close())...)
}

// perform performs the plan.
func (o *trial) perform(ctx context.Context) error {
	random := rand.New(rand.NewPCG(o.Seed, uint64(o.Nodes)))
	plan := drawPlan(random, len(o.hosts), o.TTL, o.Length)
	begun := time.Now()
	for _, e := range events(random, plan) {
		wait(ctx, e.at-time.Since(begun))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := errors.Join(o.do(e), o.failure()); err != nil {
			return fmt.Errorf("%v: %w", e.of, err)
		}
	}
	return nil
}

// poll calls met until it succeeds or fails, or Patience is over.
func (o *trial) poll(ctx context.Context, what string, met func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	for {
		ok, err := met()
		switch {
		case err != nil:
			return err
		case ok:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		}
		wait(ctx, 50*time.Millisecond)
	}
}

// awaitBegun waits until all nodes listen and every client has begun.
func (o *trial) awaitBegun(ctx context.Context) error {
	return o.poll(ctx, "all to begin", func() (bool, error) {
		for i := range o.Nodes {
			if _, err := os.Stat(o.socket(i)); err != nil {
				return false, o.failure()
			}
		}
		h, err := readHistory(o.witness())
		if err != nil {
			return false, err
		}
		for _, c := range o.hosts[o.Nodes:] {
			if !h.ready[c.name()] {
				return false, o.failure()
			}
		}
		return h.ready["proxy"] && h.enters > 0, o.failure()
	})
}
