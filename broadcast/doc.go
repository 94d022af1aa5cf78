// Package broadcast is the driver: it runs the algorithm of package token over gRPC streams
// between the members of a cluster, and lets the callers of this process wait for locks.
//
// # What is not promised
//
// Delivery. Messages handed to a stream that then ends are lost, and nothing is sent twice;
// package token repeats on a new stream what must not be missed. Order between two streams.
// Secrecy, or proof of who a member is: Config.Credentials and Config.CheckMember provide
// these. That a member tells the truth: plausible messages are believed (docs/TESTING.md,
// "What cannot be seen of a hostile member").
//
// # One at a time
//
// The owner (owner.go) has the token.Node and all state of peers and callers. One goroutine
// at a time works for it (work.go). Whoever comes with an input while nobody works becomes
// the worker; otherwise the input goes into one bounded inbox, and the worker takes it. So
// without a queue no input waits for another goroutine to wake up: a local caller that finds
// the token here has the lock after a microsecond, and a frame is handled by the goroutine
// that received it. After batchLimit inputs, a goroutine kept for that takes over from the
// worker.
//
// The worker takes all inputs that are there, feeds them to the node, performs the node's
// effects in order, and then hands each stream all messages for it. So many inputs at once
// cost one frame for each peer. Only the worker writes the log, one line for each effect
// before it performs the effect; the file's order is the order of events.
//
// The worker never waits for a peer. It does wait for the log's writer, and for the disk
// where saving.go says so, but not for notes of runs and kept holds (storing.go).
//
// # Streams
//
// Each pair of members has a stream in each direction, on a connection of its own: a gRPC
// call that the sender opens. Its first message is HELLO. The receiver refuses it with a
// status that names the difference, or accepts it by sending headers; only then is the
// stream open. One goroutine sends (send.go) and one receives (incoming.go); beside each,
// another waits for the stream's end. A local caller whose release has just passed a token
// on sends in the sender's place, so that the token does not wait for the sender to wake up.
//
// A sender takes all messages in its queue and sends them as one frame, cut where it would
// exceed half of the longest accepted frame, [wire.MaxFrameBytes]. The algorithm sends each
// peer something every quarter of a session's time to live, at least an empty frame. A
// receiver closes a stream on which nothing came for a whole time to live.
//
// # Members that change
//
// The owner opens links to new members, and closes those to removed ones, when the node goes
// by another membership (membership.go). Everybody else sees the members through the roster,
// which is replaced and never changed (roster.go). Who opens a stream is found by address and
// disk, and a later membership in its HELLO is taken before that (identify.go). A member whose
// stream is refused asks the refuser for the members, and so learns what it has missed
// (showing.go).
//
// # What is refused
//
// A connection that does not begin as HTTP/2 (preface.go); a stream whose first message is
// not HELLO, or that brings none within 2 s; a HELLO of another version, member list or time
// to live, of somebody who is no member, also by its disk, or of this node itself (hello.go, identify.go); a stream older
// than one already accepted; a frame that is too long or unreadable; a message that makes no
// sense (wire/decode.go), such as a ballot years ahead of the clock, with the whole frame
// around it. The stream is closed with a status that says why, the log names the member or
// else the remote address, and the node goes on. A reason is logged once for each member,
// until a stream of that member is accepted, and once a minute for each other address; at
// most 16 reasons a minute for each, and 256 for all unauthenticated peers (refusals.go).
//
// # Overflow
//
// Each outgoing stream has a queue that is full at 4096 messages. The messages of one batch
// are never divided, so the last batch may exceed that mark. If another comes for a full
// queue, the peer has not read for long: the stream is closed, the queue is lost as if on
// the way, and the stream is opened anew; the algorithm then repeats its outstanding
// requests. Of the values of one lock, only the latest is queued. In the other direction nothing is lost: a receiver that finds the inbox full
// waits, and gRPC's flow control holds back the sender.
//
// # Opening again
//
// A stream that ended, or could not be opened, is tried again after a random time that
// doubles from 10 to 500 ms, and starts over once a stream has lived for longer than that.
// An accepted HELLO from the member ends the wait at once, since the member is evidently
// there. The wait is the driver's own: each attempt has a new gRPC connection, so gRPC's
// backoff, which belongs to a connection, never begins. An attempt without an answer in 2 s
// is given up.
package broadcast
