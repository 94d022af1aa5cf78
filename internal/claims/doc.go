// Package claims is a node's table of claims: who at this node waits for a lock, who holds
// one, alone or with others, and until when. A claim is one wait and the hold that may follow. It belongs to a
// caller in the node's own process, or to a client, which speaks over streams.
//
// The table is a state machine like [token.Node], beside which it stands: inputs are
// methods, time is an argument, and what is to be done comes out as effects. It has no
// goroutine, lock or clock, so the simulator runs it as production does.
//
// # What is promised
//
// Each lock that the node holds is held by a claim in the table, or by nobody. A grant
// without a known claim goes back in the same step ([Table.Return]), and a claim leaves the
// table in the same step in which its owner gives it up. The hold of a silent client ends
// with the client's lease. Nothing is remembered of a client that has no stream and no claim, but for one time
// to live what became of the runs that it ended. A kept hold that ends without its holder's
// word stays kept.
//
// # What is not promised
//
// That a client still has the lock when it acts: a suspended client finds out too late. Only
// a resource that compares fences refuses it then.
//
// # Reading order
//
// table.go has the state, effect.go what the table wants done. local.go has the callers in
// this process; client.go clients and their streams, acquire.go and release.go their
// requests, say.go what they say, lease.go how long they hold. notes.go has runs and kept holds. token.go takes the effects of the token algorithm,
// and stop.go ends everything.
package claims
