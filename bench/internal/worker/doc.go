// Package worker is one process of a measurement: a client of a lock, a member of a
// cluster, a part of a bare relay, or a whole cluster in virtual time. It does its work
// over and over, notes on the board what it does, keeps histograms of how long it took,
// and writes a report to its standard output when the board says that it is the end.
//
// Every lock is measured by the same loop, whatever it is made of. What the loop
// itself costs, six readings of the clock and a few words of shared memory, is less
// than a microsecond.
//
// # What is not promised
//
// Latencies free of coordinated omission: a worker asks again when it has been served,
// not at a fixed rate. They are latencies of these clients under their own load.
package worker
