package modelcheck

import (
	"slices"

	"conch/token"
)

// configs are the searches that run as far as time allows: in `make test` for a moment, in
// `make soak` for as long as asked. The first ones complete.
var configs = append([]Config{
	// The paper's algorithm: no faults, no time. Whatever the order, every waiter is
	// served.
	{
		Name: "paper", Members: 3, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Requests: [maxMembers]int{2, 2, 1}, Faults: Faults{Withdrawals: 1}, Rest: AtOnce,
	},
	{
		Name: "paper, two locks", Members: 2, Locks: 2, Start: Idle, StepsPerTTL: 4,
		Requests: [maxMembers]int{2, 2}, Rest: AtOnce,
	},
	{
		Name: "paper, several clients", Members: 3, Locks: 1, Start: Held, StepsPerTTL: 4,
		Requests: [maxMembers]int{2, 2, 2}, Rest: AtOnce,
	},
	{
		Name: "local batches", Members: 3, Locks: 1, Start: Held, StepsPerTTL: 4, LocalBatch: 2,
		Requests: [maxMembers]int{3, 2, 1}, Faults: Faults{Withdrawals: 1}, Rest: AtOnce,
	},
	{
		Name: "tries", Members: 3, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Requests: [maxMembers]int{0, 1, 0}, Tries: [maxMembers]int{1, 1, 1}, Faults: Faults{Withdrawals: 1}, Rest: AtOnce,
	},
	halfway, overtime, unheard, reborn, away, overdue,
	// A cluster that starts, with no token anywhere.
	{
		Name: "cold", Members: 2, Locks: 1, Start: Cold, StepsPerTTL: 4, Steps: 2,
		Requests: [maxMembers]int{1, 1}, Sample: 64,
	},
	{
		Name: "first token", Members: 3, Locks: 1, Start: Ready, StepsPerTTL: 4, Steps: 1,
		Requests: [maxMembers]int{1, 1, 1}, Sample: 512,
	},
	// Time goes far, and messages come promptly unless a fault delays them.
	{
		Name: "crash", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "two crashes", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 2}, Sample: 512,
	},
	{
		Name: "two crashes, no disks", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		Diskless: true, Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 2}, Sample: 512,
	},
	{
		Name: "crash and stalls", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 1, Stalls: 2}, Sample: 512,
	},
	{
		Name: "stalls and drift", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		Slow: []token.Member{0}, Requests: [maxMembers]int{0, 1, 0}, Faults: Faults{Stalls: 3}, Sample: 512,
	},
	{
		Name: "cuts and pauses", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		Slow: []token.Member{1}, Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Breaks: 2, Pauses: 2}, Sample: 512,
	},
	{
		Name: "leaves", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 8,
		Requests: [maxMembers]int{1, 1, 1}, Faults: Faults{Leaves: 2, Stalls: 1}, Sample: 512,
	},
	{
		Name: "forgetting", Members: 3, Locks: 1, Start: Idle, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		IdleToken: 1, IdleLock: 3, FencesPerEpoch: 1, Requests: [maxMembers]int{1, 1, 1}, Faults: Faults{Stalls: 2}, Sample: 512,
	},
	// Clients go on holding when their member crashes.
	{
		Name: "clients", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		Clients: true, Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 2}, Sample: 64,
	},
	{
		Name: "clients, all crash", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 8,
		Clients: true, Requests: [maxMembers]int{1, 1, 0}, Faults: Faults{Crashes: 3}, Sample: 512,
	},
	{
		Name: "clients, alone", Members: 1, Locks: 1, Start: Held, StepsPerTTL: 8, Steps: 24,
		Clients: true, Requests: [maxMembers]int{2}, Faults: Faults{Withdrawals: 1, Crashes: 2, Leaves: 1}, Sample: 1,
	},
	{
		Name: "clients, stalls and drift", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 8,
		Clients: true, Slow: []token.Member{0}, Requests: [maxMembers]int{0, 1, 0}, Faults: Faults{Crashes: 2, Stalls: 1}, Sample: 512,
	},
	{
		Name: "clients, batches", Members: 2, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 4, Steps: 8,
		Clients: true, Requests: [maxMembers]int{1, 1}, Faults: Faults{Crashes: 2}, Sample: 512,
	},
	// Time goes a little way, and messages come whenever the search likes.
	{
		Name: "crash, any order", Members: 2, Locks: 1, Start: Held, StepsPerTTL: 4, Steps: 8,
		Requests: [maxMembers]int{1, 1}, Faults: Faults{Crashes: 1}, Sample: 512,
	},
	{
		Name: "all faults, batches", Members: 2, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 8,
		Requests: [maxMembers]int{1, 1}, Faults: Faults{Withdrawals: 1, Breaks: 1, Crashes: 1, Leaves: 1, Pauses: 1}, Sample: 512,
	},
	{
		Name: "local batches, all faults, batches", Members: 2, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 6, LocalBatch: 2,
		Requests: [maxMembers]int{2, 2}, Faults: Faults{Withdrawals: 1, Breaks: 1, Crashes: 1, Leaves: 1, Pauses: 1}, Sample: 512,
	},
	{
		Name: "local batches, used up, batches", Members: 3, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 2, LocalBatch: 2,
		FencesPerEpoch: 3, Requests: [maxMembers]int{2, 1, 1}, Sample: 512,
	},
	{
		Name: "no disks, batches", Members: 2, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 8,
		Diskless: true, Requests: [maxMembers]int{1, 1}, Faults: Faults{Breaks: 1, Crashes: 2}, Sample: 512,
	},
	{
		Name: "two locks, forgetting, batches", Members: 2, Locks: 2, Start: Idle, Delivery: Batched, StepsPerTTL: 2, Steps: 8,
		IdleToken: 1, IdleLock: 2, FencesPerEpoch: 2, Requests: [maxMembers]int{2, 2}, Faults: Faults{Withdrawals: 1, Breaks: 1}, Sample: 512,
	},
	{
		Name: "three, crash, batches", Members: 3, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 5,
		Slow: []token.Member{0}, Requests: [maxMembers]int{0, 1, 0}, Faults: Faults{Crashes: 1}, Sample: 512,
	},
	{
		Name: "three, used up, batches", Members: 3, Locks: 1, Start: Idle, Delivery: Batched, StepsPerTTL: 2, Steps: 3,
		FencesPerEpoch: 1, Requests: [maxMembers]int{1, 1, 1}, Faults: Faults{Withdrawals: 1}, Sample: 512,
	},
}, slices.Concat(shareConfigs, leadConfigs, noteConfigs, changeConfigs)...)
