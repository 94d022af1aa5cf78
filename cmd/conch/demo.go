package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"conch/internal/lookup"
	"conch/internal/verify/processes"
)

const (
	// demoThink and demoHold are short, so that the demonstration is, yet several nodes
	// wait most of the time, which is what it shows.
	demoThink = 30 * time.Millisecond
	demoHold  = 20 * time.Millisecond
	// demoStall is how long nothing may happen before the demonstration gives up. It is far
	// longer than a busy machine needs for one critical section.
	demoStall = 15 * time.Second

	// demoPort is the port of the first node; the others' ports follow, if all are free.
	demoPort = 7401

	maxDemoNodes   = 32 // each is a process, with two streams to each other
	maxDemoEntries = 10_000
)

// demoFlags are the flags of conch demo.
type demoFlags struct {
	nodes, entries int
	out, http      string
	discover       string
	kill, report   bool
	identity       reportFlags // authors and repository, for --report
}

func newDemoCommand() *cobra.Command {
	var flags demoFlags
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Show nodes take turns on this machine, and judge them by their logs",
		Long: `Runs some nodes on this machine's loopback interface, each a process, which ask for the
critical section in a loop. When each has had its entries, conch stops them, shows what
their logs prove, and tells message by message how one of them got in.

With --kill, a node is killed while it is in the critical section, as by kill -9. The
others make the token anew and go on, and the node is started again.

With --http, the first node serves a page that shows the token travel, and the nodes
take their time. When each has had its entries, they stay until Ctrl-C.

With --discover serf, the nodes are not told their peers and find each other by Serf.

With --report, a run with a kill follows the one without, its files in the folder kill,
and both are made into report.pdf, with --author and --repository on its first page.

The nodes listen on the ports 7401, 7402 and so on if all of these are free, or else on
any that are.

It succeeds only if the logs show all that is promised. It leaves no process behind, and
nothing but its files.`,
		Example: `  conch demo
  conch demo --nodes 9 --entries 20 --out evidence
  conch demo --http --nodes 5
  conch demo --report --out evidence --author "A. Student" --repository https://example.org/conch`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case flags.nodes < 2 || flags.nodes > maxDemoNodes:
				return misuse(cmd, "--nodes: got %d, want 2 to %d: one node alone takes no turns", flags.nodes, maxDemoNodes)
			case flags.entries < 1 || flags.entries > maxDemoEntries:
				return misuse(cmd, "--entries: got %d, want 1 to %d", flags.entries, maxDemoEntries)
			case cmd.Flags().Changed("out") && flags.out == "":
				return misuse(cmd, "--out: the value is empty; name a folder, or leave the flag out")
			case (flags.kill || flags.report) && flags.nodes < minKillNodes:
				return misuse(cmd, "--nodes: got %d, want at least %d where one is killed: fewer have no majority then", flags.nodes, minKillNodes)
			case flags.report && flags.http != "":
				return misuse(cmd, "--report makes its runs by itself; leave --http out")
			case !flags.report && (cmd.Flags().Changed("author") || cmd.Flags().Changed("repository")):
				return misuse(cmd, "--author and --repository are for the report; add --report, or leave them out")
			case flags.discover != "" && flags.discover != string(lookup.Serf):
				return misuse(cmd, "--discover: got %q, want %s, or leave the flag out: the nodes are then told their peers", flags.discover, lookup.Serf)
			case flags.kill && flags.report:
				return misuse(cmd, "--report makes a run with a kill by itself; leave --kill out")
			}
			if err := checkFree(cmd.Context(), flags.http); err != nil {
				return err
			}
			if flags.report {
				return runReportedDemo(cmd.Context(), cmd.OutOrStdout(), flags)
			}
			return runDemo(cmd.Context(), cmd.OutOrStdout(), flags)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVar(&flags.nodes, "nodes", 3, "run `N` nodes")
	cmd.Flags().IntVar(&flags.entries, "entries", 10, "each enters the critical section `N` times")
	cmd.Flags().StringVar(&flags.out, "out", "", "a new or empty `DIR` for the logs (default: a new temporary folder)")
	cmd.Flags().StringVar(&flags.http, "http", "", "serve a page on `HOST:PORT`, as --http=HOST:PORT; "+demoPage+" if none is given")
	cmd.Flags().Lookup("http").NoOptDefVal = demoPage
	cmd.Flags().StringVar(&flags.discover, "discover", "", "let the nodes find each other by `WAY`: serf (default: they are told their peers)")
	cmd.Flags().BoolVar(&flags.kill, "kill", false, "kill a node in the critical section, and start it again")
	cmd.Flags().BoolVar(&flags.report, "report", false, "make a report.pdf, of a run without a kill and one with")
	flags.identity.addIdentity(cmd)
	return cmd
}

