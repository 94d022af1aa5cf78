// Package hosts answers the question who the members of a cluster are: it
// reads addresses from flags and files, checks them, and gives every node the
// same sorted list, with the node's own position in it.
//
// # What is not promised
//
// Nothing is resolved or dialled. Addresses are compared as text, so
// localhost:7400 and 127.0.0.1:7400 are two members, as are two names of one
// machine. Nor is the list compared with that of any other node: nodes do that
// when a stream between them opens.
//
// # Addresses
//
// A member's address is HOST:PORT, and it is the member's name in the whole
// cluster. HOST is a name, an IPv4 address, or an IPv6 literal in brackets.
// Whatever can be written in several ways is brought to one form, so that all
// nodes agree on it:
//
//   - names are lower-case ASCII (an international name is written in its
//     xn-- form), with labels of letters, digits, hyphens and underscores;
//   - IPv6 literals take the form of RFC 5952, as net/netip writes it:
//     [0:0:0:0:0:0:0:1]:7400 becomes [::1]:7400;
//   - an IPv4 address mapped into IPv6 becomes the IPv4 address, since it is
//     the same to dial.
//
// Refused, because not every node could dial it or would read it alike: port 0
// and ports by name; wildcards (0.0.0.0, [::], an empty host) and multicast
// groups; IPv6 zones, which name an interface of one machine; a name with a
// final dot; names that end in a number without being an IPv4 address, such as
// 127.1 or 010.0.0.1, which resolvers read in different ways.
//
// # Order
//
// Members are sorted by the bytes of the address in its one form. The order
// has no meaning (node10:7400 stands before node2:7400); what matters is that
// each node comes to the same.
//
// # Sources
//
// A [Source] is a list of addresses, each with the place it was written at.
// [Flag] and [ReadFile] make one; whatever else learns of members makes its
// own and hands it to [List] with the others. List takes the union: an address
// may stand once in each source, and a node's own address may be listed or
// left out. A list with no other node is a cluster of one.
package hosts
