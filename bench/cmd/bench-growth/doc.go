// Command bench-growth measures how the cost of a grant grows with the number of nodes,
// and the number of grants with that of locks, in interleaved rounds of one run. `make
// bench-growth` runs it, and writes docs/GROWTH.md and the charts in docs/growth.
//
// Nodes are processes, which are this program in another role; up to fifty of them run
// at once, on loopback. Larger clusters are run in virtual time, in a process too: a
// thousand members take 2.6 GB of memory. It needs Linux.
//
// # What is not promised
//
// That fifty nodes on one machine are as fast as on fifty. They share its cores, and
// their messages do. Messages, bytes and processor time are what can be compared.
package main
