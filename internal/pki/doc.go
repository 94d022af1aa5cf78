// Package pki is about who is who on a network that is not trusted: a small authority of
// one's own that makes certificates, and mutual TLS between members, and between
// clients and members, with certificates from it or from any other authority.
//
// # Certificates
//
// [Init] makes an authority, and [Authority.Issue] certificates, all with ECDSA keys on
// P-256: every TLS library and every tool reads them, hardware modules included, which
// Ed25519 still cannot say of itself, and 128 bits of security outlast a certificate's
// year. Keys are PKCS #8, for their owner only (mode 0600).
//
//	                 member                            client
//	common name      HOST:PORT                         NAME
//	DNS name or IP   HOST                              none
//	URI              conch://member/HOST:PORT          conch://client/NAME
//	may be used for  server and client authentication  client authentication
//	lasts            a year, unless told otherwise     the same
//
// In a URI the brackets of an IPv6 address are written %5B and %5D. A common name that would be longer than 64 bytes is left out, as X.509 demands; only
// people read it. Certificates begin an hour before they are made, for the sake of
// clocks that are behind. Serial numbers are 128 random bits.
//
// # Who may speak as a member
//
// A certificate is that of the member HOST:PORT ([CheckMember]) if all of this is so:
//
//   - an authority that is trusted here issued it, and it is valid now;
//   - it may be used for both server and client authentication, and says so itself;
//   - HOST is among its DNS names or IP addresses, spelled out: a wildcard names no
//     host in particular, and the common name is not looked at;
//   - if it has URIs that begin with conch:, one of them is conch://member/HOST:PORT,
//     with exactly this port, and none is a client's.
//
// So an authority that knows nothing of conch, a company's, can give a member its
// certificate by the name of its host alone. Then two members on one host can stand
// for each other, and so can every other server on that host that has a certificate
// for both uses. Whoever wants ports told apart lets that authority write the URI.
//
// A client's certificate cannot pass for a member's: it has neither the use for servers,
// nor a host, and its URI says what it is.
//
// # What a client is called
//
// By its URI conch://client/NAME, or else, with a certificate that has no URI of conch, by
// its common name ([Identify]). A name is known to be true as far as the authority is
// careful with the names it writes. A member's certificate makes a member also where it
// comes as a client.
//
// # How long a connection lasts
//
// As long as what let it in: when the certificate that the other side began with ends,
// or when no authority that is trusted by now issued it, the connection is ended, within
// seconds of whatever comes or goes on it next; one on which nothing does is left alone.
// Whoever has a good certificate by then connects anew with that. So a certificate that
// has ended, and an authority that was taken off the list, let nobody go on; and a
// certificate that is replaced in time costs one reconnect, when the old one ends.
//
// # What is not promised
//
// Certificates are not revoked: there are no lists of revoked ones, and nobody is asked. A
// key that was stolen is of use until its certificate ends, or until another authority
// takes the place of the one that issued it; the file of authorities may hold both
// for the time of the change. What a client may do ends sooner: with its line in
// the file of rules.
//
// Files are believed: whoever can write to the file of authorities, or to the folder that
// it lies in, decides who is who. That not every user can is looked at for the file.
package pki
