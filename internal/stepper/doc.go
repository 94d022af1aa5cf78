// Package stepper is a cluster of three to seven nodes that somebody moves by hand,
// one step at a time and back again, to see how the algorithm works: the nodes are
// those of package token, and around them are a simulated network and a time that
// passes only when it is told to. It is what the page /learn runs in a browser.
//
// A Scenario is a beginning and a list of operations, and has a short text that fits
// into a link. The same scenario always plays the same: History plays it and keeps
// what there was to see after every step, and going back is looking at an earlier
// one. After every input that a node takes, the cluster is judged by the rules of the
// simulator's judges, and each snapshot tells what they found.
//
// There is one lock. Clients ask for it alone, or share it: as readers, or with one of three
// permits. Members are called A to G. Messages take 30 to 60 ms unless they
// are delivered sooner, or delayed, by hand; heartbeats, as which the messages count
// that keep sessions, come along with whatever is behind them.
//
// # Reading order
//
// scenario.go and op.go say what is played, world.go plays it with member.go, clients.go,
// stream.go and time.go.
// judge.go judges, rules.go and words.go name what happened, snapshot.go has what there is to
// see, and history.go keeps it. call.go is what the page calls.
//
// # What is not promised
//
// The network is kinder than a real one: both ends notice at once that a stream is
// over, a HELLO is accepted in the instant in which it is made, and every node has a
// disk. Clocks run at one rate, though they read different times. A stream that is
// delayed stays open for as long as one likes. The simulator and the exhaustive search
// are there to find faults; this package is there to understand.
package stepper
