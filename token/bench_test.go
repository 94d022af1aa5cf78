package token

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// bench is a cheap cluster without faults: one queue of messages, and no time.
type bench struct {
	nodes []*Node
	queue []parcel // those before head are delivered
	head  int
	// granted is who was let in last, by lock; NoMember once that was handled.
	granted Member
}

// parcel is a message on its way.
type parcel struct {
	from, to Member
	message  Message
}

// newBench is a cluster all of whose members have a session and can be addressed.
func newBench(b testing.TB, members int) *bench {
	s := &bench{granted: NoMember}
	for m := range members {
		node, err := New(0, testConfig(Member(m), members))
		if err != nil {
			b.Fatal(err)
		}
		s.nodes = append(s.nodes, node)
	}
	for m, node := range s.nodes {
		for j := range s.nodes {
			if j == m {
				continue
			}
			if err := s.nodes[j].ReceiveHello(0, Member(m), node.Hello(Member(j))); err != nil {
				b.Fatal(err)
			}
			node.PeerUp(0, Member(j))
			s.perform(Member(m))
		}
	}
	for m, node := range s.nodes {
		s.perform(Member(m)) // CLEAR
		node.Tick(0)
		s.perform(Member(m))
	}
	s.deliverAll()
	for m, node := range s.nodes { // tells the others that the session has begun
		node.Tick(testTTL / 4)
		s.perform(Member(m))
	}
	s.deliverAll()
	return s
}

// now is what every clock reads.
const now = testTTL / 4

func (s *bench) perform(m Member) {
	effects := s.nodes[m].Effects()
	for i := range effects {
		switch e := &effects[i]; e.Kind {
		case Send:
			s.queue = append(s.queue, parcel{m, e.Peer, e.Message})
		case Grant:
			s.granted = m
		}
	}
}

// deliver delivers the oldest message.
func (s *bench) deliver() {
	p := &s.queue[s.head]
	s.head++
	s.nodes[p.to].Receive(now, p.from, p.message)
	to := p.to
	if s.head > len(s.queue)/2 {
		s.queue, s.head = s.queue[:copy(s.queue, s.queue[s.head:])], 0
	}
	s.perform(to)
}

func (s *bench) deliverAll() {
	for s.head < len(s.queue) {
		s.deliver()
	}
}

func (s *bench) acquire(m Member, lock string) {
	s.nodes[m].Acquire(now, lock, 1)
	s.perform(m)
}

func (s *bench) release(m Member, lock string) {
	s.nodes[m].Release(now, lock, 1)
	s.perform(m)
}

// enter lets a member have the lock once, and everybody know.
func (s *bench) enter(m Member, lock string) {
	s.acquire(m, lock)
	s.deliverAll()
	s.release(m, lock)
	s.deliverAll()
}

// BenchmarkMessages measures how many messages the algorithm handles on one core. An
// operation is a message received, with its share of the requests and releases that cause
// messages.
//
// Idle: the members take turns, and find the token idle. Wanted: each asks again as
// soon as it has left, so that there is always a queue.
func BenchmarkMessages(b *testing.B) {
	for _, members := range []int{3, 5, 9} {
		b.Run(fmt.Sprintf("idle/members=%d", members), func(b *testing.B) {
			s := newBench(b, members)
			s.enter(0, cs)
			b.ReportAllocs()
			b.ResetTimer()
			for next, k := 0, 0; k < b.N; next++ {
				m := Member(next % members)
				s.acquire(m, cs)
				for ; s.head < len(s.queue); k++ {
					s.deliver()
				}
				s.release(m, cs)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mmsg/s")
		})
		b.Run(fmt.Sprintf("wanted/members=%d", members), func(b *testing.B) {
			s := newBench(b, members)
			s.enter(0, cs)
			for m := range members {
				s.acquire(Member(m), cs)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if m := s.granted; m != NoMember {
					s.granted = NoMember
					s.release(m, cs)
					s.acquire(m, cs)
				}
				s.deliver()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mmsg/s")
		})
	}
}

// BenchmarkEnterAtHome is an entry where the token is: no message.
func BenchmarkEnterAtHome(b *testing.B) {
	s := newBench(b, 5)
	s.enter(0, cs)
	b.ReportAllocs()
	for b.Loop() {
		s.acquire(0, cs)
		s.release(0, cs)
	}
}

// BenchmarkIdleLock is what an idle lock that was used costs in memory at each of five
// members; see heapOfIdleLock.
func BenchmarkIdleLock(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(heapOfIdleLock(b, 5, 20_000), "bytes/lock")
	}
}

// heapOfIdleLock is how many bytes of heap an idle lock costs at one member, averaged over
// all members, when each knows so many. It counts the lock's name of 16 bytes, of which
// each member has its own copy as each process has; its share of the maps and lists, which
// grew step by step; and the tokens, each of which is at one member.
func heapOfIdleLock(t testing.TB, members, locks int) float64 {
	s := newBench(t, members)
	names := make([]string, locks)
	for i := range names {
		names[i] = fmt.Sprintf("name-of-lock%04x", i)[:16]
	}
	before := inUse()
	for i, name := range names {
		asker := Member(i % members)
		s.acquire(asker, strings.Clone(name))
		for s.head < len(s.queue) {
			s.queue[s.head].message.Lock = strings.Clone(name)
			s.deliver()
		}
		s.release(asker, name)
		s.deliverAll()
	}
	for m, node := range s.nodes {
		node.Tick(2 * now) // a PING drops what a lock no longer needs
		s.perform(Member(m))
	}
	s.queue = nil
	bytes := float64(inUse()-before) / float64(members*locks)
	runtime.KeepAlive(s)
	runtime.KeepAlive(names)
	return bytes
}

// inUse is how many bytes are in use.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The path of a request that finds the token idle allocates nothing: asking, noting the
// request, passing the token on, entering and leaving.
func TestRequestThatFindsTokenIdleAllocatesNothing(t *testing.T) {
	s := newBench(t, 5)
	for m := range Member(5) {
		s.enter(m, cs)
	}
	next := Member(0)
	allocs := testing.AllocsPerRun(100, func() {
		s.enter(next, cs)
		next = (next + 1) % 5
	})
	if allocs != 0 {
		t.Errorf("%v allocations an entry, want none", allocs)
	}
}

// BenchmarkPong is an answer to a PING, which renews the lease. Each round of PINGs has
// one stamp, and every other member answers it.
func BenchmarkPong(b *testing.B) {
	for _, members := range []int{5, 50, 1000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			node, err := New(0, testConfig(0, members))
			if err != nil {
				b.Fatal(err)
			}
			pong := Message{Kind: Pong, Incarnation: node.cfg.Incarnation}
			from, at := Member(0), testTTL // past the wait after the start
			for b.Loop() {
				if from++; int(from) == members {
					from, at = 1, at+testTTL/4
				}
				pong.Stamp = at
				node.Receive(at, from, pong)
				node.Effects()
			}
		})
	}
}
