// Package netns runs nodes and clients as processes on a real network: each host is a
// network namespace, and a bridge in one more namespace joins them. One seed draws the
// faults: one-way cuts, links that go down or flap, resets, processes that are killed,
// frozen or stopped, and, in proxies before some clients, connections that stall in the
// middle of a frame. Clients have hundreds of holds and waits, so that restating them takes
// several frames; others are `conch lock` with a command.
//
// All record in one file when they certainly held a lock, by a clock that all share;
// package exclusion judges that. At the end all faults stop, every client must be served,
// and then every lock must be free and every table empty.
//
// Run needs root on Linux, and ip of iproute2; Available says whether this machine has what
// it needs.
//
// # What is not promised
//
// The same run again: a seed draws only the same faults. A `conch lock` is not frozen: it
// could not end its command in time then, which is what fences are for.
package netns
