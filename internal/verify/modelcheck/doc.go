// Package modelcheck searches, breadth first, through every state that a small cluster
// can come to: every order of deliveries, releases, crashes, broken streams and
// passing time, over the real code of package token. Each state is judged; the first
// that breaks a promise is shown with the shortest sequence of actions that leads to
// it.
//
// A Config says how small: how many members, locks and requests there are, how far
// time goes, and how many faults of each kind may happen. All that these budgets
// allow is tried. Messages wait in their stream for as long as the search likes, so
// delays, stalls and cuts of one direction need no budget. (With Prompt delivery they
// are faults like the others, so that time can go further.)
//
// Some states, and all that nothing can follow, are followed by calm: faults stop, and
// every waiter must be served within a bound.
//
// # What is not promised
//
// Nothing is said about larger clusters, more faults or more time than a Config
// allows, and a search that stops at its limit of states says nothing about what lies
// deeper. Time moves in steps, a fraction of the sessions' time to live; what happens
// within a step happens at one instant. A HELLO is accepted in the same instant in
// which it is made. States are told apart by 128 bits of hash: two different ones could
// be taken for the same, with a probability of about 2^-82 in ten million.
package modelcheck
