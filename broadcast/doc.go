// Package broadcast is the driver: it runs the algorithm of package token over
// gRPC streams between the members of a cluster, and lets the callers of this
// process wait for locks.
//
// # What is not promised
//
// Delivery. What was handed to a stream that then ends is lost, and nothing is
// sent twice; package token repeats on a new stream what must not be missed.
// Order between two streams. Secrecy, or proof of who a member is: that is up to
// Config.Credentials and Config.CheckMember. That a member tells the truth: what makes
// sense is believed (docs/TESTING.md, "What cannot be seen of a hostile member").
//
// # One at a time
//
// The owner (owner.go) has the token.Node and all state of peers and callers, and one
// goroutine at a time works for it (work.go): whoever comes with an input, if nobody
// works already; else the input goes into one bounded inbox, and whoever works takes
// it. So where there is no queue, no input waits for another goroutine to wake up:
// a local caller that finds the token here has the lock after a microsecond, and a
// frame is taken by the goroutine that received it. Nobody works for others for long:
// after a spell, a goroutine that is there for that goes on.
//
// Whoever works takes all that is there, feeds it to the node, performs the node's
// effects in order, and then hands to each stream all that arose for it. So a burst
// costs one frame for each peer. Only whoever works writes the log, a line for each
// effect before the effect is performed; the file's order is the order in which things
// happened.
//
// Whoever works never waits for a peer. It does wait for the log's writer, and for the
// disk.
//
// # Streams
//
// Each pair of members has a stream in each direction, on a connection of its
// own: a gRPC call that the sender opens. Its first message is HELLO; the
// receiver refuses it with a status that tells what differs, or accepts it by
// sending headers, and only then does the stream count as open. There is one
// goroutine that sends (send.go) and one that receives (incoming.go), beside one at
// each end that waits for the stream to be ended. A local caller whose release has just
// passed a token on sends in the sender's place, so that the token does not wait for
// that to wake up.
//
// A sender takes all that is in its queue and sends it as one frame, cut where it
// would become longer than half of what is accepted, [wire.MaxFrameBytes]. The algorithm
// says something to each peer every quarter of a session's time to live, if only by
// an empty frame; a receiver closes a stream on which nothing came for the whole of
// it.
//
// # What is refused
//
// A connection that does not begin as HTTP/2 does (preface.go); a stream whose first
// message is not HELLO, or that brings none within 2 s; a HELLO of another version,
// member list or time to live, of somebody who is no member, or of this node itself
// (hello.go); a stream older than one that was accepted; a frame that is too long or
// cannot be read; a message that makes no sense (wire/decode.go), such as a ballot that is
// years ahead of the clock, with the whole frame it is in. The stream is closed with a
// status that says why, the log names the member or else the remote address, and the
// node goes on. A reason is logged once for each member, until a stream of it was
// accepted, and once a minute for each other address; 16 reasons a minute for each, and
// 256 for all unauthenticated peers (refusals.go).
//
// # Overflow
//
// Each outgoing stream has a queue that is full at 4096 messages. What arises in
// one go is never divided, so the last of it may stand above that mark. If more
// arises for a full queue, the peer has not taken anything for long: the stream is
// closed, what is queued is lost as if on the way, and the stream is opened anew,
// upon which the algorithm repeats its outstanding requests. In the other
// direction nothing is lost: a receiver that finds the inbox full waits, and so
// gRPC's flow control holds back the sender.
//
// # Opening again
//
// A stream that ended, or could not be opened, is tried again after a random time
// that doubles from 10 to 500 ms, and starts over once a stream has lived for
// longer than that. The wait ends at once when a HELLO from the member is
// accepted, since the member is evidently there. The wait is the driver's own:
// each attempt has a new gRPC connection, so that gRPC's own backoff, which
// belongs to a connection, never begins. An attempt that has brought no answer in
// 2 s is given up.
package broadcast
