// Package node puts a node together: the driver of package broadcast, the service for
// clients, the ports and sockets that both are served on, the bounds on connections to
// them, the credentials, the memory across restarts, and the metrics. Before that, [Find] may look
// for the members, by the rules of package discovery. Package conch is its public part.
//
// # Reading order
//
// config.go and node.go start and stop a node, access.go has its credentials and rules, and
// serve.go its ports and sockets, of which handover.go, local.go and counting.go are parts.
// memory.go has what is kept across restarts, find.go and show.go look for members,
// join.go and startjoined.go become one of a cluster that runs.
//
// # What is not promised
//
// Anything about locks: the packages that are put together here promise that.
package node
