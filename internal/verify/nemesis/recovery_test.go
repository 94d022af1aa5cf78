package nemesis

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"conch/internal/verify/processes"
)

// recoveries is how often BenchmarkRecovery does each, for the median and the worst case.
const recoveries = 50

// BenchmarkRecovery measures how soon the lock is granted again after its holder was killed
// (from the kill), killed and restarted at once (from the start of the new process), or
// stopped (from SIGTERM, on which its critical section ends). Two other nodes wait. Times
// are in multiples of the sessions' time to live, and end with the time in the log of the
// node that enters.
func BenchmarkRecovery(b *testing.B) {
	start := func(ctx context.Context, holder *processes.Node) error { return holder.Start(ctx) }
	for _, bench := range []struct {
		name string
		end  func(ctx context.Context, holder *processes.Node) (time.Time, error)
		mend func(ctx context.Context, holder *processes.Node) error
	}{
		{"kill", func(_ context.Context, holder *processes.Node) (time.Time, error) {
			return time.Now(), holder.Kill()
		}, start},
		{"restart", func(ctx context.Context, holder *processes.Node) (time.Time, error) {
			if err := holder.Kill(); err != nil {
				return time.Time{}, err
			}
			return time.Now(), holder.Start(ctx)
		}, func(context.Context, *processes.Node) error { return nil }},
		{"stop", func(ctx context.Context, holder *processes.Node) (time.Time, error) {
			return time.Now(), holder.Stop(ctx)
		}, start},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				r := newRecovery(b)
				var took []outage
				for len(took) < recoveries {
					if o, counts := r.measure(bench.end, bench.mend); counts {
						took = append(took, o)
					}
				}
				report(b, took)
			}
		})
	}
}

// report gives the figures and, with -v, two of the outages as the logs show them.
func report(b *testing.B, took []outage) {
	b.Helper()
	slices.SortFunc(took, func(x, y outage) int { return cmp.Compare(x.last, y.last) })
	worst := took[len(took)-1]
	lapsed := 0
	for _, o := range took {
		if strings.Contains(o.story, "session_lapsed") {
			lapsed++
		}
	}
	b.ReportMetric(float64(took[len(took)/2].last)/float64(ttl), "T-median")
	b.ReportMetric(float64(took[len(took)*9/10].last)/float64(ttl), "T-p90")
	b.ReportMetric(float64(worst.last)/float64(ttl), "T-worst")
	b.ReportMetric(float64(lapsed), "lapsed-too")
	if testing.Verbose() {
		b.Logf("the median one:\n%sthe worst one:\n%s", took[len(took)/2].story, worst.story)
	}
}

// recovery is a cluster of three nodes, one of which is inside for an hour while the others
// wait.
type recovery struct {
	b       *testing.B
	ctx     context.Context
	cluster *processes.Cluster
	holder  processes.Line // the latest enter; zero if that node has left
}

// outage is the time from a holder's end to the next grant.
type outage struct {
	last  time.Duration
	story string // the lines that the nodes logged meanwhile
}

func newRecovery(b *testing.B) *recovery {
	b.Helper()
	c, err := processes.New(processes.Config{
		Program: build(b), Nodes: 3, Dir: b.TempDir(),
		Flags: []string{"--auto-think", "0s", "--auto-hold", "1h", "--session-ttl", ttl.String()},
	})
	r := &recovery{b: b, ctx: context.Background(), cluster: c}
	r.must(err)
	b.Cleanup(func() { r.must(c.Kill()) })
	r.must(c.Start(r.ctx))
	return r
}

func (r *recovery) must(err error) {
	r.b.Helper()
	if err != nil {
		r.b.Fatal(err)
	}
}

// follow takes lines of the shared file until one is an enter.
func (r *recovery) follow(ctx context.Context) error {
	return r.cluster.Follow(ctx, func(line processes.Line) bool {
		if line.What == "enter" {
			r.holder = line
		} else if line.Fence == r.holder.Fence {
			r.holder = processes.Line{}
		}
		return line.What == "enter"
	})
}

// measure ends the holder's process, returns how long it took until the next grant, and
// restores the cluster. The run does not count if the holder no longer held the lock.
func (r *recovery) measure(end func(context.Context, *processes.Node) (time.Time, error), mend func(context.Context, *processes.Node) error) (outage, bool) {
	r.b.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	for r.holder.Node == "" {
		r.must(r.follow(ctx))
	}
	for i := range r.cluster.Nodes() {
		r.must(r.awaitWaiting(ctx, i))
	}
	// At any time between two PINGs, and two probes.
	pause, wake := context.WithTimeout(ctx, rand.N(ttl))
	defer wake()
	before := r.holder
	if err := r.follow(pause); err == nil || r.holder != before {
		return outage{}, false // a lapse, on a busy machine
	}
	node := r.cluster.Nodes()[slices.IndexFunc(r.cluster.Nodes(), func(n *processes.Node) bool { return n.Address() == before.Node })]
	from, err := end(ctx, node)
	r.must(err)
	r.must(r.follow(ctx))
	events := r.events(from)
	at := slices.IndexFunc(events, func(e logged) bool {
		return e.Event == "enter" && e.Fence == fmt.Sprint(r.holder.Fence)
	})
	if at < 0 {
		r.b.Fatalf("%+v: not in the logs since %v", r.holder, from)
	}
	o := outage{last: events[at].Time.Sub(from)}
	for _, e := range events[:at+1] {
		o.story += fmt.Sprintf("%8.1f ms  %s  %s %s %s %s\n", e.Time.Sub(from).Seconds()*1000, e.Node, e.Event, e.Peer, e.Answer, e.Reason)
	}
	r.must(mend(ctx, node))
	return o, true
}

// logged is a line of a log.
type logged struct {
	Time                                     time.Time
	Node, Event, Peer, Answer, Reason, Fence string
}

// events are the lines of all nodes' logs since some time, in the order of their times.
func (r *recovery) events(since time.Time) []logged {
	r.b.Helper()
	var events []logged
	for _, file := range r.cluster.LogFiles() {
		data, err := os.ReadFile(file)
		r.must(err)
		for line := range bytes.Lines(data) {
			var e logged
			if json.Unmarshal(line, &e) == nil && e.Time.After(since) { // a line may be torn
				events = append(events, e)
			}
		}
	}
	slices.SortStableFunc(events, func(x, y logged) int { return x.Time.Compare(y.Time) })
	return events
}

// awaitWaiting waits until a node is inside its session and has asked in it, by its
// log.
func (r *recovery) awaitWaiting(ctx context.Context, node int) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		data, err := os.ReadFile(r.cluster.Nodes()[node].LogFile())
		if err != nil {
			return err
		}
		last := func(event string) int { return bytes.LastIndex(data, []byte(`"event":"`+event+`"`)) }
		started := last("session_started")
		if started > max(last("session_lapsed"), last("node_started")) && max(last("request"), last("enter")) > started {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for node %d to wait: %w", node+1, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
