package contest

import (
	"context"
	"fmt"

	"conch/bench/internal/locks"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// Names of the subjects that are conch.
const (
	ConchSaturated   = "conch/saturated"
	ConchLogged      = "conch/saturated, logging"
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
		{Name: ConchSaturated, Label: "3 node processes, 2 callers in each that always want the lock: requests ride", round: played(saturated(nodes, 2, locks.LogNothing), warmGrants)},
		{Name: ConchLogged, Label: "the same, each with its log in a file, level info", round: played(saturated(nodes, 2, locks.LogFile), warmGrants)},
		{Name: "conch/saturated, one caller", Label: "3 node processes, 1 caller in each: requests are sent", round: played(saturated(nodes, 1, locks.LogNothing), warmGrants)},
	}
	for _, n := range Counted {
		all = append(all, &Subject{
			Name:  ConchMessages(n),
			Label: fmt.Sprintf("%d node processes, 2 callers in each, messages counted", n),
			round: played(saturated(n, 2, locks.LogCount), warmGrants),
		})
	}
	return append(all,
		&Subject{Name: ConchUncontended, Label: "nobody competes, and the token is always at another node", round: played(func(_ context.Context, p *play) error {
			return p.takeTurns(locks.ConchNode)
		}, warmGrants)},
		&Subject{Name: ConchHere, Label: "the token is here: in the node's own process", round: played(tokenHere, once)},
	)
}

// saturated is n members, each with some callers that want the lock all the time. With
// two callers somebody waits at each node whenever another leaves, so the node's next
// request rides on the token.
func saturated(n, callers int, log locks.LogUse) cast {
	return func(_ context.Context, p *play) error {
		addresses, err := servers.FreeAddresses(n)
		if err != nil {
			return err
		}
		for i := range addresses {
			spec := locks.Spec{Kind: locks.ConchNode, Endpoints: addresses, Self: i, TTL: TTL, Log: log}
			if err := p.start(worker.Job{Mode: worker.Loop, Lock: spec, Users: callers, Stride: n}); err != nil {
				return err
			}
		}
		return nil
	}
}

// tokenHere is three members, of which one wants the lock.
func tokenHere(_ context.Context, p *play) error {
	addresses, err := servers.FreeAddresses(nodes)
	if err != nil {
		return err
	}
	for i := range addresses {
		job := worker.Job{Mode: worker.Idle, Lock: locks.Spec{Kind: locks.ConchNode, Endpoints: addresses, Self: i, TTL: TTL}}
		if i == 0 {
			job.Mode = worker.Batch
		}
		if err := p.start(job); err != nil {
			return err
		}
	}
	return nil
}
