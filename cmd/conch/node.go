package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"conch/internal/logfile"
	"conch/internal/node"
	"conch/internal/procgroup"
	"conch/internal/socket"
	"conch/internal/workload"
)

// stopPatience is how long a stopping node may take to pass on what it has, beside the time
// that its clients have.
const stopPatience = 5 * time.Second

func newNodeCommand() *cobra.Command {
	var flags nodeFlags
	cmd := &cobra.Command{
		Use:   "node [flags]",
		Short: "Run a node",
		Long: `Runs a node until SIGINT or SIGTERM. Then it drains: it takes no more requests, those
who wait move to other nodes, and those who hold a lock may finish, for up to --drain;
then it passes on what it has, and ends. A second signal, a second or more after the
first, ends the drain; a third ends the node. On SIGHUP it opens its --log-file anew,
or, if the terminal that it was started in has been closed, stops as on SIGTERM.

Start the nodes of a cluster in any order, with any delay. Give all of them the same
members, each named by one address; a node's own may be listed too. Or let them find
each other (--discover): each waits until it has found as many as --expect says, and
all have found the same. A node without other members needs --single.

Each flag can also be given by the environment variable in brackets behind it, such as
CONCH_PEERS. A flag wins over its variable, and an empty variable counts as unset.
(CONCH_NODE is not one of them: it names the node that other commands talk to.)`,
		Example: `  Three nodes that take turns, each in a terminal of its own:

  conch node --listen 127.0.0.1:7401 --peers 127.0.0.1:7402,127.0.0.1:7403 --auto-request --log-file node1.log
  conch node --listen 127.0.0.1:7402 --peers 127.0.0.1:7401,127.0.0.1:7403 --auto-request --log-file node2.log
  conch node --listen 127.0.0.1:7403 --peers 127.0.0.1:7401,127.0.0.1:7402 --auto-request --log-file node3.log

  On a machine that the others know as node1, with a file of members that is the same
  on all machines, and a log to keep:

  conch node --listen :7400 --advertise node1:7400 --hosts-file hosts.txt --log-file node1.log

  One of three nodes that find each other by Serf, and one by the SRV records of a name:

  conch node --listen 127.0.0.1:7401 --serf-listen 127.0.0.1:7946 --discover serf:127.0.0.1:7946 --expect 3
  conch node --listen :7400 --advertise node1.example:7400 --discover srv:_conch._tcp.example --expect 3`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Before anything that takes time: a signal would end the process at once.
			drain := newDraining(flags.drain, cmd.ErrOrStderr())
			ctx, stop := untilSignals(cmd.Context(), drain.hurry, func() {})
			defer stop()
			cmd.SetContext(ctx)
			used, err := fromEnvironment(cmd)
			if err != nil {
				return err
			}
			flags.used = used
			if err := flags.check(cmd); err != nil {
				return used.inError(err)
			}
			err = endOf(cmd, runNode(cmd, &flags, drain))
			if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), errInterrupted) {
				return nil // a signal came before the node had started
			}
			return used.inError(err)
		},
	}
	flags.addTo(cmd)
	return cmd
}

// caution warns the operator of something that does not stop the node.
func caution(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.ErrOrStderr(), "conch: caution: "+format+"\n", args...)
}

