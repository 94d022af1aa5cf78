// Package notes is where a member remembers runs and kept holds (protocol, sections 7 and
// 8): on disk, in the file notes.db of its data directory. The lock of that directory keeps
// other processes of the member out; see package datadir.
//
// The file is a bbolt database. It is made, whole, when the first note is to be remembered:
// a member without notes has none. Its buckets are
//
//	conch  "format" → "1"
//	notes  a lock's name → the latest note of its run and of its kept hold
//	runs   a lock's name and a tick → the run of that tick, for people to read
//
// Each entry ends with a checksum of its key and the rest. A write that is cut off by a
// crash leaves the file as it was before: bbolt never writes over pages in use.
//
// # What is not promised
//
// A copy of an older file put back has forgotten what was noted since, and a file that is
// removed all of it. A quorum of the other members makes up for that while none of them has
// lost its own: protocol, section 7, lost disks. What a member remembers is true of its
// cluster, not only of itself: so the file of another member, which is stopped, may be put in
// place of one that was lost.
package notes
