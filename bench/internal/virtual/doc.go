// Package virtual is clusters of any size in virtual time: the members are real
// token.Nodes, and everything between them is a queue. It is there to count what a
// thousand members would send each other, and to time what the algorithm's own code
// costs then.
//
// # What is not promised
//
// Faults, or delays that differ: nothing is lost, nothing overtakes. What may go wrong
// in a cluster is tried elsewhere, by the product's own simulator. Nothing is encoded
// either: what a message costs on a wire is not in these times.
package virtual
