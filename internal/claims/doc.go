// Package claims is a node's table of claims: who at this node waits for a lock, who
// holds one, and until when. A claim is one wait and the hold that may come of it. It
// belongs to a caller in the node's own process, or to a client, which speaks over
// streams.
//
// The table is a state machine like [token.Node], which it stands beside: inputs are
// methods, time comes in as a number, and what is to be done goes out as effects. It
// has no goroutine, lock or clock, so the simulator runs it as production does.
//
// # What is promised
//
// Each lock is held by a claim in the table, or by nobody. A grant that the table does
// not know a claim for goes back in the same step ([Table.Return]), and a claim leaves
// the table in the same step in which its owner gives it up. A hold whose client says
// nothing more ends with the client's lease. Nothing is remembered of a client that has
// no stream and no claim.
//
// # What is not promised
//
// That a client still does what it was granted the lock for: a client that stands still
// finds out too late. Only a resource that compares fences refuses it then.
//
// # Reading order
//
// table.go has the state, effect.go what the table wants done. local.go has the callers
// in this process; client.go clients and their streams, acquire.go and release.go what
// they ask for, lease.go how long they hold. token.go takes what the token algorithm
// decides, and stop.go ends everything.
package claims
