package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"conch/token"
)

// BenchmarkMembers changes the members of a cluster whose nodes run in this process, with real
// streams and disks, while four callers at each want one lock. It reports, in units of T:
//
//   - change/T: from the request to the end of the change, as the node that was asked sees it;
//   - gap/T: the longest time between two grants meanwhile;
//   - before/T: the longest such time in the T before.
//
// Run it with -benchtime 1x.
func BenchmarkMembers(b *testing.B) {
	for _, bench := range []struct {
		name        string
		before, add int
		remove      int
		dead        bool // the member that is removed has just crashed
	}{
		{"1to3", 1, 2, 0, false},
		{"3to5", 3, 2, 0, false},
		{"3to1", 3, 0, 2, false},
		{"ReplaceLive", 3, 1, 1, false},
		{"ReplaceDead", 3, 1, 1, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				c := startChanging(b, bench.before)
				c.joiners(bench.add)
				c.measure(bench.remove, bench.dead)
				c.end()
			}
		})
	}
}

// benchTTL is the usual T.
const benchTTL = 2 * time.Second

// changing is a cluster in this process.
type changing struct {
	b       *testing.B
	ctx     context.Context
	cancel  context.CancelFunc
	nodes   []*Node
	added   []string
	callers sync.WaitGroup
	started sync.WaitGroup

	mu      sync.Mutex
	last    time.Time // of a grant
	longest time.Duration
}

func startChanging(b *testing.B, members int) *changing {
	c := &changing{b: b}
	c.ctx, c.cancel = context.WithCancel(b.Context())
	configs := make([]Config, members)
	var addresses []string
	for i := range configs {
		configs[i] = home(b)
		configs[i].SessionTTL = benchTTL
		addresses = append(addresses, configs[i].Listen)
	}
	for _, cfg := range configs {
		cfg.Peers = addresses
		c.nodes = append(c.nodes, run(b, cfg))
	}
	for _, n := range c.nodes {
		until(b, "a session", func() bool { l, _ := n.driver.Lease(); return l.Session != 0 })
		c.call(n)
	}
	until(b, "grant", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return !c.last.IsZero() })
	return c
}

// call has callers at a node want the lock, as long as the node lets anybody in.
func (c *changing) call(n *Node) {
	for range 4 {
		c.callers.Go(func() {
			for {
				hold, err := n.driver.Acquire(c.ctx, "contended", token.Exclusive)
				if err != nil {
					return
				}
				c.granted()
				if hold.Unlock() != nil {
					return
				}
			}
		})
	}
}

func (c *changing) granted() {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.IsZero() {
		c.longest = max(c.longest, now.Sub(c.last))
	}
	c.last = now
}

// gap returns the longest time between two grants since the last call, up to now.
func (c *changing) gap() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	longest := max(c.longest, time.Since(c.last))
	c.longest = 0
	return longest
}

// joiners starts nodes that wait to be added. Each runs once it is.
func (c *changing) joiners(number int) {
	for range number {
		cfg := home(c.b)
		cfg.SessionTTL = benchTTL
		done, reports := join(c.ctx, cfg, c.nodes[0].Address())
		select {
		case <-reports: // it listens
		case <-time.After(patience):
			c.b.Fatal("a node does not wait to be added")
		}
		c.added = append(c.added, cfg.Listen)
		c.started.Go(func() {
			if j := <-done; j.err != nil {
				c.b.Errorf("join: %v", j.err)
				return
			}
			n, err := Start(c.ctx, cfg)
			if err != nil {
				c.b.Errorf("start: %v", err)
				return
			}
			c.b.Cleanup(func() { _ = n.Stop(context.Background()) })
			c.call(n)
		})
	}
}

// measure makes the change at the first node; the last ones leave.
func (c *changing) measure(leave int, dead bool) {
	b, asked := c.b, c.nodes[0]
	c.gap()
	<-time.After(benchTTL)
	before := c.gap()
	var removed []string
	for _, n := range c.nodes[len(c.nodes)-leave:] {
		removed = append(removed, n.Address())
		if dead {
			n.driver.Fail(errors.New("the node crashes"))
			<-n.driver.Done()
		}
	}

	began := time.Now()
	change(b, asked, c.added, removed)
	until(b, "end of the change", func() bool {
		status, err := asked.driver.Membership(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		return status.View.Membership.Version == 2
	})
	took, longest := time.Since(began), c.gap()
	for _, m := range []struct {
		what string
		time time.Duration
	}{{"change", took}, {"gap", longest}, {"before", before}} {
		b.ReportMetric(float64(m.time)/float64(benchTTL), fmt.Sprintf("%s/T", m.what))
	}
}

func (c *changing) end() {
	c.started.Wait()
	c.cancel()
	c.callers.Wait()
}
