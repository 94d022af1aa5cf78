package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"

	clientv1 "conch/proto/conch/client/v1"
)

// MaxLocks is how many locks a page is told of.
const MaxLocks = 10_000

// statusPeriod is the time between two questions about the members.
const statusPeriod = time.Second

// errEnough ends a list of locks.
var errEnough = errors.New("no more locks are wanted")

// feed is what has changed since the last event to a page. A state waits until the one
// before it was taken. So the node, which skips states that nobody took, does not work
// faster than the page takes them.
type feed struct {
	wake chan struct{} // gets a value when there is something to take

	mu sync.Mutex
	// locks are the locks that the page knows or will be told of, changed those that it
	// must be told of. A changed one that is not among locks is gone.
	locks   map[string]*clientv1.LockStatus
	changed map[string]struct{}
	taken   chan struct{} // closed at the next take
	more    bool          // there are further locks
	settled bool          // all that was in use at first has been told
	status  *clientv1.StatusResponse
	detail  *clientv1.LockStatus // of the selected lock, if it has changed
	// detailed is the detail that was taken last.
	detailed *clientv1.LockStatus
}

func newFeed() *feed {
	return &feed{
		wake:    make(chan struct{}, 1),
		locks:   make(map[string]*clientv1.LockStatus),
		changed: make(map[string]struct{}),
		taken:   make(chan struct{}),
	}
}

// put notes the state of a lock.
func (f *feed) put(ctx context.Context, l *clientv1.LockStatus) error {
	f.mu.Lock()
	for f.waits(l.GetLock()) {
		taken := f.taken
		f.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		f.mu.Lock()
	}
	defer f.mu.Unlock()
	_, told := f.locks[l.GetLock()]
	switch {
	case len(l.GetViews()) == 0 && l.GetKept() == nil: // no member knows it, and nothing bars it
		if !told {
			return nil
		}
		delete(f.locks, l.GetLock())
	case !told && len(f.locks) >= MaxLocks:
		f.more = true
		return nil
	default:
		f.locks[l.GetLock()] = l
	}
	f.changed[l.GetLock()] = struct{}{}
	signal(f.wake)
	return nil
}

// waits reports whether a state of the lock waits to be taken.
func (f *feed) waits(lock string) bool {
	_, waits := f.changed[lock]
	return waits
}

// putLock notes the state of the lock that is shown in full.
func (f *feed) putLock(ctx context.Context, l *clientv1.LockStatus) error {
	f.mu.Lock()
	for f.detail != nil {
		taken := f.taken
		f.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		f.mu.Lock()
	}
	defer f.mu.Unlock()
	f.detail = l
	signal(f.wake)
	return nil
}

// offer notes the state of a lock of which nothing newer is known.
func (f *feed) offer(ctx context.Context, l *clientv1.LockStatus) error {
	f.mu.Lock()
	_, told := f.locks[l.GetLock()]
	full := !told && len(f.locks) >= MaxLocks
	f.more = f.more || full
	f.mu.Unlock()
	switch {
	case full:
		return errEnough
	case told:
		return nil
	}
	return f.put(ctx, l)
}

// settle notes that all locks that were in use at the start have been told.
func (f *feed) settle() {
	f.mu.Lock()
	f.settled = true
	f.mu.Unlock()
	signal(f.wake)
}

// setStatus notes the state of the members; nil if the node does not answer.
func (f *feed) setStatus(s *clientv1.StatusResponse) {
	f.mu.Lock()
	f.status = s
	f.mu.Unlock()
	signal(f.wake)
}

// news is what one take returns.
type news struct {
	locks         []*clientv1.LockStatus
	gone          []string
	more, settled bool
	// status and detail are nil if nothing was heard of them since.
	status *clientv1.StatusResponse
	detail *clientv1.LockStatus
}

// take returns what has changed.
func (f *feed) take() news {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := news{more: f.more, settled: f.settled, status: f.status, detail: f.detail}
	if f.detail != nil {
		f.detailed = f.detail
	}
	f.status, f.detail = nil, nil
	for name := range f.changed {
		if l := f.locks[name]; l != nil {
			n.locks = append(n.locks, l)
		} else {
			n.gone = append(n.gone, name)
		}
	}
	clear(f.changed)
	close(f.taken)
	f.taken = make(chan struct{})
	return n
}

// takeAll returns all that is known, with what has just been taken, for a page that begins
// anew.
func (f *feed) takeAll(n news) news {
	f.mu.Lock()
	for name := range f.locks {
		f.changed[name] = struct{}{}
	}
	if f.detail == nil {
		f.detail = f.detailed
	}
	if f.status == nil {
		f.status = n.status
	}
	f.mu.Unlock()
	return f.take()
}

// sink receives the answers of a call of the node.
type sink[T any] struct {
	grpc.ServerStream // of which nothing else is called
	ctx               context.Context
	send              func(*T) error
}

func (s sink[T]) Context() context.Context { return s.ctx }

func (s sink[T]) Send(m *T) error { return s.send(m) }

// watch feeds what the node tells of the locks in use, until the context ends or the
// node does.
func (f *feed) watch(ctx context.Context, node Node) {
	_ = node.Watch(&clientv1.WatchRequest{Scope: clientv1.Scope_SCOPE_CLUSTER}, sink[clientv1.WatchResponse]{
		ctx: ctx,
		send: func(r *clientv1.WatchResponse) error {
			if r.GetLock() == nil {
				f.settle()
				return nil
			}
			return f.put(ctx, r.GetLock())
		},
	}) // however it ends, the stream does, and the page asks again
}

// watchOne feeds what all members tell of one lock.
func (f *feed) watchOne(ctx context.Context, node Node, lock string) {
	request := &clientv1.WatchRequest{Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: lock}
	_ = node.Watch(request, sink[clientv1.WatchResponse]{
		ctx: ctx,
		send: func(r *clientv1.WatchResponse) error {
			if r.GetLock() == nil {
				return nil
			}
			return f.putLock(ctx, r.GetLock())
		},
	}) // a name that no lock can have is not told of
}

// list feeds all locks that the members know.
func (f *feed) list(ctx context.Context, node Node) {
	_ = node.ListLocks(&clientv1.ListLocksRequest{Scope: clientv1.Scope_SCOPE_CLUSTER}, sink[clientv1.ListLocksResponse]{
		ctx: ctx,
		send: func(r *clientv1.ListLocksResponse) error {
			if r.GetLock() == nil {
				return nil
			}
			return f.offer(ctx, r.GetLock())
		},
	}) // what nobody uses may be missing
}

// ask feeds the state of the members, until the context ends.
func (f *feed) ask(ctx context.Context, node Node) {
	period := time.NewTicker(statusPeriod)
	defer period.Stop()
	for {
		// Without an answer the page hears nothing, and says so.
		if status, err := node.Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_CLUSTER}); err == nil {
			f.setStatus(status)
		}
		select {
		case <-period.C:
		case <-ctx.Done():
			return
		}
	}
}
