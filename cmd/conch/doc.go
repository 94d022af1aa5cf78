// Command conch runs, shows and judges a distributed lock without a server: "conch node" is
// one member of a cluster, "conch demo" shows a few of them take turns on one machine, and
// "conch logs" merges, checks and explains the logs of nodes. "conch status", "who", "why",
// "watch", "ls", "leader" and "permits" ask a node about the cluster and its locks, and
// "conch break" takes a lock from its holder.
//
// This package is flags, wiring and exit codes, and nothing else. A command with wrong
// arguments ends with exit code 64 and one line that says what to do. Each other code has one
// meaning in all commands, which exit.go tells; an error without a code of its own ends with 1.
//
// # Reading order
//
// main.go puts the commands together; each has a file of its name. "conch node" has its flags
// in nodeflags.go, nodelog.go and nodesocket.go, and turns them into a configuration in
// nodemembers.go and nodeconfig.go; "conch lock" and "conch elect" run in lockrun.go,
// wait in lockwait.go and end in lockend.go. ask.go connects to a node, failure.go and exit.go turn
// errors into exit codes.
//
// # What is not promised
//
// Text for people, such as the progress of a demonstration, may change with each version.
// Logs keep to their schema, and --json to its keys.
package main
