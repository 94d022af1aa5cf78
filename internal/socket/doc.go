// Package socket knows where on this machine the nodes of a user have their unix
// sockets, by which clients find them without an address, and opens such a socket
// so that nobody else can use it. [Keep] makes its file again when somebody removes it.
//
// What is not promised: that two processes which find the same abandoned socket in
// the same moment are kept apart; both may replace it, and then the later has it.
// A node has its port besides, which only one process can have.
package socket
