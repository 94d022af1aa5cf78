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
	RedisDelete  = "one redis, conditional delete"
	ZooKeeper    = "zookeeper"
	Flock        = "flock"
)

// Peers are all of them, conch first.
func Peers() []Peer {
	return []Peer{
		{Key: Conch, Label: "conch 3 nodes, clients on unix sockets", kind: locks.ConchClient, servers: "conch", start: conch(servers.Settings{})},
		{Key: ConchOneCore, Label: "the same, each node with GOMAXPROCS=1", kind: locks.ConchClient, servers: "conch1", start: conch(servers.Settings{Variables: []string{"GOMAXPROCS=1"}})},
		{Key: Etcd, Label: "etcd 3 nodes, concurrency.Mutex", kind: locks.EtcdMutex, servers: "etcd", start: etcd},
		{Key: EtcdWatch, Label: "etcd 3 nodes, a lock with a standing watch", kind: locks.EtcdWatch, servers: "etcd", start: etcd},
		{Key: Redlock, Label: "Redlock over 3 Redis, retry after 1 ms", kind: locks.Redlock, servers: "redis3", start: redis(nodes), needs: needRedis},
		{Key: OneRedis, Label: "one Redis, retry after 1 ms", kind: locks.Redlock, servers: "redis1", start: redis(1), needs: needRedis},
		{Key: RedisDelete, Label: "one Redis, retry after 1 ms, its key deleted by DELEX or DELIFEQ and not by a script", kind: locks.RedisDelete, servers: "redis1", start: redis(1), needs: needConditionalDelete},
		{Key: ZooKeeper, Label: "ZooKeeper 3 nodes, its lock recipe", kind: locks.ZooKeeper, servers: "zookeeper", start: zooKeeper, needs: needZooKeeper},
		{Key: Flock, Label: "flock on one machine", kind: locks.Flock},
	}
}

// Again names the subject in which one client locks and unlocks again and again.
func (p Peer) Again() string { return p.Key + "/again" }

// Clients names the subject in which three clients compete.
func (p Peer) Clients() string { return p.Key + "/clients" }

// MoreClients are the numbers of clients that compete, beside three.
var MoreClients = []int{9, 27}

// ManyClients names the subject in which so many clients compete.
func (p Peer) ManyClients(n int) string { return fmt.Sprintf("%s/%d clients", p.Key, n) }

// Failover names the subject in which the holder dies.
func (p Peer) Failover() string { return p.Key + "/failover" }

// Again names the subject in which one client of the peer with this key locks and
// unlocks again and again.
func Again(key string) string { return Peer{Key: key}.Again() }

// ManyClients names the subject in which so many clients of the peer with this key compete.
func ManyClients(key string, n int) string { return Peer{Key: key}.ManyClients(n) }

// Clients names the subject in which three clients of the peer with this key compete.
func Clients(key string) string { return Peer{Key: key}.Clients() }

func conch(set servers.Settings) starter {
	return func(ctx context.Context, s *Stage, dir string) (*servers.Fleet, error) {
		return servers.StartConch(ctx, s.Conch, dir, nodes, TTL, set)
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

// needConditionalDelete starts a server to see what it can do.
func needConditionalDelete() (err error) {
	if err := needRedis(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	dir, err := os.MkdirTemp("", "conch-bench")
	if err != nil {
		return fmt.Errorf("contest: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fleet, err := servers.StartRedis(ctx, dir, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.Close()) }()
	_, err = locks.ConditionalDelete(ctx, fleet.Endpoints[0])
	return err
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
	all := []*Subject{
		{Name: p.Again(), Label: p.Label, Needs: p.needs, round: p.round(1)},
		{Name: p.Clients(), Label: p.Label, Needs: p.needs, round: p.round(nodes)},
		{Name: p.Failover(), Label: p.Label, Needs: p.needs, round: p.fail},
	}
	for _, n := range MoreClients {
		all = append(all, &Subject{Name: p.ManyClients(n), Label: p.Label, Needs: p.needs, round: p.round(n)})
	}
	return all
}

// round has n clients that all want the lock all the time. The servers rest after it.
func (p Peer) round(n int) func(ctx context.Context, s *Stage) (*Sample, error) {
	workers := func(turn *play, endpoints []string) error {
		for i := range n {
			spec := locks.Spec{Kind: p.kind, Endpoints: nearest(endpoints, i), TTL: TTL}
			if err := turn.start(worker.Job{Mode: worker.Loop, Lock: spec}); err != nil {
				return err
			}
		}
		return nil
	}
	if p.start != nil {
		return served(p.servers, p.start, workers, warmGrants)
	}
	return played(func(_ context.Context, turn *play) error {
		return workers(turn, []string{filepath.Join(turn.dir, "lock")})
	}, warmGrants)
}

// nearest puts first the server that client i would rather speak to, where it speaks to one.
func nearest(endpoints []string, i int) []string {
	near := i % len(endpoints)
	return slices.Concat(endpoints[near:], endpoints[:near])
}

// served makes the round of a subject with servers, which rest after it.
func served(name string, start starter, workers func(turn *play, endpoints []string) error, grants uint64) func(ctx context.Context, s *Stage) (*Sample, error) {
	return func(ctx context.Context, s *Stage) (sample *Sample, err error) {
		fleet, err := s.fleet(ctx, name, start)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, fleet.Freeze()) }()
		if _, err := fleet.Leader(ctx); err != nil {
			return nil, err
		}
		prepare := func(turn *play) { turn.servers = fleet.Processes }
		cast := func(_ context.Context, turn *play) error { return workers(turn, fleet.Endpoints) }
		return s.turn(ctx, prepare, cast, grants)
	}
}
