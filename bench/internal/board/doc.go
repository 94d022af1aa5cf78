// Package board is a page of memory that all processes of one measurement share: a
// file that each of them maps. On it they count what they do and note who was in the
// critical section, so that one thing is counted in one way for every lock, whatever
// it is made of and whether or not it has fencing numbers.
//
// What is done inside the critical section is done here, too: a holder that finds
// another inside counts a violation. A benchmark of a lock that does not exclude
// would be worth nothing.
//
// # What is not promised
//
// Order between counters that are read while others write. A window is measured by
// two reads of all counters, each of which may be late by what one entry counts.
package board
