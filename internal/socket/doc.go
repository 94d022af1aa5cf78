// Package socket knows where on this machine the nodes of a user have their unix
// sockets, by which clients find them without an address, and opens such a socket
// so that nobody else can use it, or only those to whom it is given. [Keep] makes its file
// again when somebody removes it.
//
// What was started from a login, by cron or by a service manager has different
// environments, which name different directories. So a node also writes down where its
// socket is and who the members of its cluster are, in a directory that is the same in
// all environments of the user ([Announce]), and clients look into all directories
// ([Find]). What a node leaves behind that has died tells that there was one.
//
// What is not promised: that two processes which find the same abandoned socket in
// the same moment are kept apart; both may replace it, and then the later has it.
// A node has its port besides, which only one process can have. Nor that a node is found
// whose directory for temporary files nobody else can see, as with PrivateTmp of systemd.
package socket
