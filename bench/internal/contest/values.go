package contest

import (
	"conch/bench/internal/locks"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// Names of the subjects in which a leader says one value after the other, each when an
// observer, a client of another server, has heard the one before.
const (
	ConchValue = "conch/value"
	EtcdValue  = "etcd/value"
)

// valueSubjects are those with leaders.
func valueSubjects() []*Subject {
	return []*Subject{
		{Name: ConchValue, Label: "conch 3 nodes, Say and Observe", round: served("conch", conch(servers.Settings{}), saying(locks.ConchValue), warmGrants)},
		{Name: EtcdValue, Label: "etcd 3 nodes, Proclaim and Observe of its Election", round: served("etcd", etcd, saying(locks.EtcdValue), warmGrants)},
	}
}

// saying has one process that is leader and observer.
func saying(kind locks.Kind) func(turn *play, endpoints []string) error {
	return func(turn *play, endpoints []string) error {
		return turn.start(worker.Job{Mode: worker.Loop, Lock: locks.Spec{Kind: kind, Endpoints: endpoints, TTL: TTL}})
	}
}
