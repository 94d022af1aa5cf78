package contest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"conch/bench/internal/locks"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// Peer is a lock with clients in processes of their own: conch's, or one that users
// would pick instead.
type Peer struct {
	// Key names it in the names of subjects.
	Key string
	// Label names it to people.
	Label string
	kind  locks.Kind
	// servers names its servers, which peers may share; start starts them. Both are
	// empty for a lock without servers.
	servers string
	start   starter
	needs   func() error
}

// Keys of the peers.
const (
	Conch        = "conch"
	ConchOneCore = "conch, one core"
	Etcd         = "etcd"
	EtcdWatch    = "etcd, standing watch"
	Redlock      = "redlock"
	OneRedis     = "one redis"
	ZooKeeper    = "zookeeper"
	Flock        = "flock"
)

// Peers are all of them, conch first.
func Peers() []Peer {
	return []Peer{
		{Key: Conch, Label: "conch 3 nodes, clients on unix sockets", kind: locks.ConchClient, servers: "conch", start: conch()},
		{Key: ConchOneCore, Label: "the same, each node with GOMAXPROCS=1", kind: locks.ConchClient, servers: "conch1", start: conch("GOMAXPROCS=1")},
		{Key: Etcd, Label: "etcd 3 nodes, concurrency.Mutex", kind: locks.EtcdMutex, servers: "etcd", start: etcd},
		{Key: EtcdWatch, Label: "etcd 3 nodes, a lock with a standing watch", kind: locks.EtcdWatch, servers: "etcd", start: etcd},
		{Key: Redlock, Label: "Redlock over 3 Redis, retry after 1 ms", kind: locks.Redlock, servers: "redis3", start: redis(nodes), needs: needRedis},
		{Key: OneRedis, Label: "one Redis, retry after 1 ms", kind: locks.Redlock, servers: "redis1", start: redis(1), needs: needRedis},
		{Key: ZooKeeper, Label: "ZooKeeper 3 nodes, its lock recipe", kind: locks.ZooKeeper, servers: "zookeeper", start: zooKeeper, needs: needZooKeeper},
		{Key: Flock, Label: "flock on one machine", kind: locks.Flock},
	}
}

// Again names the subject in which one client locks and unlocks again and again.
func (p Peer) Again() string { return p.Key + "/again" }

// Clients names the subject in which three clients compete.
func (p Peer) Clients() string { return p.Key + "/clients" }

// Failover names the subject in which the holder dies.
func (p Peer) Failover() string { return p.Key + "/failover" }

// Again names the subject in which one client of the peer with this key locks and
// unlocks again and again.
func Again(key string) string { return Peer{Key: key}.Again() }

// Clients names the subject in which three clients of the peer with this key compete.
func Clients(key string) string { return Peer{Key: key}.Clients() }

func conch(variables ...string) starter {
	return func(ctx context.Context, s *Stage, dir string) (*servers.Fleet, error) {
		return servers.StartConch(ctx, s.Conch, dir, nodes, TTL, variables...)
	}
}

func etcd(ctx context.Context, _ *Stage, dir string) (*servers.Fleet, error) {
	return servers.StartEtcd(ctx, dir)
}

func redis(n int) starter {
	return func(ctx context.Context, _ *Stage, dir string) (*servers.Fleet, error) {
		return servers.StartRedis(ctx, dir, n)
	}
}

func zooKeeper(ctx context.Context, _ *Stage, dir string) (*servers.Fleet, error) {
	return servers.StartZooKeeper(ctx, dir)
}

func needRedis() error {
	if _, err := exec.LookPath(servers.RedisProgram); err != nil {
		return errors.New("there is no redis-server (Debian: apt-get install redis-server)")
	}
	return nil
}

func needZooKeeper() error {
	if _, err := os.Stat(servers.ZooKeeperJar); err != nil {
		return fmt.Errorf("there is no %s (Debian: apt-get install zookeeper)", servers.ZooKeeperJar)
	}
	if _, err := exec.LookPath(servers.JavaProgram); err != nil {
		return errors.New("there is no java (Debian: apt-get install default-jre-headless)")
	}
	return nil
}

// subjects are a peer under the same work as conch.
func (p Peer) subjects() []*Subject {
	return []*Subject{
		{Name: p.Again(), Label: p.Label, Needs: p.needs, round: p.round(1)},
		{Name: p.Clients(), Label: p.Label, Needs: p.needs, round: p.round(nodes)},
		{Name: p.Failover(), Label: p.Label, Needs: p.needs, round: p.fail},
	}
}

// round has n clients that all want the lock all the time. The servers rest after it.
func (p Peer) round(n int) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (sample *Sample, err error) {
		endpoints := func(p *play) []string { return []string{filepath.Join(p.dir, "lock")} }
		var prepare func(*play)
		if p.start != nil {
			fleet, err := s.fleet(ctx, p.servers, p.start)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, fleet.Freeze()) }()
			if _, err := fleet.Leader(ctx); err != nil {
				return nil, err
			}
			endpoints = func(*play) []string { return fleet.Endpoints }
			prepare = func(turn *play) { turn.servers = fleet.Processes }
		}
		workers := func(_ context.Context, turn *play) error {
			for i := range n {
				// Each client would rather speak to another server, where it speaks to one.
				all := endpoints(turn)
				near := i % len(all)
				spec := locks.Spec{Kind: p.kind, Endpoints: slices.Concat(all[near:], all[:near]), TTL: TTL}
				if err := turn.start(worker.Job{Mode: worker.Loop, Lock: spec}); err != nil {
					return err
				}
			}
			return nil
		}
		return s.turn(ctx, prepare, workers, warmGrants)
	}
}
