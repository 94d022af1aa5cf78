package service

import (
	"bytes"
	"context"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// A node that has started asks the others soon for the hash of their rules, since then
// they are most often wrong, and later now and then.
const (
	firstRulesCheck = 5 * time.Second
	rulesCheck      = time.Minute
)

// compareRules compares the rules of this node with those of the others until the service
// ends. Rules guard the clients of the node that has them: a caller who is refused here
// could go to another node.
func (s *Service) compareRules(first, interval time.Duration, differ func(peer string)) {
	told := make(map[string]string) // the pair of hashes that was last told of, by member
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-timer.C:
		}
		own := s.gate.rules().Hash()
		m := s.members()
		for i, theirs := range m.rulesOfOthers(s.life) {
			member := m.members[i]
			switch pair := string(own) + string(theirs); {
			case len(theirs) == 0: // it does not answer, or does not know of this
			case bytes.Equal(own, theirs):
				delete(told, member)
			case pair != told[member]:
				told[member] = pair
				differ(member)
			}
		}
		timer.Reset(interval)
	}
}

// rulesOfOthers asks the other members for the hashes of their rules, in member order.
// Those that do not answer have none.
func (r *roster) rulesOfOthers(ctx context.Context) [][]byte {
	hashes := make([][]byte, len(r.members))
	r.ask(ctx, func(ctx context.Context, i int, p *peer) {
		answer, err := p.Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		if err == nil && len(answer.GetStatuses()) == 1 {
			hashes[i] = answer.GetStatuses()[0].GetRules()
		}
	})
	return hashes
}
