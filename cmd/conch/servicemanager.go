package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"conch/internal/node"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// statusInterval is how often the service manager is told the node's status.
const statusInterval = 2 * time.Second

// extension is for how many intervals of status a stopping node asks more time at once, so
// that one late report does not end it.
const extension = 3

// watchdogShare is how many times the node reports within the service manager's watchdog
// interval, so that one late report does not end it.
const watchdogShare = 3

// serviceManager reports a node's state to the service manager that started it, by the
// sd_notify protocol. READY says that the node listens. STATUS says whether it reaches a
// quorum: nodes that wait for each other would never be ready.
type serviceManager struct {
	// notify sends a message to the service manager.
	notify func(message string) error
	// status asks the driver's owner, and so fails when the owner takes no inputs.
	status func(ctx context.Context) (*clientv1.StatusResponse, error)
	// watchdog is the time within which the service manager wants a sign of life; 0 is
	// never.
	watchdog time.Duration
	// patience is how long the node may take to stop once it has drained.
	patience time.Duration
	// told gets errors.
	told io.Writer

	last    string // the last STATUS
	hasFail bool
}

// reportTo reports a listening node to the service manager, if one started this process. It
// reports STOPPING when ctx ends, and then asks for the time that the drain takes, and for
// patience more. The caller must call stop when the node has stopped.
func reportTo(ctx context.Context, told io.Writer, node *node.Node, patience time.Duration) (stop func()) {
	managed, err := daemon.SdNotify(false, daemon.SdNotifyReady)
	if err != nil {
		fmt.Fprintf(told, "conch: caution: the service manager is not told that the node is ready ($NOTIFY_SOCKET): %v\n", err)
	}
	if !managed {
		return func() {}
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		fmt.Fprintf(told, "conch: caution: the service manager's watchdog gets no sign of life ($WATCHDOG_USEC): %v\n", err)
	}
	m := &serviceManager{
		notify: func(message string) error {
			_, err := daemon.SdNotify(false, message)
			return err
		},
		status: func(ctx context.Context) (*clientv1.StatusResponse, error) {
			return node.LockService().Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		},
		watchdog: watchdog,
		patience: patience,
		told:     told,
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.run(running, ctx.Done())
	}()
	return func() {
		cancel()
		<-done
	}
}

// run reports until ctx ends. The node begins to stop when stopping is closed, and its
// owner works on until the node has stopped.
func (m *serviceManager) run(ctx context.Context, stopping <-chan struct{}) {
	interval := statusInterval
	if m.watchdog > 0 {
		interval = min(interval, m.watchdog/watchdogShare)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for isStopping := false; ; {
		if isStopping {
			// Holders may need longer than the service manager's own limit. A node that can
			// no longer say so is stuck, and then that limit holds.
			more := m.patience + extension*statusInterval
			m.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", more.Microseconds()))
		}
		m.report(ctx, interval)
		select {
		case <-ctx.Done():
			select {
			case <-stopping: // the node has stopped before this was read
				m.send(daemon.SdNotifyStopping)
			default:
			}
			return
		case <-stopping:
			m.send(daemon.SdNotifyStopping)
			stopping, isStopping = nil, true
		case <-ticker.C:
		}
	}
}

// report sends the node's status, and a sign of life for the watchdog. If the owner does
// not answer, it sends no sign of life.
func (m *serviceManager) report(ctx context.Context, patience time.Duration) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	status, err := m.status(asking)
	if err != nil {
		return
	}
	if line := "STATUS=" + statusLine(status); line != m.last {
		m.send(line)
		m.last = line
	}
	if m.watchdog > 0 {
		m.send(daemon.SdNotifyWatchdog)
	}
}

// send sends a message, and reports the first failure.
func (m *serviceManager) send(message string) {
	if err := m.notify(message); err != nil && !m.hasFail {
		m.hasFail = true
		fmt.Fprintf(m.told, "conch: caution: the service manager did not get %q: %v\n", message, err)
	}
}

// statusLine is what "systemctl status" shows of a node.
func statusLine(r *clientv1.StatusResponse) string {
	members, own := len(r.GetMembers()), r.GetStatuses()[0]
	reached := 1
	for _, peer := range own.GetPeers() {
		if peer.GetSends() && peer.GetReceives() {
			reached++
		}
	}
	if own.GetDraining() {
		return fmt.Sprintf("draining: takes no more requests, and waits for the holders of %d locks", own.GetHolds())
	}
	if own.GetSession() == 0 {
		return fmt.Sprintf("no session, so no lock can be held here; connected to %d of %d members, quorum %s", reached, members, render.Quorum(r))
	}
	return fmt.Sprintf("in session; connected to %d of %d members, quorum %s", reached, members, render.Quorum(r))
}
