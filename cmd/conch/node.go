package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"conch"
	"conch/internal/workload"
)

// stopPatience is how long a node that stops may take to pass on what it has, beside
// the time that its clients have.
const stopPatience = 5 * time.Second

func newNodeCommand() *cobra.Command {
	var flags nodeFlags
	cmd := &cobra.Command{
		Use:   "node [flags]",
		Short: "Run a node",
		Long: `Runs a node until SIGINT or SIGTERM, on which it leaves the critical section,
passes the token on and ends. A second signal ends it at once.

The nodes of a cluster may be started in any order, with any delay. All must be
given the same members, each named by one address; a node's own may be listed too.`,
		Example: `  Three nodes that take turns, each in a terminal of its own:

  conch node --listen 127.0.0.1:7401 --peers 127.0.0.1:7402,127.0.0.1:7403 --auto-request --log-file node1.log
  conch node --listen 127.0.0.1:7402 --peers 127.0.0.1:7401,127.0.0.1:7403 --auto-request --log-file node2.log
  conch node --listen 127.0.0.1:7403 --peers 127.0.0.1:7401,127.0.0.1:7402 --auto-request --log-file node3.log

  On a machine that the others know as node1, with a file of members that is the same
  on all machines, and a log to keep:

  conch node --listen :7400 --advertise node1:7400 --hosts-file hosts.txt --log-file node1.log`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(cmd); err != nil {
				return err
			}
			return runNode(cmd, &flags)
		},
	}
	flags.addTo(cmd)
	return cmd
}

// runNode runs a node until a signal, or until something it needs fails.
func runNode(cmd *cobra.Command, flags *nodeFlags) (err error) {
	members, err := flags.members(cmd)
	if err != nil {
		return err
	}
	dataDir, err := flags.dataDirectory(members.Addresses[members.Self])
	if err != nil {
		return err
	}
	socket, err := flags.socketPath()
	if err != nil {
		return err
	}
	page, err := flags.listenPage(cmd)
	if err != nil {
		return err
	}
	defer page.close() // where the node does not get to serve it
	cautions := flags.cautions(members)
	if page != nil {
		cautions = append(cautions, page.cautions...)
	}
	for _, caution := range cautions {
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: caution: %s\n", caution)
	}
	if page != nil {
		page.cautions = cautions
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: the page is %s\n", page.url())
	}
	level, err := zerolog.ParseLevel(flags.logLevel)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(cmd.Context(), func() {})
	defer stop()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	log, err := openLog(flags.logFile, fail)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	lines, shown := alsoShown(log, flags.logFile)
	defer shown()
	if flags.csFile != "" {
		witness, err := openAppend(flags.csFile)
		if err != nil {
			return fmt.Errorf("--cs-file: %w; %s", err, wantWritable)
		}
		defer witness.Close()
		flags.auto.Witness = witness
	}
	node, err := conch.Start(ctx, conch.Config{
		Listen:     flags.listen,
		Advertise:  members.Addresses[members.Self],
		Peers:      members.Addresses,
		SessionTTL: flags.sessionTTL,
		LocalBatch: flags.localBatch,
		Socket:     socket,
		DataDir:    dataDir,
		TLS:        flags.tls.TLSFiles,
		Insecure:   flags.insecure,
		AllowFile:  flags.allow,
		Log:        zerolog.New(lines).Level(level),
		FlushLog:   log.Flush,
		Version:    readBuild().Version,
		Metrics:    page.registerer(),
	})
	if err != nil {
		return err
	}
	var loops []func() error
	if flags.autoRequest {
		loops = append(loops, func() error { return workload.Run(ctx, node, flags.auto) })
	}
	if page != nil {
		if err := page.mayLook(ctx, node); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "conch: caution: the page shows nothing: %v\n", err)
		}
		loops = append(loops, func() error { return page.run(ctx, node, flags.sessionTTL) })
	}
	return serve(ctx, fail, node, loops, stopPatience+flags.sessionTTL)
}

// serve runs the loops until ctx ends or the node does, and stops the node. It returns
// why, unless that was a signal.
func serve(ctx context.Context, fail context.CancelCauseFunc, node *conch.Node, loops []func() error, patience time.Duration) error {
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
