package main

import (
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch"
	"conch/hosts"
	"conch/internal/client"
	"conch/internal/loadgen"
)

// Bounds on the flags of conch bench.
const (
	maxBenchNodes    = 32
	maxBenchClients  = 100 // at each node
	maxBenchLocks    = 10_000
	maxBenchRounds   = 100
	minBenchDuration = 10 * time.Millisecond
	maxBenchDuration = 10 * time.Minute
	maxBenchPause    = 10 * time.Second // --hold, --think
	// benchLock is the lock's name if none is given. It is always the same: a node
	// remembers each name for two hours, and counts only a hundred of them separately.
	benchLock = "conch-bench"
)

// benchFlags are the flags of conch bench as given.
type benchFlags struct {
	start      int
	sessionTTL time.Duration

	running bool
	nodes   []string
	metrics []string
	lock    string
	tls     tlsFlags

	workloads   []string
	clients     int
	locks       int
	hold, think time.Duration

	rounds           int
	duration, warmUp time.Duration
	asJSON           bool
}

func newBenchCommand() *cobra.Command {
	var flags benchFlags
	cmd := &cobra.Command{
		Use:   "bench [flags]",
		Short: "Measure what a lock costs, on this machine or between yours",
		Long: `Starts some nodes on this machine, or uses running ones (--node, --running), has clients
lock and unlock, and tells what that costs. The workloads:
   contended  all clients want one lock all the time: what a hand-off costs
   local      one client wants it again and again: the token stays where it is
   remote     a client of each node in turn, and nobody competes: the token has to come
   many       each client wants one of many locks (--locks), drawn anew each time:
              whether locks slow each other down. Only if it is asked for
A workload for which there are too few nodes or clients is left out, unless it is asked
for.

Lock to grant is the time from asking until the lock is held. A client asks again when
it has been served, not at a fixed rate: these are latencies of these clients under
their own load, and a pause of the machine shows as one long wait for each, not as many.
An unlock waits for nobody, so its time is what it costs the caller. A hand-off is a
grant to another client than the last, which had been waiting when that one left.
Jain's index is 1 if all clients are served alike, and 1/n if one of n has it all.
Messages are requests and tokens between nodes. Processor time of the nodes is exact to
a hundredth of a second per node and round.

Each client (--clients) has a connection of its own. All are in this one process: they
share its scheduler, and their processor time includes measuring. Started nodes keep data on this
machine's disk, log errors only, and serve clients by unix sockets.

Every grant is judged: if two clients hold a lock at once, or a fence does not rise, the
run ends and says so. Running nodes are asked for no other lock than --lock, which
nobody else may use, and, for many, those below it (NAME/1, NAME/2 and so on). To show
what they cost, conch needs to know where all of them serve their metrics; use by
others meanwhile is included.

It leaves nothing behind except, at running nodes, the names: some 300 bytes each, for
two hours, and a series in their metrics.

Exit codes: 0 all is measured; 1 it failed, or a lock did not hold what it promises;
64 wrong usage; 69 no node could be reached, or one was gone; 75 --lock is in use;
130 or 143 a signal ended it. What has been measured by then is shown.`,
		Example: `  conch bench
  conch bench --nodes 5 --clients 2 --workload contended --rounds 5
  conch bench --clients 30 --workload contended,many --locks 1000
  conch bench --node node1:7400,node2:7400,node3:7400 --hold 10ms
  conch bench --node node1:7400,node2:7400 --metrics node1:8001,node2:8001,node3:8001
  conch bench --json | jq '.workloads[] | {workload, p99: .summary.lock_to_grant_p99_microseconds}'`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := flags.plan(cmd)
			if err != nil {
				return err
			}
			return runBench(cmd, &flags, plan)
		},
	}
	flags.addTo(cmd)
	return cmd
}

