package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"

	clientv1 "conch/proto/conch/client/v1"
)

// Node is the node that the page shows, with the calls that its clients have. See the
// .proto file.
type Node interface {
	Status(context.Context, *clientv1.StatusRequest) (*clientv1.StatusResponse, error)
	ListLocks(*clientv1.ListLocksRequest, grpc.ServerStreamingServer[clientv1.ListLocksResponse]) error
	Watch(*clientv1.WatchRequest, grpc.ServerStreamingServer[clientv1.WatchResponse]) error
	Observe(*clientv1.ObserveRequest, grpc.ServerStreamingServer[clientv1.ObserveResponse]) error
	Break(context.Context, *clientv1.BreakRequest) (*clientv1.BreakResponse, error)
}

// Hold is a lock that a page holds; see conch.Hold.
type Hold interface {
	Fence() uint64
	Err() error
	Warning() error
	Unlock() error
}

// Config is a server's configuration.
type Config struct {
	// Node is asked for what is shown, and breaks locks. It may refuse what a page is not
	// allowed: the page is then told.
	Node Node
	// Lock waits for a lock, for a page; it may refuse as well.
	Lock func(ctx context.Context, name string) (Hold, error)
	// Health is the node's own word on how it is, for supervisors.
	Health func(context.Context, *clientv1.StatusRequest) (*clientv1.StatusResponse, error)
	// Members are the addresses of the members at the start, and Member is the address of
	// this one.
	Members []string
	Member  string
	// TTL is the cluster's time to live of a session. A page that has no stream for so long
	// loses its holds.
	TTL time.Duration
	// Caller describes this process, for the log of a member where the page breaks a
	// lock.
	Caller *clientv1.Client
	// Version is the program's.
	Version string
	// Cautions are what the node gives up by the flags that it was started with; each page
	// shows them.
	Cautions []string
	// Metrics are shown at /metrics.
	Metrics prometheus.Gatherer
	// Listen is the host that the server listens on, and Hosts are other names by which
	// browsers know it.
	Listen string
	Hosts  []string
	// Profiles is served below /debug/pprof/; nil is nothing. See [Profiles].
	Profiles http.Handler
}

// The bounds on requests.
const (
	headerPatience = 5 * time.Second
	readPatience   = 10 * time.Second
	writePatience  = 30 * time.Second
	idlePatience   = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	// stopPatience bounds the answers that are still being sent when the server ends.
	stopPatience = time.Second
)

// Server serves the page of one node.
type Server struct {
	config Config
	// token is what an action must send, process distinguishes this process from others;
	// both in hexadecimal digits.
	token, process string

	filter requestFilter
	visits *visits
	routes http.Handler
}

// New returns a server that does not serve yet.
func New(cfg Config) *Server {
	s := &Server{
		config:  cfg,
		token:   draw(),
		process: draw(),
		visits:  newVisits(cfg.Lock, cfg.TTL),
	}
	s.filter = newRequestFilter(cfg.Listen, cfg.Hosts, s.token)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.Handle("GET /static/", staticFiles())
	mux.Handle("GET /learn/", learnFiles())
	mux.HandleFunc("GET /learn", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "learn/") // relative: the page may lie below a proxy's path
		w.WriteHeader(http.StatusMovedPermanently)
	})
	mux.Handle("GET /events", s.filter.sameOrigin(http.HandlerFunc(s.events)))
	for path, act := range map[string]action{
		"select": s.selectLock, "lock": s.lock, "unlock": s.unlock, "break": s.breakLock,
	} {
		mux.Handle("POST /api/"+path, s.filter.own(act))
	}
	mux.Handle("GET "+leadersPath+"{name...}", s.filter.sameOrigin(http.HandlerFunc(s.leader)))
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	if cfg.Profiles != nil {
		mux.Handle("/debug/pprof/", s.filter.sameOrigin(cfg.Profiles))
	}
	s.routes = s.filter.handler(exactLeaders(mux))
	return s
}

// draw returns 16 random bytes in hexadecimal digits.
func draw() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:]) // which does not fail
	return hex.EncodeToString(bytes[:])
}

// ServeHTTP is [http.Handler]'s.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Run serves until ctx ends, which is no error. When it returns, all holds of pages are
// released, and no goroutine of the server runs. It closes the listener.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	server := &http.Server{
		Handler:           s,
		BaseContext:       func(net.Listener) context.Context { return life },
		ReadHeaderTimeout: headerPatience,
		ReadTimeout:       readPatience,
		WriteTimeout:      writePatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		failed <- err
	}
	s.visits.close()
	end()
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if server.Shutdown(patient) != nil {
		_ = server.Close() // what is left is slow readers
	}
	if served := <-failed; err == nil && !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	return err
}
