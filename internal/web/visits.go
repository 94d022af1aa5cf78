package web

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The bounds on what pages can make a node keep.
const (
	maxVisits = 32
	maxAsks   = 64 // of one page
)

var (
	errVisitors = errors.New("too many pages are open")
	errNoVisit  = errors.New("this page has no event stream")
	errAsked    = errors.New("this page has asked for the lock already")
	errNotAsked = errors.New("this page has not asked for the lock")
	errAsks     = errors.New("this page has asked for too many locks")
	errClosing  = errors.New("the node is stopping")
	errReplaced = errors.New("the page has opened another stream")
)

// visits are the pages that are open.
type visits struct {
	lock func(ctx context.Context, name string) (Hold, error)
	ttl  time.Duration

	// life ends when the server ends: no lock is waited for any more.
	life    context.Context
	end     context.CancelFunc
	running sync.WaitGroup // one for each wait

	mu     sync.Mutex
	closed bool
	all    map[string]*visit // by the page's id
}

// visit is one page, in one tab of a browser, across its streams. Its fields are guarded
// by the lock of visits.
type visit struct {
	id       string
	stream   *stream     // nil while the page has none
	expiry   *time.Timer // set while the page has no stream
	selected string      // the lock that is shown in full
	asks     map[string]*ask
}

// stream is an event stream of a page.
type stream struct {
	visit *visit
	end   context.CancelCauseFunc
	// wake gets a value when the page is to be told of what it has asked for, and selected
	// when it selects another lock.
	wake, selected chan struct{}
}

// ask is a page's wait for a lock, and the hold that comes of it.
type ask struct {
	cancel context.CancelFunc
	hold   Hold  // nil until the lock was granted
	err    error // why it will not be
	over   bool
}

func newVisits(lock func(ctx context.Context, name string) (Hold, error), ttl time.Duration) *visits {
	v := &visits{lock: lock, ttl: ttl, all: make(map[string]*visit)}
	v.life, v.end = context.WithCancel(context.Background())
	return v
}

// attach gives a page a new stream, which replaces one that it had.
func (v *visits) attach(id, selected string, end context.CancelCauseFunc) (*stream, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.all[id]
	switch {
	case v.closed:
		return nil, errClosing
	case p != nil:
	case len(v.all) >= maxVisits:
		return nil, errVisitors
	default:
		p = &visit{id: id, asks: make(map[string]*ask)}
		v.all[id] = p
	}
	if p.stream != nil {
		p.stream.end(errReplaced)
	}
	if p.expiry != nil {
		p.expiry.Stop()
	}
	p.stream = &stream{visit: p, end: end, wake: make(chan struct{}, 1), selected: make(chan struct{}, 1)}
	p.selected = selected
	return p.stream, nil
}

// detach notes that a stream has ended. The page has one time to live to open another.
func (v *visits) detach(st *stream) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := st.visit
	if p.stream != st {
		return
	}
	p.stream = nil
	p.expiry = time.AfterFunc(v.ttl, func() { v.expire(p) })
}

// expire ends a page that has had no stream for too long.
func (v *visits) expire(p *visit) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p.stream == nil && v.all[p.id] == p {
		delete(v.all, p.id)
		p.finish()
	}
}

// finish ends all that a page waits for or holds.
func (p *visit) finish() {
	for lock, a := range p.asks {
		delete(p.asks, lock)
		_ = a.finish() // nobody is there to be told
	}
}

// finish withdraws what waits and releases what is held. The error is that of the
// release.
func (a *ask) finish() error {
	a.over = true
	a.cancel()
	if a.hold == nil {
		return nil
	}
	return a.hold.Unlock()
}

// tell wakes the page's stream, if it has one, to tell of the page's requests.
func (p *visit) tell() {
	if p.stream != nil {
		signal(p.stream.wake)
	}
}

// signal wakes whoever waits for a value.
func signal(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// find returns a page.
func (v *visits) find(id string) (*visit, error) {
	if p := v.all[id]; p != nil {
		return p, nil
	}
	return nil, errNoVisit
}

// selectLock sets the lock that a page shows in full.
func (v *visits) selectLock(id, lock string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, err := v.find(id)
	if err != nil {
		return err
	}
	p.selected = lock
	if p.stream != nil {
		signal(p.stream.selected)
	}
	return nil
}

// selectedLock returns the lock that a page shows in full.
func (v *visits) selectedLock(st *stream) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return st.visit.selected
}

// ask begins to wait for a lock, for a page. Its stream tells the result.
func (v *visits) ask(id, lock string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, err := v.find(id)
	switch {
	case err != nil:
		return err
	case v.closed:
		return errClosing
	case p.asks[lock] != nil && p.asks[lock].err == nil:
		return errAsked
	case len(p.asks) >= maxAsks:
		return errAsks
	}
	ctx, cancel := context.WithCancel(v.life)
	a := &ask{cancel: cancel}
	p.asks[lock] = a
	v.running.Go(func() {
		hold, err := v.lock(ctx, lock)
		v.mu.Lock()
		defer v.mu.Unlock()
		switch {
		case err != nil:
			a.err = err
		case a.over: // it was given up meanwhile
			_ = hold.Unlock()
		default:
			a.hold = hold
		}
		p.tell()
	})
	p.tell()
	return nil
}

// release ends a page's wait or hold. The error is that of the release, or says that
// there is neither.
func (v *visits) release(id, lock string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, err := v.find(id)
	if err != nil {
		return err
	}
	a := p.asks[lock]
	if a == nil {
		return errNotAsked
	}
	delete(p.asks, lock)
	p.tell()
	return a.finish()
}

// close ends all waits and holds of pages and admits no page any more.
func (v *visits) close() {
	v.mu.Lock()
	v.closed = true
	for id, p := range v.all {
		delete(v.all, id)
		if p.expiry != nil {
			p.expiry.Stop()
		}
		p.finish()
	}
	v.mu.Unlock()
	v.end()
	v.running.Wait()
}