// addTo adds the flags to the command.
func (f *benchFlags) addTo(cmd *cobra.Command) {
	starting := pflag.NewFlagSet("", pflag.ContinueOnError)
	starting.IntVar(&f.start, "nodes", 3, "start `N` nodes")
	starting.DurationVar(&f.sessionTTL, "session-ttl", conch.DefaultSessionTTL, "the `TIME` to live of their sessions")
	addGroup(cmd, "Nodes of its own", starting)

	running := pflag.NewFlagSet("", pflag.ContinueOnError)
	running.StringArrayVar(&f.nodes, "node", nil, "drive the nodes at `ADDR,...`, each of which is HOST:PORT or the path of its socket")
	running.BoolVar(&f.running, "running", false, "drive the nodes that are found without --node: those of $"+client.EnvNode+", else this user's nodes here, which must be of one cluster, else "+hosts.DefaultListen)
	running.StringVar(&f.lock, "lock", benchLock, "the `NAME` of the lock, which nobody else may use")
	running.StringSliceVar(&f.metrics, "metrics", nil, "where all members serve /metrics (their --http), `HOST:PORT,...`")
	addGroup(cmd, "Nodes that run already", running)
	f.tls.addToClient(cmd)

	working := pflag.NewFlagSet("", pflag.ContinueOnError)
	working.StringSliceVar(&f.workloads, "workload", nil, "`NAME,...` of workloads: "+strings.Join(workloadNames(), ", ")+" (default: all but many)")
	working.IntVar(&f.clients, "clients", 1, "`N` clients at each node; local and remote have fewer")
	working.IntVar(&f.locks, "locks", 100, "`N` locks for many")
	working.DurationVar(&f.hold, "hold", 0, "a client holds the lock for this `TIME`")
	working.DurationVar(&f.think, "think", 0, "and waits for this `TIME` before it asks")
	addGroup(cmd, "Workloads", working)

	measuring := pflag.NewFlagSet("", pflag.ContinueOnError)
	measuring.IntVar(&f.rounds, "rounds", 3, "measure each workload `N` times")
	measuring.DurationVar(&f.duration, "duration", time.Second, "for this `TIME`")
	measuring.DurationVar(&f.warmUp, "warm-up", 300*time.Millisecond, "after this `TIME` of the same work")
	measuring.BoolVar(&f.asJSON, "json", false, "write JSON, for scripts, with each round")
	addGroup(cmd, "Measuring", measuring)

	complete := cobra.FixedCompletions(workloadNames(), cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("workload", complete); err != nil {
		panic(err) // there is no such flag
	}
}

// workloadNames are the values of --workload.
func workloadNames() []string {
	var names []string
	for _, w := range loadgen.Workloads() {
		names = append(names, string(w))
	}
	return names
}

// drives reports whether nodes that already run are to be driven.
func (f *benchFlags) drives() bool { return f.running || len(f.nodes) > 0 }

// plan makes a plan of the flags, and refuses nonsensical values with a usage error. It
// contacts no node.
func (f *benchFlags) plan(cmd *cobra.Command) (loadgen.Plan, error) {
	if err := f.check(cmd); err != nil {
		return loadgen.Plan{}, err
	}
	plan := loadgen.Plan{
		Rounds: f.rounds, Duration: f.duration, WarmUp: f.warmUp,
		Hold: f.hold, Think: f.think, Lock: f.lock, Locks: f.locks,
	}
	for _, name := range f.workloads {
		w, err := loadgen.ParseWorkload(name)
		if err != nil {
			return loadgen.Plan{}, misuse(cmd, "--workload: %w", err)
		}
		plan.Workloads = append(plan.Workloads, w)
	}
	return plan, nil
}

// check refuses nonsensical flags, alone or together.
func (f *benchFlags) check(cmd *cobra.Command) error {
	others, why := []string{"lock", "metrics", "tls-cert", "tls-key", "tls-ca"}, "does nothing to nodes of its own; add --node or --running, or leave this out"
	if f.drives() {
		others, why = []string{"nodes", "session-ttl"}, "is for nodes that conch bench starts; leave it out, or --node and --running"
	}
	for _, name := range others {
		if cmd.Flags().Changed(name) {
			return misuse(cmd, "--%s %s", name, why)
		}
	}
	if f.running && len(f.nodes) > 0 {
		return misuse(cmd, "--running is for nodes that --node does not name; leave one of them out")
	}
	if name := f.lock; name == "" || len(name) > maxLockNameBytes-len("/10000") || !utf8.ValidString(name) {
		return misuse(cmd, "--lock: got %d bytes, %.40q, want 1 to %d bytes of UTF-8", len(name), name, maxLockNameBytes-len("/10000"))
	}
	for _, address := range f.metrics {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return misuse(cmd, "--metrics: got %.80q, want HOST:PORT, such as node1:8001", address)
		}
	}
	many := false
	for i, name := range f.workloads {
		many = many || name == string(loadgen.Many)
		for _, before := range f.workloads[:i] {
			if name == before {
				return misuse(cmd, "--workload: got %q twice", name)
			}
		}
	}
	if cmd.Flags().Changed("locks") && !many {
		return misuse(cmd, "--locks does nothing without --workload many; add that, or leave this out")
	}
	return f.checkBounds(cmd)
}

// checkBounds refuses numbers and times that are too small or too large.
func (f *benchFlags) checkBounds(cmd *cobra.Command) error {
	for _, n := range []struct {
		flag     string
		got, max int
	}{
		{"nodes", f.start, maxBenchNodes}, {"clients", f.clients, maxBenchClients},
		{"locks", f.locks, maxBenchLocks}, {"rounds", f.rounds, maxBenchRounds},
	} {
		if n.got < 1 || n.got > n.max {
			return misuse(cmd, "--%s: got %d, want 1 to %d", n.flag, n.got, n.max)
		}
	}
	for _, d := range []struct {
		flag          string
		got, min, max time.Duration
	}{
		{"duration", f.duration, minBenchDuration, maxBenchDuration}, {"warm-up", f.warmUp, 0, maxBenchDuration},
		{"hold", f.hold, 0, maxBenchPause}, {"think", f.think, 0, maxBenchPause},
		{"session-ttl", f.sessionTTL, conch.MinSessionTTL, maxSessionTTL},
	} {
		if d.got < d.min || d.got > d.max {
			return misuse(cmd, "--%s: got %v, want %v to %v", d.flag, d.got, d.min, d.max)
		}
	}
	return nil
}

// choose sets the workloads, if none were asked for, to those possible with this many
// nodes, and names the others. Asking for an impossible one is a usage error.
func (f *benchFlags) choose(cmd *cobra.Command, plan *loadgen.Plan, nodes int) error {
	asked := plan.Workloads
	if len(asked) == 0 {
		asked = []loadgen.Workload{loadgen.Contended, loadgen.Local, loadgen.Remote}
	}
	plan.Workloads = nil
	for _, w := range asked {
		switch err := w.Check(nodes, f.clients); {
		case err == nil:
			plan.Workloads = append(plan.Workloads, w)
		case len(f.workloads) > 0:
			return misuse(cmd, "--workload: %w", err)
		default:
			fmt.Fprintf(cmd.ErrOrStderr(), "conch: left out: %v\n", err)
		}
	}
	return nil
}
