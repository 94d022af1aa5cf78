package nemesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"conch"
)

// elected is the lock under which clients lead.
const elected = "leader"

// leaders are clients of the nodes that lead one after the other and say values, and others
// that observe them, while the nodes are in trouble.
type leaders struct {
	elections *elections
	observers []*observer
	endLeading,
	endObserving context.CancelFunc
	leading, observing sync.WaitGroup

	mu    sync.Mutex
	terms []int // how often each client has led
	err   error // the first that no trouble explains
}

// observer is one of those who observe.
type observer struct {
	belief
	nodes []string // that it is told of
}

// String names the nodes that the observer is told of.
func (o *observer) String() string { return fmt.Sprintf("the observer at %v", o.nodes) }

// lead starts clients of all nodes, of which each asks the others when its own node is gone;
// and two observers for each node, of which one is told of no other node. It learns the
// members from its own.
func (o *trial) lead(ctx context.Context) *leaders {
	l := &leaders{elections: newElections()}
	addresses := o.listens()
	l.terms = make([]int, o.Leaders*len(addresses))
	observing, end := context.WithCancel(ctx)
	l.endObserving = end
	if o.Leaders > 0 {
		for i := range addresses {
			for _, nodes := range [][]string{from(addresses, i), addresses[i : i+1]} {
				seen := &observer{belief: belief{elections: l.elections}, nodes: nodes}
				l.observers = append(l.observers, seen)
				l.observing.Go(func() { l.note(observing, seen, seen.observe(observing)) })
			}
		}
	}
	leading, end := context.WithCancel(ctx)
	l.endLeading = end
	for i := range l.terms {
		random := rand.New(rand.NewPCG(o.Seed, uint64(i)))
		l.leading.Go(func() {
			l.note(leading, fmt.Sprintf("leader %d", i), l.campaign(leading, i, from(addresses, i%len(addresses)), random))
		})
	}
	return l
}

// listens are where the nodes listen for clients.
func (o *trial) listens() []string {
	var addresses []string
	for _, node := range o.cluster.Nodes() {
		addresses = append(addresses, node.Listens())
	}
	return addresses
}

// from returns the nodes with one of them first.
func from(nodes []string, first int) []string {
	return slices.Concat(nodes[first:], nodes[:first])
}

// note notes the end of a client. Its context's end explains all.
func (l *leaders) note(ctx context.Context, who any, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, fmt.Errorf("%v: %w", who, err))
}

