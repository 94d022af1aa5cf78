// Package datadir is what a node keeps on disk, so that after a restart it does not
// take again what it had before: the number of its session, the highest ballot number
// that it may have promised, and whether it may have left clients behind that hold
// locks (protocol, sections 2 and 3).
//
// The data directory of a member holds two files. The file lock is empty; the
// process that runs the member holds the system's lock on it. The file state.json
// is one line, for people to read:
//
//	{"version":1,"member":"127.0.0.1:7401","session":1790000000000004,"promised":23068672,"crc32c":"c7b71512"}
//
// where crc32c is the Castagnoli CRC of all bytes before its comma, in hexadecimal,
// and "clients":true stands before it once the process has served clients: a mark that
// only a process that leaves nothing behind takes away. The file is never written in
// place: a new one is written beside it, synced, put in its place by a rename, and then
// the directory is synced. A crash leaves the old or the new state, and perhaps a file
// .state.json* that the next start removes.
//
// # Where the numbers begin
//
// With no file yet, the numbers begin where they would without a disk: at the wall
// clock, see [Volatile]. From then on they only count, and the clock no longer
// matters. So a directory that was lost, or that was not used before, does no harm
// as long as the clock has not been set back meanwhile: counters that began at the
// clock, and rise more slowly than it, are behind it.
//
// # What is not promised
//
// A disk that says it has written what it has not, a copy of an older state.json
// put back, and a virtual machine that is set back to a snapshot, all let numbers
// come again; the checksum cannot tell. The other members then know better, as far
// as they have run on (protocol, section 2: HELLO), which mends sessions in most
// cases; the fences of a lock may fall. It is always better to remove the file than
// to put an old one back.
//
// The mark is lost with its directory. Who removes that, or lets a node begin with a
// directory after it ran without one, must wait for a session's time to live before
// the start: until then, clients of the earlier process may hold locks, and the new one
// would not know.
//
// The lock keeps out processes of this machine. On a network file system it depends
// on that system whether it also keeps out those of others.
package datadir
