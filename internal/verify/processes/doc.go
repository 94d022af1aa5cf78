// Package processes runs a whole conch cluster as real processes of one program on
// this machine's loopback interface: it finds free ports, starts a process for
// each node, with a log file of its own and one shared file that witnesses every
// critical section, and can kill, freeze, thaw, restart and stop each of them.
// The demonstration, the tests of real processes and the benchmarks stand on it.
//
// No process is left behind. Stop ends every node, by force if it must, and on
// Linux the kernel ends them when the program that started them dies in whatever
// way. Every process is a process group of its own, so that Ctrl-C at a terminal
// reaches the program alone, which then stops its nodes in order.
//
// # What is not promised
//
// A free port is one that was free a moment ago. If another program takes it first,
// Start begins anew with other ports, a few times; a node that is restarted later
// needs its old port, and fails if that was taken meanwhile.
//
// On systems other than Linux, nodes outlive a program that is killed, or that dies
// before it has stopped them.
package processes
