// Package token is the algorithm by which the members of a cluster agree which of them
// may enter a critical section: Suzuki and Kasami's broadcast token ("A Distributed Mutual
// Exclusion Algorithm", ACM TOCS 3(4), 1985), for any number of named locks.
//
// The package is pure. It has no goroutine, channel, lock, clock, randomness or I/O. Inputs
// are methods of Node, and time is an argument. What is to be done comes out as a list of
// effects, which a driver performs in order. The same inputs always cause the same effects,
// so the simulator and the exhaustive search judge the code that runs in production.
//
// # Where to read
//
// DESIGN.md beside this file says what departs from the paper, and why. The files, in the
// best order to read them:
//
//   - The paper: types.go (Token with its LN and Q), message.go, request.go (REQUEST, RN)
//     and pass.go (leave, and what becomes of the token). node.go has the inputs, config.go
//     what a node needs at its start, lock.go what it knows of one lock, effect.go what comes
//     out. try.go is a request that does not wait.
//   - Sessions: session.go (the lease), lapse.go (its end) and busy.go; then start.go,
//     hello.go, known.go and bye.go, for a process that starts, comes back, has an old disk,
//     and leaves.
//   - A lost token: search.go (probe), ballot.go (the proposer) and promise.go
//     (the members).
//   - Shared locks: share.go (the waiters, and a node's own share), turn.go (who enters when
//     the token is here), recall.go (how shares come back) and limit.go (a higher limit).
//   - Leaders, who hold a lock alone and say values: say.go.
//   - What a quorum's disks remember of a lock: run.go (once per tick) and kept.go (holds that
//     outlive their holder); notes.go (what a member remembers), witness.go (what it does for
//     others), round.go (how a quorum is made to) and entry.go (who enters after that).
//   - Members that change: membership.go (lists of members), birth.go (how the first is
//     settled), members.go (going by the next), choose.go (choosing it) and joining.go
//     (completing it).
//   - Unused locks: rest.go and forget.go. timers.go is the node's alarm clock.
//   - Not part of the algorithm: inspect.go shows a node's state to a status page and to
//     the judges, inspect_clone.go copies it, and inspect_encode.go with inspect_values.go,
//     inspect_notes.go and inspect_members.go encodes it for the exhaustive search. No rule
//     calls them.
//
// # What is not promised
//
// A Node is not safe for concurrent use; its driver owns it. It trusts its peers: a member
// that lies can break every promise. It bounds neither how long a holder keeps the lock nor
// how many locks it is asked for: each that it is told of costs some 300 bytes and its name
// for two hours. A driver that asks on behalf of others has to bound their number
// (InspectCount); every member then keeps what the others let in.
package token
