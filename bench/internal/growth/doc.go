// Package growth makes figures of what a run has found: what a grant costs by the number
// of nodes, and how many grants there are by the number of locks; and charts of them,
// beside what theory says.
//
// A figure over rounds is made of figures of the same round: what sessions cost at rest
// is taken off from what was measured in the same round, and rates are divided by rates
// of the same round.
//
// # What is not promised
//
// That what sessions cost at rest is what they cost beside work. It is the best that can
// be told from outside a process.
package growth
