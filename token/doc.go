// Package token is the algorithm by which the members of a cluster agree who may
// enter a critical section: Suzuki and Kasami's broadcast token ("A Distributed
// Mutual Exclusion Algorithm", ACM TOCS 3(4), 1985), for any number of named
// locks.
//
// The package is pure. It has no goroutine, channel, lock, clock, randomness or
// I/O. Inputs are methods of Node; time comes in as an argument; what is to be
// done comes out as a list of effects, which a driver performs in order. The same
// inputs always bring about the same effects, so what runs in production is what
// the simulator and the exhaustive search judge.
//
// request.go and pass.go are the paper, a function for each of its rules. The page
// DESIGN.md beside this file tells every departure from it and why.
//
// # What is not promised
//
// A Node is not safe for concurrent use; its driver owns it. It trusts its peers:
// a member that lies can break every promise. It does not bound how long a holder
// keeps the lock, nor how many locks it is asked for: each that it was told of costs some
// 300 bytes and its name for two hours. Who asks on behalf of others has to see to that
// (InspectCount), and then every member keeps what the others let in.
package token
