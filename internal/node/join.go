package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"conch/broadcast"
	"conch/broadcast/wire"
	"conch/internal/datadir"
	"conch/internal/discovery"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

var (
	// ErrNoDataDir is wrapped by the error for a node without a data directory that wants to
	// be added: a member is its data directory.
	ErrNoDataDir = errors.New("no data directory")
	// ErrUsed is wrapped by the error for a data directory that has a past, but no
	// membership, and so can be nobody new.
	ErrUsed = errors.New("data directory was used before")
	// ErrRemoved is wrapped by the error for a node that learns that it was removed from the
	// cluster. When it is started again, the error wraps [datadir.ErrRemoved].
	ErrRemoved = broadcast.ErrRemoved
)

// Joining says how a node becomes a member of a cluster that runs.
type Joining struct {
	// At are the addresses of members, or of nodes that may be members.
	At []string
	// Tell is called with what the node waits for: when it begins to wait, when that changes,
	// and each [TellInterval]. It must not wait.
	Tell func(discovery.Report)
	// Resolver looks up the names of members; nil is the system's.
	Resolver *net.Resolver
}

// Standing is how a node stands to a cluster before it starts.
type Standing struct {
	// Membership is the one on disk, nil if none is settled.
	Membership *token.Membership
	// Joined: the node has become a member now.
	Joined bool
}

// Members are the addresses of the members, sorted; nil if there is no membership. While it
// changes, they are those of the next list.
func (s Standing) Members() []string {
	if s.Membership == nil {
		return nil
	}
	list := s.Membership.Members
	if s.Membership.Joint() {
		list = s.Membership.Next
	}
	var addresses []string
	for _, l := range list {
		addresses = append(addresses, l.Address)
	}
	slices.Sort(addresses)
	return addresses
}

// Join waits until a node with a new data directory is a member of the cluster that runs at
// some addresses. Meanwhile it listens as the node will, and shows who it is, so that it can be
// added. A node that is a member by its data directory does not wait; see [Learn].
//
// The errors wrap [ErrConfig], [ErrNoDataDir], [ErrUsed], a [*discovery.MixedError], the
// cause of the context's end, or what the system says of the address to listen on or of the
// data directory.
func Join(ctx context.Context, cfg Config, j Joining) (Standing, error) {
	if cfg.DataDir == "" {
		return Standing{}, ErrNoDataDir
	}
	c, err := newCandidate(cfg, j)
	if err != nil {
		return Standing{}, err
	}
	if c.own == nil && !c.isNew {
		err := fmt.Errorf("%w: %s, and it says of no cluster that it belongs to it; give the node an empty directory", ErrUsed, c.store.Dir())
		return Standing{}, errors.Join(err, c.store.Close())
	}
	standing, err := c.learn(ctx)
	if err == nil && standing.Membership == nil {
		standing, err = c.wait(ctx)
	}
	return standing, errors.Join(err, c.store.Close())
}

// Learn asks nodes that may be members, once, what the cluster has come to, before a node
// starts: its data directory may have an older membership, whose members may all be gone. With
// a new data directory, and a cluster that runs without it, Learn goes on as [Join]: the node
// of a machine whose disk is lost waits until it is added. Without a data directory it does
// nothing.
//
// The errors are those of Join, or wrap [ErrRemoved].
func Learn(ctx context.Context, cfg Config, j Joining) (Standing, error) {
	if cfg.DataDir == "" {
		return Standing{}, nil
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Standing{}, err
	}
	self, err := cfg.Self()
	if err != nil {
		return Standing{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	m, err := datadir.ReadMembership(cfg.DataDir, self)
	if err != nil || len(unknown(self, m, j.At)) == 0 {
		return Standing{Membership: m}, err
	}
	c, err := newCandidate(cfg, j)
	if err != nil {
		return Standing{}, err
	}
	standing, err := c.learn(ctx)
	if err == nil && standing.Membership == nil && c.Stranger() {
		standing, err = c.wait(ctx)
	}
	return standing, errors.Join(err, c.store.Close())
}

// candidate is a node that asks what the cluster has come to. mu is held for the embedded
// candidate, never while anything is waited for.
type candidate struct {
	asker
	Joining
	cfg     Config
	address *net.TCPAddr
	store   *datadir.Store
	own     *token.Membership // on disk
	isNew   bool              // the data directory is
	// news has an entry if this node may be a member by now: one that runs has dialled it, or
	// shows so.
	news chan struct{}

	mu sync.Mutex
	*discovery.Candidate
}

func newCandidate(cfg Config, j Joining) (*candidate, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	self, err := cfg.Self()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	access, address, err := cfg.accessAlone(self)
	if err != nil {
		return nil, err
	}
	store, err := datadir.Open(cfg.DataDir, self, time.Now())
	if err != nil {
		return nil, err
	}
	own, _ := store.Membership()
	return &candidate{
		asker:   asker{self: self, disk: store.Disk(), access: access, resolver: j.Resolver},
		Joining: j, cfg: cfg, address: address, store: store, own: own,
		isNew:     store.State().Fresh && store.Found().Members == nil,
		news:      make(chan struct{}, 1),
		Candidate: discovery.NewCandidate(self, store.Disk(), discovery.Time(cfg.SessionTTL), j.At, own),
	}, nil
}

// learn asks once: those who were named, except for members by the own data directory, and
// then those who are members by what they show. A directory that is older than memberships
// begins with the members that were named.
func (c *candidate) learn(ctx context.Context) (Standing, error) {
	named := unknown(c.self, c.own, c.At)
	if len(named) == 0 || c.own == nil && !c.isNew {
		return Standing{Membership: c.own}, nil
	}
	c.round(ctx, named, c.maxBallot())
	if c.Stranger() {
		c.round(ctx, c.Ask(), c.maxBallot())
	}
	return c.judge()
}

// unknown are the addresses that are neither the node's own nor in its membership, which may
// be nil.
func unknown(self string, m *token.Membership, addresses []string) []string {
	known := []string{self}
	if m != nil {
		known = append(known, discovery.Addresses(m)...)
	}
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return slices.Contains(known, a) })
}

