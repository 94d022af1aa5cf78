// Package servers runs the servers that clients need, as processes on loopback: nodes
// of conch, three of etcd, one or three of Redis, three of ZooKeeper. Their data lies in a
// folder of the run. Between their turns they are frozen, so that a server that has
// nothing to do does not slow what is measured then.
//
// etcd's server runs in this program, as a process of its own; Redis and ZooKeeper
// are what the system has.
//
// # What is not promised
//
// Servers set up for production. Redis keeps nothing on disk here, which makes it
// faster and Redlock less safe.
package servers
