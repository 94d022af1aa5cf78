// Package sim is a simulator of whole clusters over the real token package. One seed
// draws everything: how many nodes and locks there are, the clocks, the network, which
// lock is asked for where and when, and what fails. Time is virtual, and there are no goroutines: a run is
// a function of its seed.
//
// In some runs locks are asked for by clients in processes of their own. When its node's
// process ends, such a client goes on holding for as long as its lease lasts, and the
// judges count it.
//
// After every step judges look at all nodes: at most one holder inside its session by
// its own clock, at most one live token, fences that rise, no grant outside a
// session, no client's hold after the lease that the client was told. Then the faults
// stop, and every waiter must be served within a bound. A run that fails is shrunk: faults
// and requests are taken out for as long as it still fails.
//
// # What is not promised
//
// A run that passes proves nothing; runs sample. The simulator has no gRPC, no disk
// and no processes: a node's inputs and effects are carried out as the driver would,
// by code of this package. It does not try nodes that lie, or clocks that drift by more
// than the protocol allows. Disks are set back to the copy of an earlier start, but lose
// nothing else that they saved.
package sim
