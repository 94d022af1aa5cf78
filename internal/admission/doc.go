// Package admission bounds what the peers that connect to a node can make it spend:
// connections, and calls on them.
//
// # Unauthenticated peers, clients, members
//
// A new connection is an unauthenticated peer's: only its remote address is known. It has
// some time to make its first call, and may send only so much until then. With its first
// call it becomes a client's, if there is room for one, or a member's, if its certificate or
// its HELLO says so. Each kind has room of its own:
//
//   - Unauthenticated peers are always let in. When there are too many, the oldest connection
//     of the host that has most is closed. So a peer from another host has the same time as
//     ever, and one from the same host has at least a moment; nobody shuts the members out by
//     being there first. Only a few are processed at a time, so that a flood of handshakes
//     leaves the processor to others.
//   - Clients have room in all, and room for each host. A call beyond either is refused with
//     RESOURCE_EXHAUSTED, and an error that names the bound.
//   - Members do not count as clients. When one has too many connections, its oldest is
//     closed: after a cut, that one leads nowhere.
//
// Any connection on which a write takes too long is closed: its other end does not read.
//
// Closed connections and refused calls are counted, and logged once a minute for each host.
//
// # What is not promised
//
// Peers from one host share that host's room: one user's processes can leave another user's
// none. Of a certificate, only whether it is a member's matters, not its name.
//
// Bytes are bounded only for unauthenticated peers: a call of a client may keep as much in
// the node as the server's windows let it send ahead. Nor is work bounded: a client may ask
// as fast as it is answered.
package admission
