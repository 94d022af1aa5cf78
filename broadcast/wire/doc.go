// Package wire is the wire format of the streams between members: the messages of package
// token as frames of peer.proto, and back.
//
// It is pure: it starts no goroutine, and knows no stream, clock or log. Read wire.go for
// what is encoded and how frames are cut, decode.go for what is refused, share.go for what
// a lock that is shared adds, and compact.go for the two kinds of messages that are written
// and read without the generated code; codec.go has what gRPC calls.
//
// # What is not promised
//
// That what was decoded is true. It makes sense by itself, in a cluster of this many
// members; whether it fits what happened is for package token. HELLO, the first message
// of a stream, is package broadcast's.
package wire
