package broadcast

import (
	"sync"
	"sync/atomic"
)

// inbox holds the inputs that nobody has taken yet, in the order in which they were posted.
// It also decides who works: whoever posts while nobody does.
//
// One mutex guards both. So the inputs of one poster are taken in its order: an input is
// taken at once only while nothing is queued, and the queue is first in, first out.
type inbox struct {
	limit int // a poster waits while this many inputs are queued

	mu      sync.Mutex
	queue   []input
	working bool
	// room is closed when there is room again; nil while nobody waits for it.
	room chan struct{}
	// length is len(queue), readable without the mutex.
	length atomic.Int64
}

// put queues an input, or makes the caller the worker, who then takes it first. It waits
// while the inbox is full. It reports false, and drops the input, if giveUp or dead is
// closed before there is room.
func (b *inbox) put(in *input, giveUp, dead <-chan struct{}) (work, ok bool) {
	for {
		b.mu.Lock()
		if !b.working {
			b.working = true
			b.mu.Unlock()
			return true, true
		}
		if len(b.queue) < b.limit {
			b.queue = append(b.queue, *in)
			b.length.Store(int64(len(b.queue)))
			b.mu.Unlock()
			return false, true
		}
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-room:
		case <-giveUp:
			return false, false
		case <-dead:
			return false, false
		}
	}
}

// take returns all queued inputs. The queue reuses the memory of spare. Only the worker
// calls it.
func (b *inbox) take(spare []input) []input {
	clear(spare)
	if b.length.Load() == 0 {
		return spare[:0]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.queue
	b.queue = spare[:0]
	b.length.Store(0)
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
	return taken
}

// empty reports whether nothing is queued.
func (b *inbox) empty() bool { return b.length.Load() == 0 }

// rest ends the caller's work, unless something is queued.
func (b *inbox) rest() (idle bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.working = len(b.queue) > 0
	return !b.working
}
