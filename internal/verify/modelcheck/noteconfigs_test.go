package modelcheck

// wants are those of two clients at each of three members.
func wants(a, b, c, d, e, f want) [maxMembers][maxClients]want {
	return [maxMembers][maxClients]want{{a, b}, {c, d}, {e, f}}
}

// noteConfigs are the searches with runs and kept holds. Those with runs begin before anybody
// has used the lock: there is one tick.
var noteConfigs = []Config{
	// No faults, no time. Two ballots at once need some, and have it in calm.
	{
		Name: "runs", Members: 3, Locks: 1, Start: Ready, StepsPerTTL: 4,
		Wants: wants(once, again, once, again, once, again), Requests: [3]int{1, 1, 1}, Sample: 512,
	},
	{
		Name: "kept holds", Members: 3, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Wants: wants(kept, plain, plain, kept, plain, kept), Requests: [3]int{1, 1, 1}, Faults: Faults{Withdrawals: 1}, Rest: AtOnce,
	},
	// Time goes far, and messages come promptly unless a fault delays them.
	{
		Name: "runs, crashes", Members: 3, Locks: 1, Start: Ready, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Wants: wants(once, again, once, again, once, again), Requests: [3]int{1, 1, 1}, Faults: Faults{Crashes: 2}, Sample: 512,
	},
	{
		Name: "runs, stalls", Members: 3, Locks: 1, Start: Ready, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		Wants: wants(once, again, once, again, once, again), Requests: [3]int{1, 1, 1}, Faults: Faults{Crashes: 1, Stalls: 2}, Sample: 512,
	},
	{
		Name: "kept holds, crashes", Members: 3, Locks: 1, Start: Idle, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Wants: wants(kept, plain, kept, plain, kept, plain), Requests: [3]int{1, 1, 1}, Faults: Faults{Crashes: 2}, Sample: 512,
	},
	{
		Name: "kept holds, stalls", Members: 3, Locks: 1, Start: Idle, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
		Wants: wants(kept, plain, kept, plain, kept, plain), Requests: [3]int{1, 1, 1}, Faults: Faults{Withdrawals: 1, Stalls: 2}, Sample: 512,
	},
	// Time goes a little way, and messages come in any order.
	{
		Name: "runs, batches", Members: 3, Locks: 1, Start: Ready, Delivery: Batched, StepsPerTTL: 2, Steps: 4,
		Wants: wants(once, again, once, again, once, again), Requests: [3]int{1, 1, 0}, Faults: Faults{Crashes: 1}, Sample: 512,
	},
}
