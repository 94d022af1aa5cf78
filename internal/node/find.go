package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/datadir"
	"conch/internal/discovery"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

const (
	// findMin and findMax bound the time between two rounds, in which the source and the
	// members are asked. It doubles while nothing changes.
	findMin = 100 * time.Millisecond
	findMax = 2 * time.Second
	// findPatience is how long the source, or a member, may take to answer.
	findPatience = 2 * time.Second
	// TellInterval is the time between two reports of a search.
	TellInterval = 10 * time.Second
)

// ErrExpect is wrapped by the error of [Find] for a number of members that makes no sense, or
// is not that of the list on disk.
var ErrExpect = errors.New("wrong number of members")

// Source answers who the members are; package lookup has some.
type Source interface {
	// Find returns the addresses that are known now, each in its one form. Some may come
	// beside an error.
	Find(ctx context.Context) ([]string, error)
}

// Finding says how a node finds the other members.
type Finding struct {
	// Source is asked who they are.
	Source Source
	// Expect is how many there are, this node included.
	Expect int
	// Tell is called with how far the search is: at its start, when the members that are
	// known change, and each [TellInterval]. It must not wait.
	Tell func(discovery.Report)
	// Resolver looks up the names of members; nil is the system's.
	Resolver *net.Resolver
}

// Self returns the address by which the others know the node.
func (cfg Config) Self() (string, error) {
	self, err := cfg.advertised()
	return self.Address, err
}

// Found is what a search has come to.
type Found struct {
	// Members are all members, sorted: what Config.Peers is to be for [Start].
	Members []string
	// Path is the file that has had the list since an earlier start; empty if it was found
	// now.
	Path string
	// Settled: the cluster's membership is on disk. Members are those that it lists, however
	// many are expected.
	Settled bool
}

