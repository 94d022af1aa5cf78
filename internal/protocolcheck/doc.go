// Package protocolcheck is what the simulator, the exhaustive search and the stepper share:
// when a token is alive, which states a cluster must never reach, and how a stream opens at
// once. Each of the three has a cluster of its own kind, keeps it in its own way, and
// reports in its own words; the rules by which they judge are here.
//
// # What is not promised
//
// That every judge is here. Only the simulator knows of time limits and of clients with a
// table of claims; the search keeps its counts in a small state that it copies at every
// action; the stepper judges the numbers that it shows. A judge that only one of them needs
// is in that one's package.
package protocolcheck
