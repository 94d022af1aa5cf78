package explore

import "conch/token"

// What takes so long to come about that a search from the beginning would not get
// there begins in the middle: with a prelude, and the rest is left to the search.

// halfway is for a burial that is not held for long enough. A has the token. B cannot
// hear A, and neither could C for a while; so B has begun a ballot that buries A. But
// C has heard from A at the last moment, and hears of the ballot late.
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

// overtime is for a round that lasts too long: the same, but C goes on hearing from A,
// as long as the search likes.
var overtime = Config{
	Name: "overtime", Members: 3, Locks: 1, Start: Held, Delivery: Prompt, StepsPerTTL: 2, Steps: 3,
	Spared: []token.Member{0, 1, 2},
	Frail:  []Stream{{0, 2}},
	Faults: Faults{Stalls: 1},
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
		{kind: oversee, a: 1},
		{kind: resume, a: 2, b: 1}, // B buries A
	},
}