// runNode runs a node until a signal, or until something it needs fails.
func runNode(cmd *cobra.Command, flags *nodeFlags, drain *draining) (err error) {
	drain.patience = flags.drain // which the environment may have set
	cfg, err := flags.config(cmd)
	if err != nil {
		return err
	}
	page, err := flags.listenPage(cmd)
	if err != nil {
		return err
	}
	defer page.close() // if the node does not get to serve it
	cautions := flags.cautions(cfg)
	if page != nil {
		cautions = append(cautions, page.cautions...)
	}
	for i := range cautions {
		cautions[i] = flags.used.inText(cautions[i])
		caution(cmd, "%s", cautions[i])
	}
	if page != nil {
		page.cautions = cautions
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: the page is %s\n", page.url())
	}
	defer procgroup.ReapOrphans()()
	ctx, fail := context.WithCancelCause(cmd.Context())
	defer fail(nil)
	log, err := openLog(flags.log.file, flags.log.config(cfg.Advertise, fail, func(told string) { caution(cmd, "%s", told) }))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	lines, shown := alsoShown(log, flags.log.file)
	defer shown()
	signal.Ignore(syscall.SIGPIPE) // the log's reader is gone: the log cannot be written, which is reported
	defer onHangup(
		func() {
			if err := log.Reopen(); err != nil {
				caution(cmd, "SIGHUP: the log goes on where it went: --log-file: %v", err)
			}
		},
		func() { fail(&interruption{syscall.SIGHUP}) },
	)()
	if flags.csFile != "" {
		witness, err := openAppend(flags.csFile)
		if err != nil {
			return fmt.Errorf("--cs-file: %w; %s", err, wantWritable)
		}
		defer witness.Close()
		flags.auto.Witness = witness
	}
	cfg.Log, cfg.FlushLog, cfg.LogLoss = cfg.Log.Output(lines), log.Flush, log.Loss
	if !flags.log.evidence && !flags.log.complete {
		behind := logfile.NewBehind(lines, log)
		defer behind.Close()
		cfg.Log, cfg.FlushLog = cfg.Log.Output(behind), behind.Flush
	}
	cfg.Metrics = page.registerer()
	named := flags.named
	if flags.discover.used() {
		source, failed := flags.discover.find(ctx, cmd, &cfg, page)
		if errors.Is(failed, errInterrupted) {
			return nil
		} else if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, source.Close()) }()
		named = append(look(ctx, source), cfg.Peers...)
	}
	if err := flags.stand(ctx, cmd, &cfg, named, page); errors.Is(err, errInterrupted) {
		return nil
	} else if err != nil {
		return err
	}
	node, err := node.Start(ctx, cfg)
	if err != nil {
		return err
	}
	// Serving goes on while the node drains.
	serving, endServing := context.WithCancel(context.WithoutCancel(ctx))
	defer endServing()
	loops := flags.loops(ctx, serving, cmd, node, page)
	if announce := flags.announcing(cmd, cfg.Socket, node); announce != nil {
		defer socket.Withdraw(cfg.Socket)
		loops = append(loops, func() error { announce(serving); return nil })
	}
	patience := stopPatience + flags.sessionTTL
	defer reportTo(ctx, cmd.ErrOrStderr(), node, patience)()
	return serve(ctx, fail, node, loops, func(ctx context.Context) {
		drain.run(ctx, node)
		endServing()
	}, patience)
}

// loops are what else the node does: it tells whom a new cluster waits for and asks for
// locks until ctx ends, and serves its page until serving ends.
func (f *nodeFlags) loops(ctx, serving context.Context, cmd *cobra.Command, node *node.Node, page *page) []func() error {
	loops := []func() error{func() error {
		node.TellBirth(ctx, func(text string) { fmt.Fprintf(cmd.ErrOrStderr(), "conch: waiting for members: %s\n", text) })
		return nil
	}}
	if f.autoRequest {
		loops = append(loops, func() error { return workload.Run(ctx, node, f.auto) })
	}
	if page != nil {
		if err := page.mayLook(serving, node); err != nil {
			caution(cmd, "the page shows nothing: %v", err)
		}
		loops = append(loops, func() error { return page.run(serving, node, f.sessionTTL) })
	}
	return loops
}

// serve runs the loops until ctx ends or the node does, and stops the node. Before that, if
// a signal is the reason, finish lets others finish; then it ends the loops that serve
// them. serve returns the reason unless it was a signal.
func serve(ctx context.Context, fail context.CancelCauseFunc, node *node.Node, loops []func() error, finish func(context.Context), patience time.Duration) error {
	var running sync.WaitGroup
	for _, loop := range loops {
		running.Go(func() {
			if err := loop(); err != nil {
				fail(err)
			}
		})
	}
	select {
	case <-ctx.Done():
	case <-node.Done():
		fail(node.Err())
	}
	finish(ctx)
	running.Wait()
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := node.Stop(patient); err != nil {
		return err
	}
	if err := node.Err(); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, errInterrupted) {
		return cause
	}
	return nil
}