// dialFirst dials until a node answers.
func dialFirst(ctx context.Context, nodes []string) (*conch.Client, error) {
	for {
		locks, err := conch.Dial(ctx, conch.DialConfig{Nodes: nodes})
		if err == nil || !errors.Is(err, conch.ErrUnreachable) || ctx.Err() != nil {
			return locks, err
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// observe observes until the context ends.
func (o *observer) observe(ctx context.Context) error {
	locks, err := dialFirst(ctx, o.nodes)
	if err != nil {
		return err
	}
	defer func() { _ = locks.Close() }() // it holds nothing
	told, err := locks.Observe(ctx, elected)
	for isTrouble(err) && ctx.Err() == nil {
		pause(ctx, 10*time.Millisecond)
		told, err = locks.Observe(ctx, elected)
	}
	if err != nil {
		return err
	}
	for l := range told {
		o.told(l)
	}
	return errors.New("it is told nothing more")
}

// campaign leads again and again, until the context ends.
func (l *leaders) campaign(ctx context.Context, client int, nodes []string, random *rand.Rand) error {
	locks, err := dialFirst(ctx, nodes)
	if err != nil {
		return err
	}
	defer func() { _ = locks.Close() }() // its node may be gone
	for number := 0; ctx.Err() == nil; {
		hold, err := locks.Lock(ctx, elected)
		switch {
		case isTrouble(err):
			continue
		case err != nil:
			return err
		}
		for range 1 + random.IntN(4) {
			number++
			if err = l.say(ctx, hold, client, fmt.Sprintf("value %d of leader %d", number, client)); err != nil {
				break
			}
			pause(ctx, time.Duration(random.Int64N(int64(20*time.Millisecond))))
		}
		for _, err := range []error{err, hold.Unlock()} {
			if err != nil && !isTrouble(err) {
				return err
			}
		}
		l.mu.Lock()
		l.terms[client]++
		l.mu.Unlock()
	}
	return nil
}

// isTrouble reports whether nodes in trouble explain an error.
func isTrouble(err error) bool {
	return errors.Is(err, conch.ErrUnreachable) || errors.Is(err, conch.ErrNoSession) || errors.Is(err, conch.ErrLost)
}

// say notes a value and says it.
func (l *leaders) say(ctx context.Context, hold conch.Hold, client int, value string) error {
	if err := l.elections.says(client, hold.Fence(), value); err != nil {
		return err
	}
	return hold.Say(ctx, value)
}

// failed returns the first violation, or what else no trouble explains.
func (l *leaders) failed() error {
	l.mu.Lock()
	err := l.err
	l.mu.Unlock()
	for _, o := range l.observers {
		if wrong := o.failed(); wrong != nil {
			err = errors.Join(err, fmt.Errorf("%v: %w", o, wrong))
		}
	}
	return err
}

// await waits until something is true, now that no node is in trouble; missing says what is
// not.
func (l *leaders) await(ctx context.Context, patience time.Duration, missing func() string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if err := l.failed(); err != nil {
			return err
		}
		what := missing()
		if what == "" {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("not within %v: %s", patience, what)
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// awaitTerms waits until each client has led once more.
func (l *leaders) awaitTerms(ctx context.Context, patience time.Duration) error {
	led := func() []int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.Clone(l.terms)
	}
	before := led()
	return l.await(ctx, patience, func() string {
		for i, terms := range led() {
			if terms == before[i] {
				return fmt.Sprintf("leader %d leads again", i)
			}
		}
		return ""
	})
}

// awaitBelief waits until all observers believe in a leader that says a value; or that nobody
// leads, if the term is 0.
func (l *leaders) awaitBelief(ctx context.Context, patience time.Duration, term uint64, value string) error {
	return l.await(ctx, patience, func() string {
		for _, o := range l.observers {
			if !o.believes(term, value) {
				return fmt.Sprintf("%v hears of value %q in term %d; it believes that %v", o, value, term, &o.belief)
			}
		}
		return ""
	})
}

// last has each client lead once more, now that no node is in trouble, and then only one, at
// some node: all observers must hear of it, and of its end.
func (l *leaders) last(ctx context.Context, patience time.Duration, node string) error {
	if len(l.observers) == 0 {
		return nil
	}
	if err := l.awaitTerms(ctx, patience); err != nil {
		return err
	}
	l.endLeading()
	l.leading.Wait()
	locks, err := dialFirst(ctx, []string{node})
	if err != nil {
		return err
	}
	defer func() { _ = locks.Close() }() // it holds nothing
	hold, err := locks.Lock(ctx, elected)
	if err != nil {
		return err
	}
	const value = "last"
	err = l.say(ctx, hold, len(l.terms), value)
	if err == nil {
		err = l.awaitBelief(ctx, patience, hold.Fence(), value)
	}
	if err := errors.Join(err, hold.Unlock()); err != nil {
		return err
	}
	return l.awaitBelief(ctx, patience, 0, "")
}

// String says how much was said and told.
func (l *leaders) String() string {
	l.elections.mu.Lock()
	terms, values := len(l.elections.terms), 0
	for _, t := range l.elections.terms {
		values += len(t.values)
	}
	l.elections.mu.Unlock()
	told := 0
	for _, o := range l.observers {
		o.mu.Lock()
		told += o.times
		o.mu.Unlock()
	}
	return fmt.Sprintf("%d values in %d terms, of which %d observers were told %d times", values, terms, len(l.observers), told)
}

// stop ends the clients.
func (l *leaders) stop() {
	l.endLeading()
	l.leading.Wait()
	l.endObserving()
	l.observing.Wait()
}

// finish ends the clients, and judges what the observers were told.
func (l *leaders) finish() error {
	l.stop()
	return l.failed()
}
