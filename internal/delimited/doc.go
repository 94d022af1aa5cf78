// Package delimited carries a client's stream over a unix socket without gRPC: the frames
// of conch.client.v1, each behind its length as a varint, which is the delimited format of
// protobuf's libraries. LockService.Attach in client.proto describes it for other
// languages.
//
// protodelim, which has the same format, does not serve here: it cannot go on with a
// frame of which half had come when a deadline passed, and cannot write without waiting.
//
// A [Conn] reads and writes messages. [Server] and [Client] are the two ends of a stream
// over one, and tell how it ends as gRPC would.
//
// # Not promised
//
// A peer that keeps still is not noticed here: there are no pings. Whoever waits for
// something has to bound that, as both ends of the protocol do.
package delimited
