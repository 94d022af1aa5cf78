// Package theory is what the algorithm should cost by what is written of it: Suzuki and
// Kasami's paper for the messages of the lock, the product's token/DESIGN.md for riding
// requests and for sessions, the product's own schema for the bytes. What is measured
// stands beside it.
//
// # What is not promised
//
// Times: nothing here tells how long a message takes.
package theory
