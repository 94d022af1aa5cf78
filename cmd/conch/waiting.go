package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"conch/internal/discovery"
	"conch/internal/web"
)

// waiting tells how far a node is that waits for its members: it is alive, and not ready to
// serve. The service manager gets READY, since it would end a node that does not get ready
// in time, and others may come at any time; STATUS says what the node waits for.
type waiting struct {
	told   io.Writer
	what   string // the node does
	people bool   // told is read by people, who do not see the log
	ctx    context.Context
	end    context.CancelFunc
	done   chan struct{} // closed when nothing more is reported

	mu   sync.Mutex
	line string
}

// newWaiting begins to tell. ctx ends when the node is told to stop.
func newWaiting(ctx context.Context, told io.Writer, what string, people bool) *waiting {
	w := &waiting{told: told, what: what, people: people, done: make(chan struct{}), line: "looking for the other members"}
	w.ctx, w.end = context.WithCancel(ctx)
	go func() {
		defer close(w.done)
		w.report()
	}()
	return w
}

// tell takes a report of the search.
func (w *waiting) tell(r discovery.Report) {
	w.mu.Lock()
	w.line = r.Text
	w.mu.Unlock()
	if w.people {
		fmt.Fprintf(w.told, "conch: %s: %s\n", w.what, r.Text)
	}
}

// text is what the node waits for.
func (w *waiting) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.line
}

// stop ends it.
func (w *waiting) stop() {
	w.end()
	<-w.done
}

// report reports to the service manager, if one started this process, until stop.
func (w *waiting) report() {
	managed, err := daemon.SdNotify(false, daemon.SdNotifyReady)
	if err != nil || !managed {
		return // reportTo tells of the error
	}
	interval := statusInterval
	if watchdog, err := daemon.SdWatchdogEnabled(false); err == nil && watchdog > 0 {
		interval = min(interval, watchdog/watchdogShare)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		_, err := daemon.SdNotify(false, "STATUS="+w.what+": "+w.text())
		if err == nil {
			_, err = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
		}
		if err != nil {
			fmt.Fprintf(w.told, "conch: caution: the service manager is not told what the node waits for: %v\n", err)
			return
		}
		select {
		case <-w.ctx.Done():
			if errors.Is(context.Cause(w.ctx), errInterrupted) {
				_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) // it was told of an error already
			}
			return
		case <-ticker.C:
		}
	}
}

// wait serves the page's port while the node waits for its members: supervisors see that it
// is alive and not ready. The node's page takes the port over after stop.
func (p *page) wait(text func() string) (stop func()) {
	if p == nil {
		return func() {}
	}
	server := &http.Server{Handler: web.Waiting(text), ReadTimeout: waitingPatience, WriteTimeout: waitingPatience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(lent{p.listener, p.port}) // stop ends it
	}()
	return func() {
		_ = server.Close() // what it cuts off is supervisors, who ask again
		<-done
		_ = p.port.SetDeadline(time.Time{}) // if this fails, so will the page, and tell
	}
}

// waitingPatience is how long a request, and its answer, may take.
const waitingPatience = 5 * time.Second

// lent is a listener that stays open when its server closes it.
type lent struct {
	net.Listener
	port *net.TCPListener
}

// Close ends an Accept under way.
func (l lent) Close() error { return l.port.SetDeadline(time.Unix(1, 0)) }
