// Package clientwire turns the messages between a client and its node from the plain
// values of package frames into those of conch.client.v1, and back. Both ends use it:
// what a node encodes, a client decodes, and the other way round.
//
// Decoding checks what needs no state: that a message has a kind, that enumerations have
// a value that this version knows, and that times are not negative. The errors say what
// was received and what was expected. Whether a message makes sense where it comes is for
// the state machines to say. Hello and Welcome, which open a stream, are no messages of
// package frames, and are errors here.
package clientwire
