// Package contest measures all that is compared, in rounds: each round has every
// subject once, one after the other, so that what slows the machine for a while slows
// all of them, and the spread of the rounds shows it. Subjects are conch beside its peers
// (Subjects), or beside itself with more nodes and more locks (GrowthSubjects).
//
// A subject is played by processes of its own, clients and servers alike. They warm
// up until the lock has been granted a few times, and for a while more; then comes
// the window that is measured. All of them share a board, package board, on which
// they count.
//
// # What is not promised
//
// A quiet machine. The load that others make while a run goes on is noted, not taken
// off. Where two cores carry three clients and three servers, what is measured is
// their processor time as much as their waiting.
package contest
