package modelcheck

import "conch/token"

// Faults that take too long for a search from the beginning: each search here begins in the
// middle, after a prelude.

// halfway is for a burial that is not held for long enough. A has the token. B cannot hear
// A, and C could not for a while; so B has begun a ballot that buries A. But C has heard
// from A at the last moment, and hears of the ballot late.
var halfway = Config{
	Name: "halfway", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 4,
	prelude: []action{
		{kind: stall, a: 0, b: 2},
		{kind: step},
		{kind: stall, a: 0, b: 1},
		{kind: step},
		{kind: acquire, a: 1},
		{kind: step},
		{kind: stall, a: 2, b: 1},
		{kind: step}, // B probes, and C could bury A
		{kind: deliver, a: 2, b: 1},
		{kind: deliver, a: 2, b: 1},
		{kind: cut, a: 1, b: 0},
		{kind: stall, a: 1, b: 2},
		{kind: resume, a: 0, b: 2}, // C guards A
		{kind: stall, a: 0, b: 2},
		{kind: step},
		{kind: resume, a: 2, b: 1}, // B buries A
	},
}

// overtime is for a round that lasts too long: as before, but C goes on hearing from A as
// long as the search likes.
var overtime = Config{
	Name: "overtime", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 3,
	Faultless: []token.Member{0, 1, 2},
	Faulty:    []Stream{{0, 2}},
	Faults:    Faults{Stalls: 1},
	prelude: []action{
		{kind: stall, a: 0, b: 2},
		{kind: acquire, a: 1},
		{kind: step},
		{kind: stall, a: 0, b: 1},
		{kind: cut, a: 1, b: 0},
		{kind: stall, a: 2, b: 1},
		{kind: step}, // B probes, and C could bury A
		{kind: deliver, a: 2, b: 1},
		{kind: deliver, a: 2, b: 1},
		{kind: resume, a: 0, b: 2}, // C guards A
		{kind: stall, a: 1, b: 2},
		{kind: pause, a: 1},
		{kind: resume, a: 2, b: 1}, // B buries A
	},
}

// unheard is for a lease that is too long: A has the token and a slow clock, and its
// streams to the others may stall.
var unheard = Config{
	Name: "unheard", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 6,
	Slow: []token.Member{0}, Requests: [maxMembers]int{0, 1, 0},
	Faulty: []Stream{{0, 1}, {0, 2}},
	Faults: Faults{Stalls: 2},
}

// reborn is for what a restarted member forgets: A has the token, and C, which guards A,
// crashes.
var reborn = Config{
	Name: "reborn", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 4, Steps: 4,
	Requests: [maxMembers]int{0, 1, 0}, Faultless: []token.Member{0, 1},
	Faulty: []Stream{{0, 1}, {1, 0}, {0, 2}},
	Faults: Faults{Crashes: 1, Stalls: 2, Breaks: 1},
}

// away is for a token that is taken despite a promise to a later one: it is slowly on its
// way while others look for it.
var away = Config{
	Name: "away", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 6,
	Requests: [maxMembers]int{0, 1, 1}, Faultless: []token.Member{0, 1, 2},
	Faulty: []Stream{{0, 1}, {2, 1}, {1, 2}, {1, 0}},
	Faults: Faults{Stalls: 3},
}

// overdue is for a token that reaches a member in another session than it was sent to: it
// is on its way to B, and nobody hears from B for a while.
var overdue = Config{
	Name: "overdue", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 4,
	Faultless: []token.Member{0, 1, 2},
	prelude: []action{
		{kind: acquire, a: 1},
		{kind: stall, a: 0, b: 1},
		{kind: release, a: 0},
		{kind: acquire, a: 2},
		{kind: stall, a: 1, b: 0},
		{kind: stall, a: 1, b: 2},
		{kind: cut, a: 2, b: 1},
		{kind: step},
		{kind: step}, // C makes a new token
	},
}
