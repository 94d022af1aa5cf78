// Package modelcheck searches, breadth first, every state that a small cluster can reach:
// every order of deliveries, releases, crashes, broken streams and passing time, over the
// real code of package token. Each state is judged; the first that breaks a promise is
// shown with the shortest sequence of actions that leads to it.
//
// A Config says how small: the number of members, locks and requests, how far time goes,
// and how many faults of each kind may happen. The search tries all that these budgets
// allow. Messages wait in their stream as long as the search likes, so delays, stalls and
// cuts of one direction need no budget. (With Prompt delivery they are faults like the
// others, so that time can go further.)
//
// Some states, and all that nothing can follow, are followed by calm: faults stop, and
// every waiter must be served within a bound.
//
// # Reading order
//
// config.go says how small a cluster is, state.go what it consists of, action.go and
// stepper.go what can happen to it. search.go visits the states with worker.go, hash.go and
// visited.go; judge.go, share.go, lead.go, note.go and calm.go judge them, and trace.go shows a
// violation.
//
// # What is not promised
//
// Anything about larger clusters, more faults or more time than a Config allows; a search
// that stops at its limit of states says nothing about deeper ones. Time moves in steps, a
// fraction of the sessions' time to live; all events of a step happen at one instant. A
// HELLO is accepted at the instant at which it is made. States are distinguished by 128
// bits of hash: two different ones could be taken for the same, with a probability of about
// 2^-82 in ten million.
package modelcheck
