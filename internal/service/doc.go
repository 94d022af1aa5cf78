// Package service is a node's service to clients: processes that want locks and are
// no members of the cluster. What it says on the wire is in proto/conch/client/v1.
//
// A client's stream carries its waits and its holds. A wait ends with the stream. A
// hold does not: the command under it may live on, so it ends by a release, or when
// the client's lease is over. That lease is never longer than the node's own, so a
// client that has lost its node knows in time, by its own clock, that it has lost
// its locks, before any other node can grant them.
//
// Every node answers for the whole cluster: it asks the others what they know, and
// puts the parts together.
//
// # Not promised
//
// What is told of the whole cluster was true of each part at some moment, not of all
// at the same. Descriptions of clients are what they say of themselves, and what other
// members say is theirs to answer for. Who may do what is up to package rules.
package service
