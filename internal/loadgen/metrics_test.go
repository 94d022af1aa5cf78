package loadgen

import (
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"conch/internal/metrics"
	"conch/token"
)

// served serves what a node counts, as a node does.
func served(t *testing.T, m *metrics.Metrics, more ...prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	for _, c := range append(more, m) {
		if err := registry.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestMeterReadsWhatNodesCount(t *testing.T) {
	members := []string{"a:1", "b:1"}
	nodes := []*metrics.Metrics{metrics.New(members, 0, "v"), metrics.New(members, 1, "v")}
	seconds := prometheus.NewCounter(prometheus.CounterOpts{Name: "process_cpu_seconds_total"})
	seconds.Add(2.5)
	meter := NewMeter([]string{served(t, nodes[0], seconds), served(t, nodes[1], seconds)})
	got, err := meter(t.Context())
	if want := (Counts{Processor: 5}); got != want || err != nil {
		t.Errorf("at first: got %+v, %v; want %+v", got, err, want)
	}
	for _, kind := range []token.MessageKind{token.Request, token.Request, token.TokenMessage, token.Ping, token.Probe} {
		nodes[0].Effect(&token.Effect{Kind: token.Send, Message: token.Message{Kind: kind}})
	}
	nodes[1].Effect(&token.Effect{Kind: token.Send, Message: token.Message{Kind: token.TokenMessage}})
	nodes[0].Waited(`a "name} 7`, 1)
	nodes[1].Waited("other", 1)
	nodes[1].Waited("b", 1)
	got, err = meter(t.Context())
	if want := (Counts{Messages: 4, Grants: 3, Processor: 5}); got != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestMeterWithoutProcessorTimeKnowsTheRest(t *testing.T) {
	m := metrics.New([]string{"a:1"}, 0, "v")
	m.Waited("a", 1)
	got, err := NewMeter([]string{served(t, m)})(t.Context())
	if err != nil || got.Grants != 1 || !math.IsNaN(got.Processor) {
		t.Errorf("got %+v, %v; want a grant, and NaN seconds", got, err)
	}
}

func TestMeterTellsWhatIsWrong(t *testing.T) {
	var answer atomic.Value
	answer.Store("")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, _ := answer.Load().(string)
		if text == "" {
			http.Error(w, "none", http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	address := strings.TrimPrefix(server.URL, "http://")
	meter := NewMeter([]string{address})
	for _, test := range []struct{ text, want string }{
		{"", "got 404 Not Found from http://" + address + "/metrics, want 200"},
		{"up 1\n", "there is no conch_messages_total; want the --http address of a node of conch"},
		{"up one\n", "expected float as value"},
		{"# TYPE conch_messages_total counter\nconch_messages_total{kind=\"TOKEN\"} 8\n", ""},
		{"# TYPE conch_messages_total counter\nconch_messages_total{kind=\"TOKEN\"} 7\n", "the node at " + address + " was started anew, and counts from zero"},
	} {
		answer.Store(test.text)
		_, err := meter(t.Context())
		if test.want == "" && err == nil {
			continue
		}
		if !errors.Is(err, ErrMetrics) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %q", test.text, err, test.want)
		}
	}
	server.Close()
	if _, err := meter(t.Context()); !errors.Is(err, ErrMetrics) || !strings.Contains(err.Error(), address) {
		t.Errorf("nobody there: got %v", err)
	}
}
