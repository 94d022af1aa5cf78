// Package client is a client of a node: it finds a node, connects to it, and holds
// and waits for locks there, as conch.client.v1 describes it. The node's part is
// package service.
//
// A [Client] speaks to one node of a list, and moves its waits on to the next when
// that one is gone. Its holds stay where they were granted. It counts their leases
// itself, on a clock of its own that goes on through a suspend, so it knows in time
// that a hold is lost, whatever the node says or does not say.
//
// Reading order: client.go has the client, reach.go, target.go and connect.go find a node.
// node.go performs what package attachment decides about it, over the streams of stream.go
// and link.go, which hear.go receives from. hold.go has what callers wait for and hold.
//
// What is not promised: that a hold outlives its node's process. It ends with the
// lease that the node gave last. And a process that stands still cannot look at its
// clock; what must not be touched by a late holder has to compare fences.
package client
