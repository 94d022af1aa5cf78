// Package admission bounds what those who connect to a node can make it spend: connections,
// and calls on them.
//
// # Unauthenticated peers, clients, members
//
// A connection comes in as an unauthenticated peer's: nothing is known of it but where it comes from.
// It has some time to say what it wants, and may say only so much until then. With its
// first call it becomes a client's, if there is room for one, or a member's, if its
// certificate or its HELLO says so. Each kind has room of its own:
//
//   - Unauthenticated peers are always let in, and when there are too many, the oldest connection of
//     the host that has most is closed. So whoever comes from another host has the same
//     time as ever, and whoever comes from the same one has at least a moment; nobody
//     shuts the members out by being there first. They are thought about a few at a
//     time, so that a flood of handshakes leaves the processor to others.
//   - Clients have room in all, and room for each host. A call beyond either is refused
//     with RESOURCE_EXHAUSTED, and an Error that says which bound it is.
//   - Members are not counted among the clients. When one has too many connections, its
//     oldest is closed: after a cut that one leads nowhere.
//
// A connection on which a write has not ended for long is closed, whosever it is: its
// other end does not read.
//
// What is closed or refused is counted, and told to the log once a minute for each host.
//
// # Not promised
//
// Who comes from one host shares that host's room: one user's processes can leave another
// user's none. A name in a certificate is not looked at, only whether it is a member's.
//
// Bytes are not bounded but for unauthenticated peers: a call of a client may keep as much in the node
// as the server's windows let it send ahead. Nor is work: a client may ask as fast as it is
// answered.
package admission
