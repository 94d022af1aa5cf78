// Package client is a client of a node: it finds a node, connects to it, and holds
// and waits for locks there, as conch.client.v1 describes it. The node's part is
// package service.
//
// A [Client] speaks to one node of a list, and moves its waits on to the next when
// that one is gone. Its holds stay where they were granted. It counts their leases
// itself, on a clock of its own that goes on through a suspend, so it knows in time
// that a hold is lost, whatever the node says or does not say.
//
// What is not promised: that a hold outlives its node's process. It ends with the
// lease that the node gave last. And a process that stands still cannot look at its
// clock; what must not be touched by a late holder has to compare fences.
package client
