// Package nemesis puts real nodes through faults: processes that are killed, frozen,
// stopped and started again, and streams that are cut, stalled and slowed by proxies on
// loopback. Run draws the faults from a seed, and judges the nodes by what they wrote: the
// file to which all critical sections append, and their logs. Clients that share locks, and
// that lead and observe, are judged by what they are told. The benchmark measures how soon
// the lock is granted again.
//
// A minority of the members is in trouble at a time, and the others must go on meanwhile.
// Once in each run a majority is away, and nobody may enter. In every other step the members
// change while nodes are in trouble: one is added, removed or replaced, dead or alive. A change
// that is refused is asked for again, and completes once the faults of its step are over. From
// then on the node that left must not enter, and it must end. At the end the faults stop, and
// every member must enter again.
//
// # What is not promised
//
// The same run again: a seed draws the same faults, but the processes and the kernel keep
// their own time. The logs tell what happened in a run.
//
// A node that is stopped between a grant and the line that it appends for it appends that
// line late. The judges accept such a line, as a resource that checks fences would refuse
// the node, if the same node then says that it lost the lock, or was killed before it
// could.
package nemesis
