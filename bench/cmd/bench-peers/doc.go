// Command bench-peers sets conch beside the bare limits of what it stands on, and beside
// the locks that users would pick instead, in interleaved rounds of one run. `make
// bench-peers` runs it and writes docs/BENCHMARKS.md.
//
// It is a module of its own, so that what the peers need stays out of the product.
// The processes that it starts are itself, in another role (a worker, an etcd
// server), the conch program, and the servers of Redis and ZooKeeper, if the system
// has them; what is missing is left out, and said to be. All traffic is on loopback.
// It needs Linux.
//
// # What is not promised
//
// That figures of different machines, or of different runs, can be compared. That is
// why there are ratios, each of two figures of the same run.
package main
