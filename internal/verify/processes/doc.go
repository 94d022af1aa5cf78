// Package processes runs a whole conch cluster as real processes of one program on this
// machine's loopback interface: it finds free ports and starts a process for each node,
// with a log file of its own and one shared witness file of every critical section. It can
// kill, freeze, thaw, restart and stop each of them. The demonstration, the tests of real
// processes and the benchmarks use it.
//
// No process is left behind. Stop ends every node, by force if it must, and on Linux the
// kernel ends them when the program that started them dies in any way. Every process is a
// process group of its own, so that Ctrl-C at a terminal reaches only the program, which
// then stops its nodes in order.
//
// # What is not promised
//
// That a port which was free a moment ago still is. If another program takes it first,
// Start begins anew with other ports, a few times; a node that is restarted later needs its
// old port, and fails if that was taken meanwhile.
//
// On systems other than Linux, nodes outlive a program that is killed, or that dies before
// it has stopped them.
package processes
