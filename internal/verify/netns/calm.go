//go:build linux

package netns

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"conch"
	"conch/internal/verify/exclusion"
	"conch/logs"
	clientv1 "conch/proto/conch/client/v1"
)

// calm waits, after the faults, until every client was served again and has ended, every
// lock can be had at every node, and every table is empty. Then it stops the nodes.
func (o *trial) calm(ctx context.Context) error {
	clients := o.hosts[o.Nodes:]
	err := o.poll(ctx, "all clients to run", func() (bool, error) {
		h, err := readHistory(o.witness())
		if err != nil {
			return false, err
		}
		for _, c := range clients {
			if !h.ready[c.name()] {
				return false, o.failure()
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, c := range clients {
		c.wanted = false
		if c.proxy != nil {
			err = errors.Join(err, c.proxy.Signal(syscall.SIGUSR1))
		}
		err = errors.Join(err, c.process.Signal(syscall.SIGUSR1))
	}
	for _, c := range clients {
		err = errors.Join(err, o.poll(ctx, c.name()+" to be served and to end", func() (bool, error) { return c.isServed(o.failure()) }))
	}
	for i := range o.Nodes {
		err = errors.Join(err, o.awaitFree(ctx, i))
	}
	for i := range o.Nodes {
		err = errors.Join(err, o.awaitEmpty(ctx, i))
	}
	for _, h := range o.hosts[:o.Nodes] {
		err = errors.Join(err, o.end(h, syscall.SIGTERM))
	}
	return err
}

// isServed reports whether a client has ended without an error; failure covers the others.
func (h *host) isServed(failure error) (bool, error) {
	select {
	case <-h.process.Gone():
		if h.process.Err() != nil {
			return false, fmt.Errorf("%s: %s", h.name(), h.process.Ending())
		}
		return true, nil
	default:
		return false, failure
	}
}

// awaitFree takes each lock once, as a fresh client of a node.
func (o *trial) awaitFree(ctx context.Context, node int) error {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{"unix:" + o.socket(node)}})
	if err != nil {
		return err
	}
	errs := make([]error, poolSize)
	var all sync.WaitGroup
	for i := range poolSize { // all at once, since lost tokens are found missing one by one
		all.Go(func() {
			hold, err := client.Lock(ctx, poolLock(i))
			if err != nil {
				errs[i] = fmt.Errorf("%s cannot be had at node %d: %w", poolLock(i), node+1, err)
				return
			}
			_ = hold.Unlock() // it may be lost on a busy machine
		})
	}
	all.Wait()
	return errors.Join(errors.Join(errs...), client.Close())
}

// awaitEmpty waits until a node remembers no hold, no wait and no client.
func (o *trial) awaitEmpty(ctx context.Context, node int) error {
	conn, err := grpc.NewClient("unix:"+o.socket(node), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	var m *clientv1.MemberStatus
	err = o.poll(ctx, "the tables to be empty", func() (bool, error) {
		status, err := clientv1.NewLockServiceClient(conn).Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		if err != nil {
			return false, err
		}
		m = status.GetStatuses()[0]
		return m.GetHolds() == 0 && m.GetWaits() == 0 && m.GetClients() == 0, nil
	})
	if err != nil {
		return fmt.Errorf("node %d has %d holds, %d waits and %d clients: %w", node+1, m.GetHolds(), m.GetWaits(), m.GetClients(), err)
	}
	return nil
}

// judge judges what all wrote, once no process runs.
func (o *trial) judge() error {
	h, err := readHistory(o.witness())
	if err != nil {
		return err
	}
	var files []string
	for i := range o.Nodes {
		files = append(files, o.logFile(i))
	}
	evidence, err := logs.Open(files...)
	if err != nil {
		return err
	}
	report := logs.Check(evidence)
	o.Log("%d grants witnessed, %d lost, up to %d holds of one client at a time; %d entries in the logs, verdict %v; faults: %v",
		h.enters, h.losses, h.most, report.Figures.Entries, report.Verdict(), o.figures)
	errs := []error{exclusion.Check(h.held)}
	if h.enters > 0 && report.Figures.Entries == 0 {
		errs = append(errs, errors.New("the nodes' logs tell of no entry"))
	}
	for _, c := range o.hosts[o.Nodes:] {
		if !h.served[c.name()] {
			errs = append(errs, fmt.Errorf("%s was not served after the faults", c.name()))
		}
	}
	return errors.Join(append(errs, checkReport(report))...)
}

// checkReport fails if the logs show a violation. They need not suffice: clients that give
// up leave requests without an end.
func checkReport(report *logs.Report) error {
	if report.Verdict() != logs.Violated {
		return nil
	}
	var table strings.Builder
	if err := report.WriteTable(&table); err != nil {
		return err
	}
	return fmt.Errorf("the logs show a violation:\n%s", table.String())
}
