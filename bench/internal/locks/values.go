package locks

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"conch"
)

// A leader and an observer in one process, each a client of another server. Lock says a value
// and waits until the observer has heard it; Unlock does nothing.

// electionName is what the leader leads under.
const electionName = "/election/" + Name

// errNotObserved says that the observer hears no more.
var errNotObserved = errors.New("locks: the observation has ended")

// conchValue has clients of two conch nodes.
type conchValue struct {
	leader, observer *conch.Client
	term             conch.Hold
	observed         <-chan conch.Leader
	said             int
}

func openConchValue(ctx context.Context, spec Spec) (*conchValue, error) {
	leader, err := conch.Dial(ctx, conch.DialConfig{Nodes: spec.Endpoints[:1]})
	if err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	observer, err := conch.Dial(ctx, conch.DialConfig{Nodes: spec.Endpoints[1:2]})
	if err != nil {
		return nil, fmt.Errorf("locks: %w", errors.Join(err, leader.Close()))
	}
	v := &conchValue{leader: leader, observer: observer}
	if v.term, err = leader.Lock(ctx, electionName); err == nil {
		v.observed, err = observer.Observe(ctx, electionName)
	}
	if err != nil {
		return nil, fmt.Errorf("locks: %w", errors.Join(err, v.Close()))
	}
	return v, nil
}

func (v *conchValue) Lock(ctx context.Context) error {
	v.said++
	value := strconv.Itoa(v.said)
	if err := v.term.Say(ctx, value); err != nil {
		return fmt.Errorf("locks: %w", err)
	}
	for {
		select {
		case l, open := <-v.observed:
			if !open {
				return errNotObserved
			}
			if l.Term == v.term.Fence() && l.Value == value {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (v *conchValue) Unlock(context.Context) error { return nil }

func (v *conchValue) Close() error {
	_ = v.term.Unlock() // a loss would have failed Lock
	return errors.Join(v.leader.Close(), v.observer.Close())
}

// etcdValue has clients of two etcd servers.
type etcdValue struct {
	leader, observer *clientv3.Client
	election         *concurrency.Election
	observed         <-chan *clientv3.GetResponse
	said             int
}

func openEtcdValue(ctx context.Context, spec Spec) (*etcdValue, error) {
	one, other := spec, spec
	one.Endpoints, other.Endpoints = spec.Endpoints[:1], spec.Endpoints[1:2]
	leader, session, err := dialEtcd(ctx, one)
	if err != nil {
		return nil, err
	}
	observer, watching, err := dialEtcd(ctx, other)
	if err != nil {
		return nil, errors.Join(err, leader.Close())
	}
	v := &etcdValue{leader: leader, observer: observer, election: concurrency.NewElection(session, electionName)}
	if err := v.election.Campaign(ctx, ""); err != nil {
		return nil, fmt.Errorf("locks: etcd: campaign: %w", errors.Join(err, leader.Close(), observer.Close()))
	}
	v.observed = concurrency.NewElection(watching, electionName).Observe(ctx)
	return v, nil
}

func (v *etcdValue) Lock(ctx context.Context) error {
	v.said++
	value := strconv.Itoa(v.said)
	if err := v.election.Proclaim(ctx, value); err != nil {
		return fmt.Errorf("locks: etcd: proclaim: %w", err)
	}
	for {
		select {
		case told, open := <-v.observed:
			if !open {
				return errNotObserved
			}
			if len(told.Kvs) > 0 && string(told.Kvs[0].Value) == value {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (v *etcdValue) Unlock(context.Context) error { return nil }

func (v *etcdValue) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	defer cancel()
	return errors.Join(v.election.Resign(ctx), v.leader.Close(), v.observer.Close())
}
