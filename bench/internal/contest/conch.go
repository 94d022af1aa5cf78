package contest

import (
	"context"
	"fmt"
	"path/filepath"

	"conch/bench/internal/locks"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// Names of the subjects that are conch.
const (
	ConchSaturated   = "conch/saturated"
	ConchLogged      = "conch/saturated, logging"
	ConchCrowd       = "conch/crowd"
	ConchBatch       = "conch/crowd, local batch"
	ConchUncontended = "conch/uncontended"
	ConchHere        = "conch/token here"
	ConchFailover    = "conch/node failover"
)

// ConchMessages names the subject that counts messages, with n nodes.
func ConchMessages(n int) string { return fmt.Sprintf("conch/messages, %d nodes", n) }

// Counted are the sizes of clusters for which messages are counted.
var Counted = []int{3, 5, 9}

// conchSubjects are conch in all its uses.
func conchSubjects() []*Subject {
	all := []*Subject{
		{Name: ConchSaturated, Label: "3 node processes, 2 callers in each that always want the lock: requests ride", round: played(saturated(nodes, 2, locks.Spec{}), warmGrants)},
		{Name: ConchLogged, Label: "the same, each with its log in a file, level info", round: played(saturated(nodes, 2, locks.Spec{Log: locks.LogFile}), warmGrants)},
		{Name: "conch/saturated, one caller", Label: "3 node processes, 1 caller in each: requests are sent", round: played(saturated(nodes, 1, locks.Spec{}), warmGrants)},
		{Name: ConchCrowd, Label: "3 node processes, 8 callers in each, which take turns", round: played(saturated(nodes, crowd, locks.Spec{}), warmGrants)},
		{Name: ConchBatch, Label: "the same with --local-batch 8", round: played(saturated(nodes, crowd, locks.Spec{LocalBatch: batch}), warmGrants)},
		{Name: ConchCrowd + ", messages counted", Label: "8 callers in each, messages counted", round: played(saturated(nodes, crowd, locks.Spec{Log: locks.LogCount}), warmGrants)},
		{Name: ConchBatch + ", messages counted", Label: "the same with --local-batch 8", round: played(saturated(nodes, crowd, locks.Spec{Log: locks.LogCount, LocalBatch: batch}), warmGrants)},
	}
	for _, n := range Counted {
		all = append(all, &Subject{
			Name:  ConchMessages(n),
			Label: fmt.Sprintf("%d node processes, 2 callers in each, messages counted", n),
			round: played(saturated(n, 2, locks.Spec{Log: locks.LogCount}), warmGrants),
		})
	}
	return append(all,
		&Subject{Name: ConchUncontended, Label: "nobody competes, and the token is always at another node", round: played(elsewhere(nodes, locks.Spec{Kind: locks.ConchNode}), warmGrants)},
		&Subject{Name: ConchHere, Label: "the token is here: in the node's own process", round: played(tokenHere(nodes, locks.Spec{}), once)},
	)
}

// crowd is how many callers each node has where there are many, and batch how many of
// them a node lets in in a row where it does not take turns.
const (
	crowd = 8
	batch = 8
)

// members starts n members, whose jobs are of one specification and beyond that their
// own.
func members(n int, spec locks.Spec, job func(i int) worker.Job) cast {
	return func(_ context.Context, p *play) error {
		addresses, err := servers.FreeAddresses(n)
		if err != nil {
			return err
		}
		for i := range addresses {
			j := job(i)
			j.Lock = spec
			j.Lock.Endpoints, j.Lock.Self, j.Lock.TTL = addresses, i, TTL
			if j.Mode == worker.Turns {
				j.Turn, j.NextTurn = p.socket(i), p.socket(1-i)
			}
			if err := p.start(j); err != nil {
				return err
			}
		}
		return nil
	}
}

// socket is where the worker of a number hears that it is its turn.
func (p *play) socket(i int) string { return filepath.Join(p.dir, fmt.Sprintf("turn%d", i)) }

// saturated is n members, each with some callers that want the lock all the time. With
// two callers somebody waits at each node whenever another leaves, so the node's next
// request rides on the token.
func saturated(n, callers int, spec locks.Spec) cast {
	spec.Kind = locks.ConchNode
	return members(n, spec, func(int) worker.Job {
		return worker.Job{Mode: worker.Loop, Users: callers, Stride: n}
	})
}

// elsewhere is n members, of which two want the lock in turns.
func elsewhere(n int, spec locks.Spec) cast {
	return members(n, spec, func(i int) worker.Job {
		if i < 2 {
			return worker.Job{Mode: worker.Turns}
		}
		return worker.Job{Mode: worker.Idle}
	})
}

// tokenHere is n members, of which one wants the lock.
func tokenHere(n int, spec locks.Spec) cast {
	spec.Kind = locks.ConchNode
	return members(n, spec, func(i int) worker.Job {
		if i == 0 {
			return worker.Job{Mode: worker.Batch}
		}
		return worker.Job{Mode: worker.Idle}
	})
}
