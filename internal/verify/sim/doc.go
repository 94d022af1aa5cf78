// Package sim is a simulator of whole clusters over the real token package. One seed draws
// everything: how many nodes and locks there are, the clocks, the network, the requests,
// and the faults. Time is virtual, and there are no goroutines: a run is a function of its
// seed.
//
// In some runs clients in processes of their own ask for locks. When its node's process
// ends, such a client goes on holding while its lease lasts, and the judges count it.
//
// In a quarter of the runs the members change: operators add, remove and replace members,
// several at once; processes wait to be listed; disks are lost. Members are numbered by the
// machines on which they run; IDs are told from machines where messages name members.
//
// After every step judges check all nodes: at most one holder inside its session by its own
// clock, or several that share the lock, at most one live token, rising fences, no grant
// outside a session, no client's hold after the lease that the client was told, no run of a
// tick and no entry that a note on a quorum's disks forbids, one list of members of each
// version, no session of one that is not listed. Then the faults stop, and every waiter must be
// served, and every change completed, within a bound. A failing run is shrunk: faults and
// requests are removed while it still fails.
//
// # Reading order
//
// plan.go says what a run is, draw*.go draw it from a seed, and world.go runs it. member.go
// has a member's machine and process, perform.go what the process does for its node,
// stream.go the streams between members; client.go, clientreach.go and clientstream.go have
// the clients. ops.go and clientfault.go perform what the plan says, setback.go and orphan.go
// two kinds of faults. noteops.go has who asks for runs and kept holds, and notedisk.go what
// disks remember of them. membership.go has what machines and processes know of the members,
// joining.go who asks for a membership, and operator.go who changes it. judge.go,
// sharejudge.go, holdjudge.go, clientjudge.go, notejudge.go, witnessjudge.go,
// membersjudge.go, choicejudge.go, settle.go and memberssettle.go judge; shrink.go and
// trace.go show what was found.
//
// # What is not promised
//
// Proof: runs only sample. The simulator has no gRPC, no disk and no processes: code of
// this package performs a node's inputs and effects as the driver would. It does not try
// lying nodes, or clocks that drift by more than the protocol allows. Disks are set back to
// the copy of an earlier start, but lose nothing else that they saved; where members change,
// they are lost or keep all. Members that change are of one cluster.
package sim