// Find looks for the other members of a cluster until all have settled on the same list.
// Meanwhile it listens as the node will, and serves nobody but members that look too. Where
// the data directory has a list that all had settled on before, Find returns that at once.
//
// The errors wrap [ErrConfig], [ErrExpect], a [*discovery.TooManyError], the cause of the context's end,
// or what the system says of the address to listen on or of the data directory.
func Find(ctx context.Context, cfg Config, f Finding) (found Found, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return Found{}, err
	}
	self, err := cfg.Self()
	if err != nil {
		return Found{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if f.Expect < discovery.MinExpect || f.Expect > hosts.MaxMembers {
		return Found{}, fmt.Errorf("%w: got %d, want %d to %d", ErrExpect, f.Expect, discovery.MinExpect, hosts.MaxMembers)
	}
	kept, err := keepList(cfg.DataDir, self)
	if err != nil {
		return Found{}, err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	if m := kept.Membership(); m != nil {
		members := slices.Compact(slices.Sorted(slices.Values(discovery.Addresses(m))))
		return Found{Members: members, Path: kept.Path(), Settled: true}, nil
	}
	list := kept.List()
	if n := len(list.Members); n > 0 && n != f.Expect {
		return Found{}, fmt.Errorf("%w: got %d, but %s has the list that this node has settled on, with %d members: %s; to give the cluster others, stop all its nodes and remove that file from each data directory", ErrExpect, f.Expect, kept.Path(), n, strings.Join(list.Members, ", "))
	}
	if list.Over {
		return Found{Members: list.Members, Path: kept.Path()}, nil
	}
	s := &searching{cfg: cfg, Finding: f, kept: kept, asker: asker{self: self}, search: discovery.New(self, f.Expect)}
	if list.Members != nil {
		s.search = discovery.Resume(self, list.Members)
	}
	access, address, err := cfg.accessAlone(self)
	if err != nil {
		return Found{}, err
	}
	s.asker = asker{self: self, access: access, resolver: f.Resolver}
	stop, err := listenEarly(ctx, access, address, &memberServer{
		show: s.show, dialled: func() {}, away: "this node is still looking for the other members",
	})
	if err != nil {
		return Found{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	found.Members, err = s.run(ctx)
	return found, err
}

// listKeeper keeps a list on disk, or nowhere.
type listKeeper interface {
	List() datadir.List
	Save(datadir.List) error
	Membership() *token.Membership
	Path() string
	Close() error
}

// keepList opens the list in a data directory; without one, nothing outlasts the process.
func keepList(dir, self string) (listKeeper, error) {
	if dir == "" {
		return keptNowhere{}, nil
	}
	return datadir.OpenList(dir, self)
}

type keptNowhere struct{}

func (keptNowhere) List() datadir.List            { return datadir.List{} }
func (keptNowhere) Save(datadir.List) error       { return nil }
func (keptNowhere) Membership() *token.Membership { return nil }
func (keptNowhere) Path() string                  { return "" }
func (keptNowhere) Close() error                  { return nil }

// searching is one search under way.
type searching struct {
	Finding
	asker
	cfg  Config
	kept listKeeper

	mu     sync.Mutex // held for search, never while anything is waited for
	search *discovery.Search
}

// run asks the source and the members until the search is over.
func (s *searching) run(ctx context.Context) ([]string, error) {
	telling, endTelling := context.WithCancel(ctx)
	var teller sync.WaitGroup
	teller.Go(func() { s.tellOften(telling) })
	defer teller.Wait()
	defer endTelling()
	wait := findMin
	var before discovery.Report
	for {
		if err := s.ask(ctx); err != nil {
			return nil, err
		}
		s.askMembers(ctx)
		stepped, over, err := s.step()
		if err != nil || over {
			return s.showing().List, err
		}
		report := s.report()
		if !slices.Equal(report.Found, before.Found) {
			s.tell(report)
		}
		if stepped || report.Text != before.Text {
			wait = findMin
		}
		before = report
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
		wait = min(2*wait, findMax)
	}
}

// tellOften tells how far the search is, until ctx ends.
func (s *searching) tellOften(ctx context.Context) {
	ticker := time.NewTicker(TellInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.tell(s.report())
		}
	}
}

// tell tells how far the search is, in the log too.
func (s *searching) tell(r discovery.Report) {
	s.cfg.logAwaited(s.self, r)
	s.Tell(r)
}

// logAwaited logs what a node waits for that does not run yet.
func (cfg Config) logAwaited(self string, r discovery.Report) {
	cfg.Log.Info().Str("node", self).Str("time", time.Now().UTC().Format(logTime)).
		Str("event", "members_awaited").Strs("found", r.Found).Str("reason", r.Text).Msg("waiting for members")
	if cfg.FlushLog != nil {
		cfg.FlushLog()
	}
}

// logTime is the format of times in the log; see package logs.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

func (s *searching) report() discovery.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.search.Report()
}

func (s *searching) showing() discovery.Showing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.search.Showing()
}

// ask asks the source once. Only too many members are an error.
func (s *searching) ask(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	found, failed := s.Source.Find(asking)
	now := discovery.Time(time.Since(began))
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.search.Answer(now, found)
	if failed != nil {
		s.search.Fail(now, failed.Error())
	}
	return err
}

// began is what times are counted from.
var began = time.Now()

// askMembers asks all others once what they show.
func (s *searching) askMembers(ctx context.Context) {
	s.mu.Lock()
	others := s.search.Others()
	s.mu.Unlock()
	s.askAll(ctx, others, func(member string, shown *peerv1.ShowMembersResponse, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.search.Silent(member, err.Error())
			return
		}
		s.search.Shown(member, discovery.Showing{Member: shown.GetMember(), List: shown.GetMembers(), Stage: discovery.Stage(shown.GetStage())})
	})
}

// show is what this node shows to others.
func (s *searching) show() *peerv1.ShowMembersResponse {
	shows := s.showing()
	return &peerv1.ShowMembersResponse{
		Version: broadcast.ProtocolVersion, Member: shows.Member, Members: shows.List,
		Stage: peerv1.Stage(shows.Stage), Ttl: int64(s.cfg.SessionTTL),
	}
}

// step goes one stage on, if that is due; what has to be on disk is there first. Others are
// shown the stage only then.
func (s *searching) step() (stepped, over bool, err error) {
	s.mu.Lock()
	next, list := s.search.Next(), s.search.Showing().List
	s.mu.Unlock() // only this goroutine changes the search
	if next == discovery.Wait {
		return false, false, nil
	}
	over = next == discovery.Run
	if err := s.kept.Save(datadir.List{Members: list, Over: over}); err != nil {
		return false, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if over {
		s.search.Run()
	} else {
		s.search.Settle()
	}
	return true, over, nil
}
