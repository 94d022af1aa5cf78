// Package attachment decides what a client says to one node and what it makes of the
// answers: its waits, its holds and their leases, from the first stream to that node until
// nothing is left to be done there. It is the client's counterpart to the node's table of
// claims; what the messages mean is written in conch.client.v1.
//
// The package is pure: no goroutine, lock, clock or network. Inputs are the methods of
// [Attachment] that take the time; one process clock gives it, and its readings never
// decrease. What is to be done comes out as [Effect] values, to be performed in order, and
// as the messages of [Attachment.Take]. Package client is the shell around it. [Search]
// decides which node an attachment is made with.
//
// What is not promised: that a message which the shell hands in belongs to the present
// stream. The shell has to see to that: after Down it hands in nothing more of the stream
// that ended.
//
// Reading order: attachment.go (inputs), claim.go (what a claim goes through), places.go
// (who has its place in the queue), receive.go (one method for each message of the node),
// lease.go, send.go, tick.go.
package attachment
