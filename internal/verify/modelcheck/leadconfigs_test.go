package modelcheck

import "conch/token"

// leadConfigs are the searches in which holders say values.
var leadConfigs = []Config{
	// No time; messages come in any order, and streams end.
	{
		Name: "values", Members: 3, Locks: 1, Start: Held, StepsPerTTL: 4,
		Requests: [maxMembers]int{0, 1, 1}, Says: [maxMembers]int{2, 1, 0}, Rest: AtOnce,
	},
	{
		Name: "values, streams end", Members: 2, Locks: 1, Start: Held, StepsPerTTL: 4,
		Requests: [maxMembers]int{1, 1}, Says: [maxMembers]int{2, 1}, Faults: Faults{Breaks: 2}, Sample: 64,
	},
	{
		Name: "values, several clients", Members: 2, Locks: 1, Start: Held, StepsPerTTL: 4, LocalBatch: 2,
		Requests: [maxMembers]int{2, 1}, Says: [maxMembers]int{2, 1}, Rest: AtOnce,
	},
	// Time goes far, and messages come promptly unless a fault delays them.
	{
		Name: "values, crash", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		Requests: [maxMembers]int{0, 1, 0}, Says: [maxMembers]int{1, 1, 0}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "values, stalls and drift", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 8,
		Slow: []token.Member{0}, Requests: [maxMembers]int{0, 1, 0}, Says: [maxMembers]int{2, 1, 0}, Faults: Faults{Stalls: 3}, Sample: 512,
	},
	{
		Name: "values, cuts and pauses", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		Requests: [maxMembers]int{0, 1, 0}, Says: [maxMembers]int{1, 1, 0}, Faults: Faults{Breaks: 2, Pauses: 1}, Sample: 512,
	},
	{
		Name: "values, forgetting", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		IdleToken: 1, IdleLock: 2, Requests: [maxMembers]int{0, 1, 0}, Says: [maxMembers]int{1, 1, 0}, Faults: Faults{Breaks: 1, Stalls: 1}, Sample: 512,
	},
	// Messages come in any order, and time goes a little way.
	{
		Name: "values, all faults, batches", Members: 2, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 6,
		Clients: true, Requests: [maxMembers]int{1, 1}, Says: [maxMembers]int{2, 1},
		Faults: Faults{Breaks: 1, Crashes: 1, Leaves: 1, Pauses: 1}, Sample: 512,
	},
}
