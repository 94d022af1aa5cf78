// Package datadir is what a node keeps on disk, so that after a restart it does not
// take again what it had before: the number of its session, the highest ballot number
// that it may have promised, and whether it may have left clients behind that hold
// locks (protocol, sections 2 and 3).
//
// The file lock in a member's data directory is empty; the process that runs the member
// holds the system's lock on it. The file state.json is one line, for people to read:
//
//	{"version":2,"member":"127.0.0.1:7401","session":1790000000000004,"promised":5905580032,"crc32c":"77977595"}
//
// where crc32c is the Castagnoli CRC of all bytes before its comma, in hexadecimal,
// and "clients":true stands before it once the process has served clients: a mark that
// only a process that leaves nothing behind takes away. The file is never written in
// place: the new line is written over state.json.spare and synced, the two files exchange
// their names, and then the directory is synced. A crash leaves the old or the new state;
// the spare file is never read. Since it keeps its space, a full disk does not keep a node
// from beginning a session, promising a ballot, or starting again.
//
// The file list.json is kept in the same way. It has the member's disk: 128 random bits that
// are drawn with the directory, or when a version that knows disks first opens it. It also
// has the list that the member has found (package discovery), the newest settled membership,
// the member's part in the choice of the next one, and whether the member was removed: then
// nobody can open the directory again. The spaces behind the line are room for longer
// lists, since a full disk must not keep a node from adopting one. What a member remembers of runs
// and kept holds is in notes.db; see package notes.
//
// # Where the numbers begin
//
// With no file yet, the numbers begin where they would without a disk: at the wall
// clock, see [Volatile]. A later start goes on from the file, or from the clock where
// that is higher. So a directory that was lost, that was not used before, or that is an
// older copy does no harm where the clock is right, as long as the numbers stay behind
// it. They do:
//
//   - A session counts one at each start and each lapse, and a microsecond has passed by
//     then.
//   - A ballot counts one 256th of a second, above those of the same lock. Package token
//     saves no number that was not promised, so a start that makes a token pushes the
//     numbers on by that much, and takes longer.
//
// A clock that is behind the file does not matter.
//
// # What is not promised
//
// A disk that says it has written what it has not, a copy of an older state.json
// put back, and a virtual machine that is set back to a snapshot, all lose numbers; the
// checksum cannot tell. Where the clock is wrong too, session numbers come again. The
// other members then know better, as far as they have run on, and the node counts above
// what they know (protocol, section 2, a number of one's own). Promises of ballots may be
// forgotten then, and the fences of a lock fall. It is always better to remove the file
// than to put an old one back.
//
// The mark is lost with its directory. Who removes that, puts an older copy back, or lets a
// node begin with a directory after it ran without one, must wait for a session's time to live before
// the start: until then, clients of the earlier process may hold locks, and the new one
// would not know.
//
// An older copy of list.json put back lets a member vote twice about one choice, and two
// lists may be chosen. Who has lost the file is another member, which takes the old one's
// place by conch members replace.
//
// The lock keeps out processes of this machine. On a network file system it depends
// on that system whether it also keeps out those of others.
package datadir
