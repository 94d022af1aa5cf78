// Package protocolcheck is what the simulator, the exhaustive search and the stepper have
// in common: when a token is alive, which states no cluster may come to, and how a stream
// opens at once. Each of the three has a cluster of its own kind, keeps it in its own way,
// and says in its own words what was found; the rules they judge by are the ones here.
//
// # What is not promised
//
// Not every judge is here. The simulator alone knows of time that runs out and of clients
// with a table of claims; the search keeps its counts in a small state that it copies at
// every action; the stepper judges the numbers that it shows. What only one of them judges
// is in that one's package.
package protocolcheck
