package broadcast

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"conch/broadcast/wire"
	"conch/internal/claims"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// errStopping ends whatever a driver runs when it stops.
var errStopping = errors.New("the node is stopping")

// Driver is one running member. Its methods are safe for concurrent use.
type Driver struct {
	self token.Member
	disk token.Disk // zero without a data directory
	// roster is who the members are. Only the worker sets it.
	roster atomic.Pointer[roster]
	ttl    time.Duration
	dial   dialer
	secure func(address string) credentials.TransportCredentials
	check  func(ctx context.Context, address string) error
	limits limits
	// mostBallot is the highest ballot number that is plausible now.
	mostBallot func() uint64

	clock func() token.Time
	// lease is the node's; zero outside a session. The owner sets it before it performs the
	// effects of an input.
	lease atomic.Pointer[Lease]
	// leftUntil is until when clients of a session that ended before its lease may hold
	// locks; 0 if none did. The owner sets it.
	leftUntil atomic.Int64
	// caller describes the callers of Acquire and Try: this process.
	caller      Caller
	version     string
	incarnation token.Incarnation
	started     token.Time

	owner  *owner
	inbox  inbox
	relief chan struct{} // has an entry if nobody works although inputs are queued

	lastWaiter atomic.Uint64
	locals     sync.Pool // of *localClaim without a caller

	// life ends when the driver closes its streams, opening when it opens no more.
	life        context.Context
	endLife     context.CancelCauseFunc
	opening     context.Context
	stopOpening context.CancelFunc
	links       sync.WaitGroup // one for each peer
	running     sync.WaitGroup // the goroutine that relieves workers

	mu       sync.Mutex
	closed   bool           // no more streams are let in
	incoming sync.WaitGroup // handlers and receivers; grows only while !closed

	// gone is closed when the node has left the cluster on purpose.
	gone chan struct{}
	// dead is closed when the driver has ended; err may then be read.
	dead chan struct{}
	err  error

	stopOnce sync.Once
	stopErr  error
}

// Start runs a driver until [Driver.Stop]. It begins at once to dial the other members;
// [Driver.Register] lets them reach this one.
func Start(cfg Config) (*Driver, error) { return start(cfg, defaultLimits) }

func start(cfg Config, limits limits) (*Driver, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	nodeConfig := token.Config{
		Self:           cfg.Self,
		Membership:     cfg.Membership,
		Disk:           cfg.Disk,
		Choice:         cfg.Choice,
		Session:        cfg.Session,
		Floor:          cfg.Floor,
		Encumbered:     cfg.Encumbered,
		Fresh:          cfg.Fresh,
		TTL:            token.Time(cfg.TTL),
		IdleToken:      token.DefaultIdleToken,
		IdleLock:       token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch,
		LocalBatch:     cfg.LocalBatch,
	}
	if cfg.Membership == nil {
		nodeConfig.Members = len(cfg.Members)
	}
	if cfg.Notes != nil {
		var err error
		nodeConfig.Remembers, nodeConfig.MaxNotes = true, limits.notes
		if nodeConfig.Notes, err = cfg.Notes.All(); err != nil {
			return nil, err
		}
	}
	if _, err := rand.Read(nodeConfig.Incarnation[:]); err != nil {
		return nil, fmt.Errorf("broadcast: draw an incarnation: %w", err)
	}
	node, err := token.New(cfg.Clock(), nodeConfig)
	if err != nil {
		return nil, fmt.Errorf("broadcast: %w", err)
	}
	d := &Driver{
		self:        cfg.Self,
		disk:        cfg.Disk,
		ttl:         cfg.TTL,
		dial:        cfg.Dial,
		secure:      cfg.Credentials,
		check:       cfg.CheckMember,
		mostBallot:  cfg.MaxBallot,
		clock:       cfg.Clock,
		caller:      cfg.Caller,
		version:     cfg.Version,
		incarnation: nodeConfig.Incarnation,
		started:     cfg.Clock(),
		limits:      limits,
		inbox:       inbox{limit: limits.inbox, working: true},
		relief:      make(chan struct{}, 1),
		gone:        make(chan struct{}),
		dead:        make(chan struct{}),
	}
	d.locals.New = func() any { return &localClaim{driver: d, ready: make(chan struct{}, 1)} }
	d.life, d.endLife = context.WithCancelCause(context.Background())
	d.opening, d.stopOpening = context.WithCancel(d.life)
	r := fixedRoster(cfg.Self, cfg.Members)
	if cfg.Membership != nil {
		r = newRoster(cfg.Self, cfg.Disk, cfg.Membership, nil)
	}
	d.roster.Store(r)
	o := newOwner(d, node, cfg)
	o.log.nodeStarted(nodeConfig, cfg.Version, cfg.FoundBy)
	d.owner = o
	o.link(r)
	o.start()
	d.running.Go(o.relieve)
	return d, nil
}

