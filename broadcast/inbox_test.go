package broadcast

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Inputs of one poster are taken in its order, whoever takes them. Only preemption between
// two instructions of a poster could break that, and synctest does not preempt. So there
// are many more threads than cores here, and each poster yields the processor now and then.
func TestInputsOfOnePosterKeepTheirOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4 * runtime.NumCPU()))
	const posters, each = 32, 20_000
	d := &Driver{
		inbox: inbox{limit: 64, working: true}, relief: make(chan struct{}, 1), dead: make(chan struct{}),
		limits: defaultLimits,
	}
	o := idleOwner(t, new(logBuffer))
	d.clock = o.clock
	d.roster.Store(o.roster.Load())
	o.Driver, d.owner = d, o
	o.armed, o.timer = -1, time.AfterFunc(time.Hour, func() {})
	defer o.timer.Stop()
	d.inbox.working = false
	done := make(chan struct{})
	var relieving, posting sync.WaitGroup
	relieving.Go(func() {
		for {
			select {
			case <-d.relief:
				o.work(nil, batchLimit)
			case <-done:
				return
			}
		}
	})
	var taken [posters]uint64 // only by the worker
	var overtaken atomic.Int64
	for p := range posters {
		posting.Go(func() {
			for i := range uint64(each) {
				d.post(input{kind: inputInspect, inspect: func(*owner) {
					if taken[p] != i {
						overtaken.Add(1)
					}
					taken[p] = i + 1
				}})
				if i%64 == uint64(p) {
					runtime.Gosched()
				}
			}
		})
	}
	posting.Wait()
	last := make(chan struct{})
	d.post(input{kind: inputInspect, inspect: func(*owner) { close(last) }})
	<-last
	close(done)
	relieving.Wait()
	if n := overtaken.Load(); n > 0 {
		t.Errorf("%d of %d inputs were taken before one that the same goroutine had posted earlier", n, posters*each)
	}
	for p, n := range taken {
		if n != each {
			t.Errorf("of poster %d, %d inputs were taken, want %d", p, n, each)
		}
	}
}

// A poster that waits for room gives up when told to, and leaves nothing behind.
func TestPosterGivesUpWhileTheInboxIsFull(t *testing.T) {
	b := inbox{limit: 1, working: true}
	if work, ok := b.put(&input{id: 1}, nil, nil); work || !ok {
		t.Fatalf("put into an empty inbox = %v, %v; want it queued", work, ok)
	}
	giveUp := make(chan struct{})
	close(giveUp)
	if work, ok := b.put(&input{id: 2}, giveUp, nil); work || ok {
		t.Errorf("put into a full inbox = %v, %v; want it given up", work, ok)
	}
	if in := b.take(nil); len(in) != 1 || in[0].id != 1 {
		t.Errorf("the inbox has %v, want the first input", in)
	}
	if !b.rest() {
		t.Error("something is left in an inbox that was emptied")
	}
	if work, ok := b.put(&input{id: 3}, nil, nil); !work || !ok {
		t.Errorf("put while nobody works = %v, %v; want the poster to work", work, ok)
	}
}