// runDemo runs the demonstration.
func runDemo(ctx context.Context, out io.Writer, flags demoFlags) error {
	dir, err := demoFolder(flags.out)
	if err != nil {
		return err
	}
	nodes, err := runNodes(ctx, out, flags, dir)
	if err != nil {
		return err
	}
	witness := nodes.WitnessFile()
	if flags.http != "" {
		witness = "" // who enters on the page does not append to it
	}
	return judgeDemo(out, nodes, witness, dir)
}

// runNodes runs one cluster to its end, with its files in dir.
func runNodes(ctx context.Context, out io.Writer, flags demoFlags, dir string) (*processes.Cluster, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	think, hold := demoThink, demoHold
	if flags.kill || flags.report {
		hold = longHold
	}
	var pageFlags []string
	if flags.http != "" {
		think, hold = pageThink, pageHold
		pageFlags = []string{"--http", flags.http}
		if !onLoopback(flags.http) {
			pageFlags = append(pageFlags, "--insecure") // these locks protect nothing
		}
	}
	nodes, err := processes.New(processes.Config{
		Program: program,
		Nodes:   flags.nodes,
		Port:    demoPort,
		Dir:     dir,
		Flags: []string{
			"--auto-count", strconv.Itoa(flags.entries),
			"--auto-think", think.String(),
			"--auto-hold", hold.String(),
		},
		FirstFlags: pageFlags,
		Serf:       flags.discover != "",
	})
	if err != nil {
		return nil, err
	}
	var each func(context.Context, processes.Line) error
	if flags.kill {
		each = (&killing{out: out, nodes: nodes, after: flags.nodes}).take
	}
	if err := takeTurns(ctx, out, nodes, flags, each); err != nil {
		return nil, fmt.Errorf("%w (the logs so far are in %s)", err, dir)
	}
	return nodes, nil
}

// demoFolder returns the folder for the logs, and makes it if needed.
func demoFolder(out string) (string, error) {
	if out == "" {
		return os.MkdirTemp("", "conch-demo-")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", fmt.Errorf("--out: %w", err)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		return "", fmt.Errorf("--out: %w", err)
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("--out: %s is not empty: it has %s; name a new or an empty folder", out, entries[0].Name())
	}
	return out, nil
}

// takeTurns starts the nodes, waits until each has had its entries, and stops them. However
// it ends, no node still runs. each, if not nil, is given each line of the shared file.
func takeTurns(ctx context.Context, out io.Writer, nodes *processes.Cluster, flags demoFlags, each func(context.Context, processes.Line) error) (err error) {
	ctx, stop := untilSignal(ctx, func() { _ = nodes.Kill() }) // nobody is left to be told
	defer stop()
	defer func() {
		// An earlier error tells more than how it ended.
		if killed := nodes.Kill(); err == nil {
			err = killed
		}
	}()
	ctx, stall := context.WithCancelCause(ctx)
	defer stall(nil)
	patience := demoStall
	if flags.http != "" {
		patience = pageStall
	}
	watchdog := time.AfterFunc(patience, func() {
		stall(fmt.Errorf("nothing has happened for %v", patience))
	})
	defer watchdog.Stop()

	if err := nodes.Start(ctx); err != nil {
		return err
	}
	watchdog.Reset(patience)
	begin := time.Now()
	if flags.http != "" {
		fmt.Fprintf(out, "See it live: http://%s/\n", flags.http)
	}
	progress := newProgress(out, nodes, flags.entries)
	var failed error
	err = nodes.Follow(ctx, func(line processes.Line) bool {
		watchdog.Reset(patience)
		enough := progress.take(line)
		if each != nil {
			failed = each(ctx, line)
		}
		return enough || failed != nil
	})
	err = errors.Join(failed, err)
	progress.end()
	if err != nil {
		if !errors.Is(err, errInterrupted) {
			return err
		}
		return stopInOrder(ctx, nodes)
	}
	fmt.Fprintf(out, "Each node has had its turns, after %v. ", time.Since(begin).Round(time.Millisecond))
	if flags.http != "" {
		fmt.Fprintf(out, "They stay; Ctrl-C stops them.\n")
		watchdog.Stop()
		<-ctx.Done()
		return nodes.Stop(context.WithoutCancel(ctx)) // as requested
	}
	fmt.Fprintln(out, "Stopping them.")
	return stopInOrder(ctx, nodes)
}

// stopInOrder stops the nodes so that their logs are whole, even after a signal, which it
// returns as an error.
func stopInOrder(ctx context.Context, nodes *processes.Cluster) error {
	if err := nodes.Stop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if errors.Is(context.Cause(ctx), errInterrupted) {
		return errInterrupted
	}
	return nil
}

// isTerminal reports whether a person watches.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
