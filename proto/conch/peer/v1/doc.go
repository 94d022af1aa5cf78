// Package peerv1 is what the members of a cluster say to each other, generated
// from peer.proto, which documents each message. Package broadcast turns these
// messages into the plain structs of package token and back; nothing else
// should import them.
//
// What is not promised: compatibility between versions of the protocol. The
// first message of a stream names its version, and a member refuses any other
// than its own.
package peerv1
