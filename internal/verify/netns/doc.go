// Package netns runs nodes and clients as processes on a real network: each host is a
// network namespace, and a bridge in one more namespace joins them. One seed draws what
// goes wrong: one-way cuts, links that are pulled or flap, resets, processes that are
// killed, frozen or stopped, and, in proxies before some clients, connections that stall
// in the middle of a frame. Clients have hundreds of holds and waits, so that what they
// restate takes several frames; others are `conch lock` with a command.
//
// All write into one file when they certainly held a lock, by a clock that all share;
// package exclusion judges that. At the end all faults stop, every client must be served, and
// then every lock must be free and every table empty.
//
// Run needs root on Linux, and ip of iproute2; Available says whether this machine has
// what it needs.
//
// # What is not promised
//
// A seed draws the same faults again, but not the same run. A `conch lock` is not frozen:
// it could not end its command in time then, which is what fences are for.
package netns
