// Package node puts a node together: the driver of package broadcast, the service for
// clients, the ports and sockets that both are served on, the bounds on connections to
// them, the credentials, the memory across restarts, and the metrics. Before that, [Find] may look
// for the members, by the rules of package discovery. Package conch is its public part.
//
// # What is not promised
//
// Anything about locks: the packages that are put together here promise that.
package node
