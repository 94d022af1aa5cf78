package modelcheck

import "conch/token"

const (
	alone   = token.Exclusive
	readers = token.Unlimited
)

// modes are those of two clients at each of three members.
func modes(a, b, c, d, e, f token.Limit) [maxMembers][maxClients]token.Limit {
	return [maxMembers][maxClients]token.Limit{{a, b}, {c, d}, {e, f}}
}

// shareConfigs are the searches in which locks are shared.
var shareConfigs = []Config{
	// No faults, no time.
	{
		Name: "readers", Members: 2, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Modes: modes(alone, readers, readers, alone, 0, 0), Requests: [maxMembers]int{2, 2}, Faults: Faults{Withdrawals: 1}, Rest: AtOnce,
	},
	{
		Name: "readers, three", Members: 3, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Modes: modes(alone, alone, readers, readers, readers, alone), Requests: [maxMembers]int{1, 2, 1}, Rest: AtOnce,
	},
	// A RECALL that comes late, from a member whose waiter has given up, draws the DONE
	// there: the one that waits recalls again after T/4.
	{
		Name: "permits", Members: 3, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Modes: modes(2, 2, 2, 2, 2, 2), Requests: [maxMembers]int{2, 1, 1}, Faults: Faults{Withdrawals: 1}, Sample: 512,
	},
	{
		Name: "permits and one alone", Members: 2, Locks: 1, Start: Idle, StepsPerTTL: 4, LocalBatch: 2,
		Modes: modes(2, 2, 2, alone, 0, 0), Requests: [maxMembers]int{3, 3}, Rest: AtOnce,
	},
	{
		Name: "shares, tries", Members: 2, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Modes: modes(alone, 2, 2, alone, 0, 0), Requests: [maxMembers]int{1, 1}, Tries: [maxMembers]int{1, 1}, Rest: AtOnce,
	},
	// Time goes far, and messages come promptly unless a fault delays them.
	{
		Name: "readers, crash", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Modes: modes(readers, alone, alone, alone, readers, alone), Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "readers, clients", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		Clients: true, Modes: modes(readers, alone, alone, alone, readers, alone), Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 2}, Sample: 64,
	},
	{
		Name: "readers, stalls", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		Modes: modes(readers, alone, alone, readers, readers, alone), Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Stalls: 3}, Sample: 512,
	},
	{
		Name: "permits, crash and stalls", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		Clients: true, Modes: modes(2, 2, 2, 2, 2, 2), Requests: [maxMembers]int{1, 1, 1}, Faults: Faults{Crashes: 1, Stalls: 1}, Sample: 512,
	},
	{
		Name: "readers, leaves", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 8,
		Modes: modes(readers, alone, readers, alone, alone, alone), Requests: [maxMembers]int{1, 1, 1}, Faults: Faults{Leaves: 2, Stalls: 1}, Sample: 512,
	},
	{
		Name: "readers, forgetting", Members: 3, Locks: 1, Start: Idle, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		IdleToken: 1, IdleLock: 3, FencesPerEpoch: 1, Modes: modes(readers, alone, readers, alone, alone, alone),
		Requests: [maxMembers]int{1, 1, 1}, Faults: Faults{Stalls: 2}, Sample: 512,
	},
	// Time goes a little way, and messages come in any order.
	{
		Name: "readers, all faults, batches", Members: 2, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 8,
		Clients: true, Modes: modes(readers, alone, alone, readers, 0, 0),
		Requests: [maxMembers]int{1, 2}, Faults: Faults{Withdrawals: 1, Breaks: 1, Crashes: 1, Leaves: 1, Pauses: 1}, Sample: 512,
	},
	{
		Name: "permits, batches", Members: 3, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 4,
		Modes: modes(2, 2, 2, 2, 2, alone), Requests: [maxMembers]int{2, 1, 2}, Faults: Faults{Crashes: 1}, Sample: 512,
	},
}