// ServerOptions are what a gRPC server needs for the streams of members: their codec, which
// leaves other services' messages unchanged, the limit on frames, windows that hold a whole
// frame, and permission for the members' keep-alive.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(wire.Codec),
		grpc.MaxRecvMsgSize(wire.MaxFrameBytes),
		grpc.InitialWindowSize(windowBytes),
		grpc.InitialConnWindowSize(windowBytes),
		grpc.ConnectionTimeout(defaultLimits.hello),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 2}),
	}
}

// Register lets the members' streams in. Call it once, before the server serves.
func (d *Driver) Register(r grpc.ServiceRegistrar) {
	peerv1.RegisterPeerServiceServer(r, &service{driver: d})
}

// Done returns a channel that is closed when the driver has ended, by [Driver.Stop] or
// [Driver.Fail].
func (d *Driver) Done() <-chan struct{} { return d.dead }

// Err returns why the driver ended. It is nil before the end, and after a Stop.
func (d *Driver) Err() error {
	select {
	case <-d.dead:
		return d.err
	default:
		return nil
	}
}

// Lease is a node's session, and when it ends if nothing more is heard.
type Lease = claims.Lease

// Now reads the node's clock.
func (d *Driver) Now() token.Time { return d.clock() }

// Lease returns the node's lease and the reading of its clock. Outside a session the
// lease is zero.
func (d *Driver) Lease() (lease Lease, now token.Time) {
	now = d.clock()
	if l := d.lease.Load(); l != nil && now < l.End {
		lease = *l
	}
	return lease, now
}

// ClientsLeftUntil returns until when, by the node's clock, clients may still hold locks
// under a session of this process that ended before its lease did; 0 if none did.
func (d *Driver) ClientsLeftUntil() token.Time { return token.Time(d.leftUntil.Load()) }

// leaseEndOf is when the lease of a session ends; 0 if the node has another session or
// none.
func (d *Driver) leaseEndOf(s token.Session) token.Time {
	if l := d.lease.Load(); l != nil && l.Session == s {
		return l.End
	}
	return 0
}

// duration is a difference of two readings of the node's clock.
func duration(t token.Time) time.Duration { return time.Duration(t) }

// stopped is the error for a caller of a driver that has ended.
func (d *Driver) stopped() error {
	if err := d.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	return ErrStopped
}

// Fail ends the driver at once, as a crash would, except that holders are told of their
// loss. It is for errors after which the node cannot go on. [Driver.Stop] must still be
// called.
func (d *Driver) Fail(err error) {
	d.post(input{kind: inputFail, err: err})
}

// letIn counts in a handler of an incoming stream, unless the driver stops.
func (d *Driver) letIn() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.incoming.Add(1)
	return true
}

// Stop ends the driver. From now on [Driver.Acquire] fails, and waiters get [ErrStopped].
// Tokens that nobody here uses go to other members at once. Holders have until the context
// ends to release their locks; each token then goes on. A holder that has not released by
// then is told that its lock is lost, but the token stays here until its session is over,
// since the holder may still be at work. Queued messages are sent as long as the context
// lasts, then the streams are closed. The error is the cause of the context's end, if that
// cut Stop short. Later calls wait for the first and return the same.
func (d *Driver) Stop(ctx context.Context) error {
	d.stopOnce.Do(func() { d.stopErr = d.stop(ctx) })
	return d.stopErr
}

func (d *Driver) stop(ctx context.Context) error {
	var cut error
	d.post(input{kind: inputStop})
	select {
	case <-d.gone:
	case <-d.dead:
	case <-ctx.Done():
		cut = fmt.Errorf("stop: a lock is still held: %w", context.Cause(ctx))
		d.post(input{kind: inputAbandon})
	}

	d.stopOpening()
	d.post(input{kind: inputFlush})
	flushed := make(chan struct{})
	go func() {
		// Once that is done, the worker opens no more links.
		_ = d.do(context.Background(), func(*owner) {})
		d.links.Wait()
		close(flushed)
	}()
	select {
	case <-flushed:
	case <-ctx.Done():
		if cut == nil {
			cut = fmt.Errorf("stop: not all was delivered: %w", context.Cause(ctx))
		}
	}

	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.endLife(errStopping)
	<-flushed
	d.incoming.Wait()
	d.post(input{kind: inputEnd})
	<-d.dead
	d.running.Wait()
	return cut
}
