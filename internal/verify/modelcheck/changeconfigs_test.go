package modelcheck

import "conch/token"

// joins is a change that a member is asked for: members join, with the IDs from id on.
func joins(at token.Member, id int, out ...token.Member) proposal {
	return proposal{at: at, add: []token.Listed{newMember(id, id)}, out: out}
}

func removes(at token.Member, out ...token.Member) proposal { return proposal{at: at, out: out} }

// changeConfigs are the searches in which the members change.
var changeConfigs = []Config{
	// The choice: no time, and messages come in any order.
	{
		Name: "two proposers", Members: 2, First: 2, Locks: 1, Start: Ready, StepsPerTTL: 4,
		Changes: []proposal{removes(0, 1), removes(1, 0)}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "three choose", Members: 3, First: 3, Locks: 1, Start: Ready, StepsPerTTL: 4,
		Changes: []proposal{removes(0, 1), removes(1, 0)}, Faultless: []token.Member{0, 1, 2}, Sample: 512,
	},
	{
		Name: "three choose, crash", Members: 3, First: 3, Locks: 1, Start: Ready, Delivery: Batched, StepsPerTTL: 4,
		Changes: []proposal{removes(0, 1), removes(1, 0)}, Faultless: []token.Member{0, 1}, Faults: Faults{Crashes: 1}, Sample: 512,
	},
	// Time goes far, and messages come promptly unless a fault delays them.
	{
		Name: "1 to 2", Members: 2, First: 1, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Changes: []proposal{joins(0, 1)}, Requests: [maxMembers]int{0, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "2 to 1", Members: 2, First: 2, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Changes: []proposal{removes(1, 0)}, Requests: [maxMembers]int{0, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "2 to 3", Members: 3, First: 2, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Changes: []proposal{joins(0, 2)}, Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "3 to 2", Members: 3, First: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Changes: []proposal{removes(1, 0)}, Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "one of 2 replaced", Members: 3, First: 2, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Changes: []proposal{joins(1, 2, 0)}, Requests: [maxMembers]int{0, 1, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "one of 3 replaced", Members: 4, First: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 12,
		Changes: []proposal{joins(1, 3, 0)}, Requests: [maxMembers]int{0, 1, 0, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "2 to 1, stalls", Members: 2, First: 2, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 10,
		Changes: []proposal{removes(1, 0)}, Requests: [maxMembers]int{0, 1}, Faultless: []token.Member{0, 1},
		Faults: Faults{Stalls: 1}, Sample: 64,
	},
	{
		Name: "2 to 1, clients", Members: 2, First: 2, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 8,
		Clients: true, Changes: []proposal{removes(1, 0)}, Requests: [maxMembers]int{0, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	{
		Name: "the only one replaced", Members: 2, First: 1, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 14,
		Changes: []proposal{joins(0, 1, 0)}, Requests: [maxMembers]int{0, 1}, Faults: Faults{Crashes: 1}, Sample: 64,
	},
	replacedRuns, behind1to3, silent4to3,
	behind3to1,
}

// behind3to1 is for a lease of the next list alone. A, which stays and has the lock, has brought the
// change through; B and C do not hear of it.
var behind3to1 = Config{
	Name: "3 to 1, behind", Members: 3, First: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 8,
	Changes: []proposal{removes(0, 1, 2)}, Faultless: []token.Member{0, 1, 2}, Sample: 64,
	prelude: []action{
		{kind: stall, a: 0, b: 1},
		{kind: stall, a: 0, b: 2},
		{kind: propose, a: 0},
		{kind: deliver, a: 0, b: 1}, // CHOOSE
		{kind: deliver, a: 0, b: 1}, // ACCEPT
		{kind: acquire, a: 1},
	},
}

// replacedRuns is for notes that a new member does not have on its disk, which is slow: A has run,
// and is replaced.
var replacedRuns = Config{
	Name: "the only one replaced, runs", Members: 2, First: 1, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 8,
	Wants: wants(once, once, once, once, plain, plain), Changes: []proposal{joins(0, 1, 0)},
	Requests: [maxMembers]int{0, 1}, Faulty: []Stream{}, Faults: Faults{Crashes: 1}, Sample: 64,
	prelude: []action{{kind: endRun, a: 0}, {kind: stall, a: 1, b: 1}},
}

// behind1to3 is for a lease of the old list alone: A, which was alone and has the lock, hears B and C
// only one message at a time.
var behind1to3 = Config{
	Name: "1 to 3, behind", Members: 3, First: 1, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 7,
	Changes:   []proposal{{at: 0, add: []token.Listed{newMember(1, 1), newMember(2, 2)}}},
	Faultless: []token.Member{0, 1, 2}, Sample: 64,
	prelude: []action{
		{kind: propose, a: 0},
		{kind: stall, a: 1, b: 0},
		{kind: stall, a: 2, b: 0},
		{kind: step},
		{kind: deliver, a: 1, b: 0}, // JOINED
		{kind: acquire, a: 1},
	},
}

// silent4to3 is for a member that has not joined: A, which leaves and has the lock, and B do not hear
// each other, and soon A hears nobody.
var silent4to3 = Config{
	Name: "4 to 3, silent", Members: 4, First: 4, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 5,
	Changes: []proposal{removes(1, 0)}, Faultless: []token.Member{0, 1, 2, 3}, Sample: 64,
	prelude: []action{
		{kind: stall, a: 0, b: 1},
		{kind: stall, a: 1, b: 0},
		{kind: propose, a: 1},
		{kind: step}, {kind: step}, {kind: step},
		{kind: stall, a: 2, b: 0},
		{kind: stall, a: 3, b: 0},
		{kind: acquire, a: 1},
	},
}
