// Package node puts a node together: the driver of package broadcast, the service for
// clients, the ports and sockets that both are served on, what bounds the connections to
// them, the credentials, the memory across restarts, and the metrics. Package conch has the
// public part of it.
//
// # What is not promised
//
// Anything about locks: that is for the packages that are put together here.
package node