// judge takes the membership that was shown, if it counts.
func (c *candidate) judge() (Standing, error) {
	c.mu.Lock()
	mixed, m, removed := c.Mixed(), c.Candidate.Membership(), c.Candidate.Removed()
	c.mu.Unlock()
	switch {
	case mixed != nil:
		return Standing{}, mixed
	case removed != nil:
		if err := c.store.SaveMembership(removed, nil); err != nil {
			return Standing{}, err
		}
		return Standing{}, fmt.Errorf("%w: %s", ErrRemoved, c.store.Dir())
	case m == nil:
		return Standing{Membership: c.own}, nil
	}
	if err := c.store.SaveMembership(m, nil); err != nil {
		return Standing{}, err
	}
	if c.own == nil {
		// The disk was nobody's before, so no client can hold anything under it.
		if err := c.store.SetClients(false); err != nil {
			return Standing{}, err
		}
	}
	return Standing{Membership: m, Joined: c.own == nil}, nil
}

// maxBallot is the highest ballot that another node may have.
func (c *candidate) maxBallot() func() uint64 { return plausible(c.store.State().Promised) }

// round asks nodes at some addresses.
func (c *candidate) round(ctx context.Context, addresses []string, maxBallot func() uint64) {
	c.askAll(ctx, addresses, func(address string, answer *peerv1.ShowMembersResponse, err error) {
		var shown discovery.Shown
		if err == nil {
			shown, err = decodeShown(answer, maxBallot)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			c.Silent(address, err.Error())
			return
		}
		c.Shown(address, shown)
		if c.Candidate.Membership() != nil {
			c.hasNews()
		}
	})
}

// wait listens, and asks until the node is a member.
func (c *candidate) wait(ctx context.Context) (standing Standing, err error) {
	stop, err := listenEarly(ctx, c.access, c.address, &memberServer{
		show: c.show, dialled: c.hasNews, away: "this node waits to be added to the members",
	})
	if err != nil {
		return Standing{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	ticker := time.NewTicker(TellInterval)
	defer ticker.Stop()
	asking, end := context.WithCancel(ctx)
	var rounds sync.WaitGroup
	defer func() { end(); rounds.Wait() }()
	pause, before := findMin, ""
	for {
		// A member that is silent holds up neither the others' answers nor the next round.
		over := make(chan struct{})
		addresses, maxBallot := c.ask(), c.maxBallot()
		rounds.Go(func() {
			defer close(over)
			c.round(asking, addresses, maxBallot)
		})
		select {
		case <-over:
		case <-c.news:
			c.hasNews() // for the pause
		}
		standing, err := c.judge()
		if err != nil || standing.Membership != nil {
			return standing, err
		}
		if report := c.report(); report.Text != before {
			before, pause = report.Text, findMin
			c.tell(report)
		}
		if err := c.pause(ctx, pause, ticker.C); err != nil {
			return Standing{}, err
		}
		pause = min(2*pause, findMax)
	}
}

// pause waits before the next round.
func (c *candidate) pause(ctx context.Context, pause time.Duration, tell <-chan time.Time) error {
	next := time.NewTimer(pause)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tell:
			c.tell(c.report())
		case <-c.news:
			return nil
		case <-next.C:
			return nil
		}
	}
}

func (c *candidate) ask() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Ask()
}

func (c *candidate) report() discovery.Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Report()
}

// tell tells what the node waits for, in the log too.
func (c *candidate) tell(r discovery.Report) {
	c.cfg.logAwaited(c.self, r)
	c.Tell(r)
}

// hasNews has the next round begin at once.
func (c *candidate) hasNews() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// show is what this node shows to those who are to add it.
func (c *candidate) show() *peerv1.ShowMembersResponse {
	return &peerv1.ShowMembersResponse{
		Version: broadcast.ProtocolVersion, Member: c.self, Stage: peerv1.Stage_STAGE_JOINING,
		Disk: wire.EncodeDisk(c.disk), Ttl: int64(c.cfg.SessionTTL),
	}
}
