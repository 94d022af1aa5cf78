package locks

import (
	"context"
	"fmt"
	"time"

	"conch/token"
)

// Counts are what a node of our own has counted since its start.
type Counts struct {
	Grants     float64
	Sent, Rode float64 // its requests: sent to all other members, or riding on the token
	Lock       float64 // messages that are about the lock: REQUEST, TOKEN, and those that make a token
	Session    float64 // messages that keep sessions up
}

// Since is what has been counted since an earlier reading.
func (c Counts) Since(earlier Counts) Counts {
	return Counts{
		Grants:  c.Grants - earlier.Grants,
		Sent:    c.Sent - earlier.Sent,
		Rode:    c.Rode - earlier.Rode,
		Lock:    c.Lock - earlier.Lock,
		Session: c.Session - earlier.Session,
	}
}

// Plus is what two nodes have counted together.
func (c Counts) Plus(other Counts) Counts {
	return Counts{
		Grants:  c.Grants + other.Grants,
		Sent:    c.Sent + other.Sent,
		Rode:    c.Rode + other.Rode,
		Lock:    c.Lock + other.Lock,
		Session: c.Session + other.Session,
	}
}

// Counted is a lock whose node counts what it does.
type Counted interface {
	Lock
	// Counts reads the counters.
	Counts() (Counts, error)
	// Meet waits until the node has a session, and a stream to and from each other member.
	Meet(ctx context.Context) error
}

// meetEvery is how often a node is asked whether it has met the others.
const meetEvery = 50 * time.Millisecond

func (n *node) Meet(ctx context.Context) error {
	tick := time.NewTicker(meetEvery)
	defer tick.Stop()
	for {
		values, err := n.values()
		if err != nil {
			return err
		}
		if values["conch_peers_up"] == float64(len(n.node.Members())-1) && values["conch_in_session"] == 1 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("locks: %v of %d other members were met: %w", values["conch_peers_up"], len(n.node.Members())-1, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (n *node) Counts() (Counts, error) {
	values, err := n.values()
	if err != nil {
		return Counts{}, err
	}
	c := Counts{
		Grants: values["conch_grants_total"],
		Sent:   values["conch_requests_total sent"],
		Rode:   values["conch_requests_total rode"],
	}
	for kind := token.Request; kind <= token.WitnessAnswer; kind++ {
		count := values["conch_messages_total "+kind.String()]
		if aboutSession(kind) {
			c.Session += count
		} else {
			c.Lock += count
		}
	}
	return c, nil
}

func aboutSession(kind token.MessageKind) bool {
	switch kind {
	case token.KeepAlive, token.Ping, token.Pong, token.Busy, token.Clear, token.Bye:
		return true
	}
	return false
}

// apart are the labels whose values are told apart; over the others it is summed up.
var apart = map[string]bool{"kind": true, "way": true}

// values are what the node shows of itself, by name and the label that is told apart.
func (n *node) values() (map[string]float64, error) {
	families, err := n.metrics.Gather()
	if err != nil {
		return nil, fmt.Errorf("locks: what a node counts: %w", err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				if apart[label.GetName()] {
					name += " " + label.GetValue()
				}
			}
			values[name] += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return values, nil
}
