package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

const (
	// framePeriod is the least time between two events of a stream.
	framePeriod = 100 * time.Millisecond
	// beatPeriod is the time after which a stream without news sends an empty event, to
	// show that it is alive.
	beatPeriod = 2 * time.Second
	// retry is the time after which the browser opens a new stream, in milliseconds.
	retry = 1000
	// locksPerFrame bounds the locks in one event.
	locksPerFrame = 500
)

// visitID matches a page's id: random bytes in hexadecimal digits.
var visitID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// events is the stream of one page: the present state, then what changes. A page that opens
// it again after a break is told all again.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("page")
	if !visitID.MatchString(id) {
		http.Error(w, "page: want 32 hexadecimal digits", http.StatusBadRequest)
		return
	}
	ctx, end := context.WithCancelCause(r.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer end(nil)
	st, err := s.visits.attach(id, r.URL.Query().Get("lock"), end)
	if err != nil {
		w.Header().Set("Retry-After", "2")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer s.visits.detach(st)

	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	members, refused := s.mayLook(ctx)
	if refused != "" {
		s.keepOut(ctx, refused, out)
		return
	}
	f := newFeed()
	running.Go(func() {
		f.watch(ctx, s.config.Node)
		end(errClosing)
	})
	running.Go(func() { s.followLock(ctx, st, f) })
	running.Go(func() { f.list(ctx, s.config.Node) })
	running.Go(func() { f.ask(ctx, s.config.Node) })
	if out.open(s.hello(members)) == nil {
		_ = s.tell(ctx, st, f, members, out) // a reader that is gone is nobody to tell
	}
}

// mayLook returns who the members are, or why the page may not look at anything; empty if it
// may, or if that is not known.
func (s *Server) mayLook(ctx context.Context) (members places, refused string) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	answer, err := s.config.Node.Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
	if status.Code(err) == codes.PermissionDenied {
		return s.config.Members, textOf(err)
	}
	if err != nil {
		return s.config.Members, ""
	}
	return answer.GetMembers(), ""
}

// keepOut tells a page why it may not look, until that changes. Then its stream ends, and
// the page opens another.
func (s *Server) keepOut(ctx context.Context, refused string, out *eventWriter) {
	hello := s.hello(s.config.Members)
	hello.Refused = refused
	err := out.open(hello)
	beat := time.NewTicker(beatPeriod)
	defer beat.Stop()
	for err == nil {
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
		if _, refused := s.mayLook(ctx); refused == "" {
			return
		}
		err = out.event("news", newsJSON{})
	}
}

// textOf returns the text of a node's error.
func textOf(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Message()
	}
	return err.Error()
}

// followLock feeds the changes of the lock that the page shows in full.
func (s *Server) followLock(ctx context.Context, st *stream, f *feed) {
	for ctx.Err() == nil {
		watched, stop := context.WithCancel(ctx)
		var watching sync.WaitGroup
		if lock := s.visits.selectedLock(st); lock != "" {
			watching.Go(func() { f.watchOne(watched, s.config.Node, lock) })
		}
		select {
		case <-st.selected:
		case <-ctx.Done():
		}
		stop()
		watching.Wait()
	}
}

func (s *Server) hello(members places) helloJSON {
	return helloJSON{
		Member: s.config.Member, Members: members, Quorum: len(members)/2 + 1,
		TTL: s.config.TTL.Milliseconds(), Version: s.config.Version, Process: s.process, Cautions: s.config.Cautions,
	}
}

// tell writes changes until the context ends or the page stops reading.
func (s *Server) tell(ctx context.Context, st *stream, f *feed, members places, out *eventWriter) error {
	beat := time.NewTicker(beatPeriod)
	defer beat.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	var asked []askJSON
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		n := f.take()
		if n.status != nil && !slices.Equal(members, n.status.GetMembers()) {
			members, asked = n.status.GetMembers(), nil
			if err := out.event("hello", s.hello(members)); err != nil {
				return err
			}
			n = f.takeAll(n)
		}
		asks := s.visits.showAsks(st)
		newAsks := !slices.Equal(asks, asked) || asked == nil
		asked = asks
		if err := write(members.show(n), asks, newAsks, out); err != nil {
			return err
		}
		beat.Reset(beatPeriod)
		pause.Reset(framePeriod)
		select {
		case <-f.wake:
		case <-st.wake:
		case <-beat.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// write writes news, in several events if there is much of it.
func write(j newsJSON, asks []askJSON, newAsks bool, out *eventWriter) error {
	locks := j.Locks
	j.Locks = nil
	for len(locks) > locksPerFrame {
		if err := out.event("news", newsJSON{Locks: locks[:locksPerFrame]}); err != nil {
			return err
		}
		locks = locks[locksPerFrame:]
	}
	j.Locks = locks
	if newAsks {
		j.Asks = &asks
	}
	return out.event("news", j)
}

// eventWriter writes server-sent events.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  bytes.Buffer
}

// open begins the answer. A stream has no end that a time limit on the request could mean;
// each write has a limit.
func (e *eventWriter) open(hello helloJSON) error {
	if err := e.control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	e.w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(&e.buffer, "retry: %d\n", retry)
	return e.event("hello", hello)
}

// event writes one event.
func (e *eventWriter) event(name string, content any) error {
	text, err := json.Marshal(content) // which has no line breaks
	if err != nil {
		return err
	}
	fmt.Fprintf(&e.buffer, "event: %s\ndata: %s\n\n", name, text)
	defer e.buffer.Reset()
	if err := e.control.SetWriteDeadline(time.Now().Add(readPatience)); err != nil {
		return err
	}
	if _, err := e.w.Write(e.buffer.Bytes()); err != nil {
		return err
	}
	return e.control.Flush()
}
