package modelcheck

import "conch/token"

// What clients want: a run of a tick, at most once or at least once; a kept hold, of nobody
// or of an owner, who may adopt it.
var (
	plain   = want{}
	once    = want{tick: 1, skip: true}
	again   = want{tick: 1}
	later   = want{tick: 2, skip: true}
	kept    = want{kept: true}
	owned   = want{kept: true, owner: "o"}
	adopts  = want{kept: true, owner: "o", adopt: true}
	other   = want{kept: true, owner: "p", adopt: true}
	nobodys = want{kept: true, adopt: true}
)

// wants are those of two clients at each of three members.
func wants(a, b, c, d, e, f want) [maxMembers][maxClients]want {
	return [maxMembers][maxClients]want{{a, b}, {c, d}, {e, f}}
}

// void is for a run that was to begin and did not: it forbids none.
var void = Config{
	Name: "void", Members: 3, Locks: 1, Start: Idle, Delivery: Prompt, StepsPerTTL: 2, Steps: 5,
	Wants: wants(once, once, once, once, plain, plain), Requests: [maxMembers]int{1, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	prelude: []action{
		{kind: stall, a: 0, b: 0},
		{kind: stall, a: 2, b: 0},
		{kind: stall, a: 1, b: 0},
		{kind: acquire, a: 0},
		{kind: withdraw, a: 0},
		{kind: resume, a: 0, b: 0},
		{kind: resume, a: 1, b: 0},
		{kind: resume, a: 2, b: 0},
	},
}

// refused is for a token that a quorum refuses to witness for. It is slowly on its way to C
// while B begins a ballot, which A promises and C does not hear of; then it arrives.
var refused = Config{
	Name: "refused", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 5,
	Wants: wants(plain, plain, plain, plain, once, once), Requests: [maxMembers]int{1}, Faultless: []token.Member{0, 2},
	Sample: 64,
	prelude: []action{
		{kind: acquire, a: 2},
		{kind: stall, a: 0, b: 2},
		{kind: release, a: 0},
		{kind: acquire, a: 1},
		{kind: step},
		{kind: stall, a: 2, b: 0},
		{kind: stall, a: 2, b: 1},
		{kind: step},
		{kind: stall, a: 1, b: 2},
		{kind: deliver, a: 2, b: 1},
		{kind: deliver, a: 2, b: 1},
		{kind: deliver, a: 2, b: 1},
		{kind: deliver, a: 2, b: 1}, // B begins its ballot
		{kind: resume, a: 0, b: 2},
		{kind: resume, a: 2, b: 0},
		{kind: crash, a: 1}, // and does not take back what A promised
	},
}

// noteConfigs are the searches with runs of ticks and kept holds.
var noteConfigs = []Config{
	// No faults, no time.
	{
		Name: "runs", Members: 2, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Wants: wants(once, again, once, later, plain, plain), Requests: [maxMembers]int{2, 1}, Faults: Faults{Withdrawals: 1}, Rest: AtOnce,
	},
	{
		Name: "runs, three", Members: 3, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Wants: wants(again, again, again, again, plain, plain), Requests: [maxMembers]int{1, 1, 1}, Rest: AtOnce,
	},
	{
		Name: "runs, tries", Members: 2, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Wants: wants(once, again, once, plain, plain, plain), Requests: [maxMembers]int{1}, Tries: [maxMembers]int{1, 1}, Rest: AtOnce,
	},
	{
		Name: "kept", Members: 2, Locks: 1, Start: Held, StepsPerTTL: 4,
		Wants: wants(owned, plain, adopts, other, plain, plain), Requests: [maxMembers]int{1, 1}, Frees: 1, Faults: Faults{Abandons: 1, Withdrawals: 1}, Sample: 64,
	},
	{
		Name: "kept, nobody's", Members: 2, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Wants: wants(kept, kept, plain, nobodys, plain, plain), Requests: [maxMembers]int{1, 1}, Faults: Faults{Abandons: 1, Withdrawals: 1}, Sample: 64,
	},
	{
		Name: "runs, streams end", Members: 2, Locks: 1, Start: Idle, StepsPerTTL: 4,
		Wants: wants(once, once, once, later, plain, plain), Requests: [maxMembers]int{1, 1}, Faults: Faults{Breaks: 1, Withdrawals: 1}, Sample: 64,
	},
	{
		Name: "kept, readers", Members: 2, Locks: 1, Start: Held, StepsPerTTL: 4,
		Modes: modes(alone, readers, readers, alone, 0, 0), Wants: wants(owned, plain, plain, adopts, plain, plain),
		Requests: [maxMembers]int{1, 2}, Frees: 1, Faults: Faults{Abandons: 1}, Sample: 64,
	},
	// Time goes far, and messages come promptly unless a fault delays them.
	{
		Name: "runs, crash", Members: 3, Locks: 1, Start: Idle, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
		Wants: wants(once, once, once, once, plain, plain), Requests: [maxMembers]int{1, 1},
		Faulty: []Stream{{0, 0}, {1, 1}, {1, 0}}, Faults: Faults{Crashes: 1, Stalls: 1}, Sample: 512,
	},
	{
		Name: "runs, all crash", Members: 2, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
		Wants: wants(once, once, once, later, plain, plain), Requests: [maxMembers]int{0, 2}, Faults: Faults{Crashes: 2, Stalls: 1}, Sample: 512,
	},
	{
		Name: "runs, lapse", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
		Wants: wants(once, once, once, once, plain, plain), Requests: [maxMembers]int{0, 1}, Lates: 1, Faultless: []token.Member{1, 2},
		Faulty: []Stream{{0, 0}, {1, 0}, {2, 0}, {0, 2}}, Faults: Faults{Pauses: 1, Stalls: 2}, Sample: 512,
	},
	{
		Name: "runs again, crash", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
		Wants: wants(again, again, again, once, plain, plain), Requests: [maxMembers]int{0, 1},
		Faulty: []Stream{{0, 0}, {0, 1}, {0, 2}, {1, 0}}, Faults: Faults{Crashes: 1, Stalls: 2}, Sample: 512,
	},
	{
		Name: "kept, crash", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
		Wants: wants(owned, owned, plain, adopts, plain, plain), Requests: [maxMembers]int{0, 1, 1}, Frees: 1,
		Faulty: []Stream{{0, 0}, {1, 1}, {1, 0}}, Faults: Faults{Crashes: 1, Stalls: 1}, Sample: 512,
	},
	{
		Name: "kept, lapse", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
		Wants: wants(owned, owned, plain, adopts, plain, plain), Requests: [maxMembers]int{0, 1, 1}, Frees: 1, Faultless: []token.Member{1, 2},
		Faulty: []Stream{{0, 0}, {1, 0}, {2, 0}, {1, 2}}, Faults: Faults{Pauses: 1, Stalls: 2}, Sample: 512,
	},
	{
		Name: "kept, leaves", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
		Wants: wants(owned, owned, kept, kept, plain, plain), Requests: [maxMembers]int{0, 1, 1}, Frees: 1, Faults: Faults{Leaves: 2, Abandons: 1}, Sample: 512,
	},
	{
		Name: "runs, forgetting", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 7,
		IdleToken: 1, IdleLock: 2, FencesPerEpoch: 2, Wants: wants(once, once, once, later, plain, plain),
		Requests: [maxMembers]int{0, 2}, Faults: Faults{Stalls: 1, Withdrawals: 1}, Sample: 512,
	},
	{
		Name: "kept, forgetting", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 7,
		IdleToken: 1, IdleLock: 2, FencesPerEpoch: 2, Wants: wants(owned, plain, adopts, plain, plain, plain),
		Requests: [maxMembers]int{0, 1}, Frees: 1, Faults: Faults{Stalls: 1, Withdrawals: 1, Abandons: 1}, Sample: 512,
	},
	void, refused,
	// Time goes a little way, and messages come in any order.
	{
		Name: "runs, batches", Members: 2, Locks: 1, Start: Idle, Delivery: Batched, StepsPerTTL: 2, Steps: 6,
		Wants: wants(once, again, once, later, plain, plain), Requests: [maxMembers]int{2, 1}, Faults: Faults{Breaks: 1, Crashes: 1, Pauses: 1}, Sample: 512,
	},
	{
		Name: "kept, batches", Members: 2, Locks: 1, Start: Held, Delivery: Batched, StepsPerTTL: 2, Steps: 6,
		Wants: wants(owned, plain, adopts, plain, plain, plain), Requests: [maxMembers]int{1, 1}, Frees: 1, Faults: Faults{Breaks: 1, Crashes: 1, Abandons: 1}, Sample: 512,
	},
}
