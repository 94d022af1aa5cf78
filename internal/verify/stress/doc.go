// Package stress sends nodes what the client protocol allows, at the worst moments: Acquire
// and Withdraw in pairs, connections that break in the middle of a frame, streams that
// replace each other while late frames arrive on the older one, half-closed streams, and
// nodes that stop and start meanwhile. Most locks are shared, by readers or by permits.
// Callers of the Go package want the same locks. All of it runs in one process, so that the
// race detector sees both ends.
//
// Each client notes, by the rules of the protocol, when it believes that it holds which
// lock; package exclusion judges that. Afterwards every lock must be free and every table
// empty.
//
// # What is not promised
//
// A seed draws the same actions for each client again, but not the same run: goroutines
// keep their own time.
package stress
