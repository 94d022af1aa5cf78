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
// # Bounds
//
// What clients can make a node keep is bounded: waits and holds, for each client and in
// all; names of locks (broadcast.ErrTooManyLocks); watches and lists, for each caller and
// in all, and what all watches keep track of. Who passes a bound is refused with a code of
// its own. Nobody is waited for who does not read: answers to a client that does not are
// few, and then it is not read from; a watch keeps the names of some changes, and not
// their states; and after a time either is ended.
//
// What clients of other members ask for comes from these members, and is bounded there. A
// member that keeps to its own bounds tells of no new name once it knows as many as it
// may, others' among them; so a million is the bound of all together, and for as long as
// members are cut off from each other, of each.
//
// # Reading order
//
// service.go has the service, access.go who may do what. stream.go takes what a client says
// on its stream, and link.go what carries that; outbox.go and unheard.go are what waits to be
// said. part.go, view.go and merge.go answer for the cluster, for list.go, watch.go, break.go
// and drain.go. observe.go tells what this node has heard of leaders.
//
// # Not promised
//
// What is told of the whole cluster was true of each part at some moment, not of all
// at the same. Descriptions of clients are what they say of themselves, and what other
// members say is theirs to answer for. Who may do what is up to package rules.
package service
