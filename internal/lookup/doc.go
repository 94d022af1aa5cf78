// Package lookup asks DNS or Serf who the members of a cluster are: the SOURCE of
// conch node --discover.
//
// An answer may be empty, out of date, or have only some of the members; package discovery
// decides what to make of it. Nothing is promised about who answers: DNS, and Serf without a
// key, believe whoever reaches them. TLS between the members tells who is one.
package lookup
