package broadcast

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"

	"conch/token"
)

// messageCounter counts, by the names of events, the messages that pass the token. It takes
// the place of a log's writer.
type messageCounter struct {
	mu    sync.Mutex
	count int
}

func (c *messageCounter) Write(p []byte) (int, error) { return len(p), nil }

// Run implements zerolog.Hook.
func (c *messageCounter) Run(_ *zerolog.Event, _ zerolog.Level, message string) {
	if message == sentEvents[token.Request].text || message == sentEvents[token.TokenMessage].text {
		c.mu.Lock()
		c.count++
		c.mu.Unlock()
	}
}

// BenchmarkPassInOneProcess: 9 nodes over connections in memory want one lock, one caller
// of each node after the other, so that each entry has to fetch the token. The paper says
// that an entry costs at most N messages.
func BenchmarkPassInOneProcess(b *testing.B) {
	var addresses []string
	for i := range 9 {
		addresses = append(addresses, fmt.Sprintf("node%d:7400", i))
	}
	for _, test := range []struct {
		name    string
		wanters int // how many want the lock at the same time
	}{{"one at a time", 1}, {"all at once", len(addresses)}} {
		b.Run(test.name, func(b *testing.B) {
			w := newNetwork()
			counter := new(messageCounter)
			var members []*member
			for _, address := range addresses {
				members = append(members, w.startMember(b, address, setup{
					members: addresses, quiet: zerolog.New(counter).Hook(counter),
				}))
			}
			warmUp(b, members)
			counter.count = 0
			b.ResetTimer()
			share(b.N, test.wanters, func(worker, i int) {
				m := members[(worker+i)%len(members)]
				m.release(m.acquire("cs"))
			})
			b.StopTimer()
			counter.mu.Lock()
			perEntry := float64(counter.count) / float64(b.N)
			counter.mu.Unlock()
			b.ReportMetric(perEntry, "messages/entry")
			if b.N > 100 && perEntry > float64(len(members)) {
				b.Errorf("%v messages an entry; want at most %d", perEntry, len(members))
			}
			stopAll(members)
		})
	}
}

// warmUp waits until all nodes have had the lock.
func warmUp(b testing.TB, members []*member) {
	b.Helper()
	for range 2 {
		for _, m := range members {
			m.release(m.acquire("cs"))
		}
	}
}

// share divides n calls between workers that run at the same time.
func share(n, workers int, work func(worker, i int)) {
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for i := worker; i < n; i += workers {
				work(worker, i)
			}
		})
	}
	all.Wait()
}

// loopback starts nodes that reach each other by TCP and have this LocalBatch.
func loopback(b testing.TB, n, batch int) []*member {
	b.Helper()
	var listeners []net.Listener
	var addresses []string
	for range n {
		listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	var members []*member
	for i, listener := range listeners {
		driver, err := Start(Config{
			Members: addresses,
			Self:    token.Member(i),
			Session: token.Session(time.Now().UnixMicro()),
			TTL:     testTTL,

			LocalBatch: batch,
		})
		if err != nil {
			b.Fatal(err)
		}
		m := &member{
			t:       b,
			address: addresses[i],
			driver:  driver,
			server:  grpc.NewServer(ServerOptions()...),
			served:  make(chan struct{}),
		}
		driver.Register(m.server)
		go func() {
			defer close(m.served)
			_ = m.server.Serve(driver.Listener(listener))
		}()
		members = append(members, m)
	}
	return members
}

// BenchmarkGrants: nodes over TCP on loopback, each with a caller that wants the same
// lock all the time, or a lock of its own whose token is always here, or reads under the
// node's share while the token is elsewhere.
func BenchmarkGrants(b *testing.B) {
	for _, n := range []int{3, 5} {
		b.Run(fmt.Sprintf("one lock of %d nodes", n), func(b *testing.B) {
			members := loopback(b, n, 1)
			warmUp(b, members)
			b.ResetTimer()
			share(b.N, n, func(worker, _ int) { members[worker].release(members[worker].acquire("cs")) })
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "grants/s")
			b.StopTimer()
			stopAll(members)
		})
	}
	b.Run("token here", func(b *testing.B) {
		members := loopback(b, 3, 1)
		warmUp(b, members)
		ctx := context.Background()
		if hold, err := members[0].driver.Acquire(ctx, "own", token.Exclusive); err != nil || hold.Unlock() != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for b.Loop() {
			hold, err := members[0].driver.Acquire(ctx, "own", token.Exclusive)
			if err != nil {
				b.Fatal(err)
			}
			if err := hold.Unlock(); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		stopAll(members)
	})
	b.Run("share here", func(b *testing.B) {
		members := loopback(b, 3, 1)
		warmUp(b, members)
		ctx := context.Background()
		for _, m := range members[:2] { // the second has the token then
			m.release(m.share("read", token.Unlimited))
		}
		b.ReportAllocs()
		b.ResetTimer()
		for b.Loop() {
			hold, err := members[0].driver.Acquire(ctx, "read", token.Unlimited)
			if err != nil {
				b.Fatal(err)
			}
			if err := hold.Unlock(); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		stopAll(members)
	})
}

// BenchmarkLocalBatch: 3 nodes over TCP on loopback, each with 8 callers that want the
// same lock all the time, by how many of them it lets in before the token leaves.
func BenchmarkLocalBatch(b *testing.B) {
	const nodes, callers = 3, 8
	for _, batch := range []int{1, 2, 4, 8, 16, 64} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			members := loopback(b, nodes, batch)
			warmUp(b, members)
			b.ResetTimer()
			share(b.N, nodes*callers, func(worker, _ int) {
				m := members[worker%nodes]
				m.release(m.acquire("cs"))
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "grants/s")
			b.StopTimer()
			stopAll(members)
		})
	}
}

// BenchmarkQueuedWaits lets many callers wait for locks of their own in a cluster of one
// whose session has not begun, with the log on, and then begins it. The time from the first
// grant to the last should grow in proportion to their number.
func BenchmarkQueuedWaits(b *testing.B) {
	for _, waits := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("%d", waits), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				o := queuedWaits(b, waits, Config{})
				b.StartTimer()
				o.take(token.Time(2*testTTL), &input{kind: inputTick})
				b.StopTimer()
				if holds, _, _ := o.table.Counts(); holds != waits {
					b.Fatalf("%d of %d waits were granted", holds, waits)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(waits), "ns/grant")
		})
	}
}
