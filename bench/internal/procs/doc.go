// Package procs runs the processes that a benchmark is made of: it starts them,
// freezes those that have a pause, reads how much processor time they have used, and
// ends every one of them, by its id. The kernel ends them too when the program that
// started them dies in whatever way.
//
// # What is not promised
//
// Anything but Linux: only it has clocks of other processes, and ends a process
// with its parent. A process that starts processes of its own answers for them.
package procs
