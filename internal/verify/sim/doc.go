// Package sim is a simulator of whole clusters over the real token package. One seed draws
// everything: how many nodes and locks there are, the clocks, the network, the requests,
// and the faults. Time is virtual, and there are no goroutines: a run is a function of its
// seed.
//
// In some runs clients in processes of their own ask for locks. When its node's process
// ends, such a client goes on holding while its lease lasts, and the judges count it.
//
// After every step judges check all nodes: at most one holder inside its session by its own
// clock, at most one live token, rising fences, no grant outside a session. Then the faults
// stop, and every waiter must be served within a bound. A failing run is shrunk: faults and
// requests are removed while it still fails.
//
// # What is not promised
//
// Proof: runs only sample. The simulator has no gRPC, no disk and no processes: code of
// this package performs a node's inputs and effects as the driver would. It does not try
// lying nodes, clocks that drift by more than the protocol allows, or disks that lose what
// they saved.
package sim
