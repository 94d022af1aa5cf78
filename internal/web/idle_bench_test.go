//go:build unix

package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"conch/internal/node"
	"conch/internal/web"
	"conch/token"
)

// idleTime is how long the benchmark measures an idle page.
const idleTime = 5 * time.Second

// startCluster starts nodes on loopback.
func startCluster(b *testing.B, n int) []*node.Node {
	b.Helper()
	var addresses []string
	for range n {
		listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		addresses = append(addresses, listener.Addr().String())
		if err := listener.Close(); err != nil {
			b.Fatal(err)
		}
	}
	var nodes []*node.Node
	for _, address := range addresses {
		n, err := node.Start(b.Context(), node.Config{Listen: address, Peers: addresses})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = n.Stop(context.Background()) })
		nodes = append(nodes, n)
	}
	return nodes
}

// spent returns the processor time that this process has used.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkIdlePage measures the share of a core that an open page uses while nothing
// happens and 1,000 locks are held. Three nodes and the page's reader run in this process.
// An operation is five seconds.
func BenchmarkIdlePage(b *testing.B) {
	nodes := startCluster(b, 3)
	for i := range 1000 {
		hold, err := nodes[0].Acquire(b.Context(), fmt.Sprintf("lock %d", i), token.Exclusive)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = hold.Unlock() })
	}
	server := web.New(web.Config{
		Node: nodes[0].Page(), Health: nodes[0].LockService().Status, Members: nodes[0].Members(), Member: nodes[0].Address(), TTL: node.DefaultSessionTTL,
		Metrics: prometheus.NewRegistry(), Listen: "127.0.0.1",
	})
	site := httptest.NewServer(server)
	defer site.Close()
	var without, with time.Duration
	for b.Loop() {
		without += idle(b)
		stop := openPage(b, site.URL)
		with += idle(b)
		stop()
	}
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / (idleTime.Seconds() * float64(b.N)) }
	b.ReportMetric(share(without), "%core/without")
	b.ReportMetric(share(with-without), "%core/page")
}

// idle returns the processor time that is used while nothing happens.
func idle(b *testing.B) time.Duration {
	b.Helper()
	before := spent(b)
	<-time.After(idleTime)
	return spent(b) - before
}

// openPage opens a page's stream and returns when the present state has been sent.
func openPage(b *testing.B, url string) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events?page="+strings.Repeat("0", 32)+"&lock=lock+1", nil)
	if err != nil {
		b.Fatal(err)
	}
	settled, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(ended)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			ended <- err
			return
		}
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 1<<24)
		told := false
		for lines.Scan() {
			if !told && strings.Contains(lines.Text(), `"settled":true`) {
				told = true
				close(settled)
			}
		}
		ended <- lines.Err()
	}()
	select {
	case <-settled:
	case err := <-ended:
		b.Fatal(err)
	}
	return func() {
		cancel()
		for range ended { // the error says that the stream was cut
			continue
		}
	}
}
