package service

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"conch/broadcast"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// Config is what a service is started with.
type Config struct {
	Driver *broadcast.Driver
	// Members are the addresses of all members in the order that all share, and Self
	// is the position of this one. If the driver has a membership, that counts.
	Members []string
	Self    int
	// TTL is a session's time to live.
	TTL time.Duration
	// Encumber is called once, before the first client asks for a lock: on stable
	// storage, it notes that clients may outlive this process. An error ends the
	// driver.
	Encumber func() error
	// Rules say who may do what. Nil is [rules.Default].
	Rules func() *rules.Rules
	// Credentials are what connections to another member are secured with.
	Credentials func(address string) credentials.TransportCredentials
	// LogLoss tells how many lines of the node's log could not be written, and why it
	// cannot be written now. Nil is for a log that loses none.
	LogLoss func() (lines uint64, now error)
}

// Service serves the clients of one node.
type Service struct {
	clientv1.UnimplementedLockServiceServer
	driver     *broadcast.Driver
	membership membership // the driver
	// roster is who the members are.
	roster atomic.Pointer[roster]
	ttl    time.Duration
	health *health.Server
	gate   gate

	credentials func(address string) credentials.TransportCredentials

	encumber func() error // called once
	logLoss  func() (lines uint64, now error)

	// life ends when the service does.
	life    context.Context
	endLife context.CancelFunc
	running sync.WaitGroup // all goroutines that the service has started

	mu      sync.Mutex
	closed  bool
	streams map[*stream]struct{} // of clients
	// watches, lists and observers are the calls of Watch, ListLocks and Observe that are
	// under way.
	watches, lists, observers underWay
	viewed                    viewed
}

// New returns a service for the clients of a driver. [Service.Close] ends it.
func New(cfg Config) (*Service, error) {
	return newService(cfg, cfg.Driver)
}

// newService is [New] with m for the driver's part that knows the members.
func newService(cfg Config, m membership) (*Service, error) {
	s := &Service{
		driver:     cfg.Driver,
		membership: m,

		ttl:       cfg.TTL,
		health:    health.NewServer(),
		encumber:  sync.OnceValue(cfg.Encumber),
		logLoss:   cfg.LogLoss,
		streams:   make(map[*stream]struct{}),
		watches:   newUnderWay("watches", maxWatches, watchesPerCaller),
		lists:     newUnderWay("lists of locks", maxLists, listsPerCaller),
		observers: newUnderWay("observers of leaders", maxObservers, observersPerCaller),
		viewed:    viewed{most: maxViewed, fair: fairViewed},

		credentials: cfg.Credentials,
	}
	if cfg.Rules == nil {
		usual := rules.Default()
		cfg.Rules = func() *rules.Rules { return usual }
	}
	s.gate = gate{roster: s.members, rules: cfg.Rules, refused: s.driver.RefusedClient, noted: make(map[string]time.Time)}
	s.life, s.endLife = context.WithCancel(context.Background())
	if err := s.firstRoster(cfg); err != nil {
		return nil, errors.Join(err, s.Close(context.Background()))
	}
	sub, err := s.driver.Subscribe(s.life, noLock)
	if err != nil {
		return nil, errors.Join(err, s.Close(context.Background()))
	}
	s.running.Go(func() { s.followState(sub) })
	s.running.Go(func() { s.compareRules(firstRulesCheck, rulesCheck, s.driver.RulesDiffer) })
	return s, nil
}

// noLock is a name that no lock has: whoever subscribes to it hears of sessions and
// connections only.
const noLock = "\x00"

// Register serves the clients, reflection, and the standard health service on a
// server. It is to be called before the server serves.
func (s *Service) Register(server *grpc.Server) {
	clientv1.RegisterLockServiceServer(server, s)
	healthv1.RegisterHealthServer(server, s.health)
	reflection.Register(server)
}

// followState keeps the roster right, and the health service: the process serves while it
// runs, and LockService while there is a session with a quorum.
func (s *Service) followState(sub *broadcast.Subscription) {
	name := clientv1.LockService_ServiceDesc.ServiceName
	for {
		serving := healthv1.HealthCheckResponse_NOT_SERVING
		if lease, _ := s.driver.Lease(); lease.Session != 0 {
			serving = healthv1.HealthCheckResponse_SERVING
		}
		s.health.SetServingStatus(name, serving)
		s.followMembers()
		select {
		case <-sub.Wake():
			sub.Take()
		case <-s.life.Done():
			return
		}
	}
}

// Close ends all streams and calls, after what is queued for clients has been sent, if
// the context gives it time. The driver is to be stopped before.
func (s *Service) Close(ctx context.Context) error {
	s.health.Shutdown()
	s.mu.Lock()
	s.closed = true
	streams := slices.Collect(maps.Keys(s.streams))
	s.mu.Unlock()
	for _, st := range streams {
		st.finish(errLeaving)
	}
	for _, st := range streams {
		select {
		case <-st.over:
		case <-ctx.Done():
		}
	}
	s.endLife()
	s.running.Wait()
	var errs []error
	if r := s.members(); r != nil {
		for _, p := range r.peers {
			if p != nil {
				errs = append(errs, p.close())
			}
		}
	}
	return errors.Join(errs...)
}

// mark notes that clients may outlive this process.
func (s *Service) mark() error {
	err := s.encumber()
	if err != nil {
		s.driver.Fail(err)
	}
	return err
}
