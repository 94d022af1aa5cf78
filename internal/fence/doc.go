// Package fence is the enforcer of fencing numbers for work that only a file can
// protect: a command, a directory of files, a device.
//
// Who holds a lock can be frozen, or cut off, and wake up when the lock is another's.
// Each hold of a conch lock has a fence, a number higher than that of every hold
// before (protocol, section 1). A fence file remembers the highest number that came
// by, and [Take] refuses a lower one.
//
// # One at a time
//
// To compare numbers is not enough. Let 5 compare and begin, then let 6 compare and
// begin: both were right to begin, and both work at once. So [Take] also waits until
// nobody works under the file any more, and whoever took it keeps others out until
// [Lock.Release], or the end of its process:
//
//   - The number is written before the wait. From then on a lower one is refused, so a
//     stale holder that works in small steps gets no further step in, and cannot
//     starve the newer one.
//   - The wait is bounded by the caller's context. It ends early, with [ErrStale], when
//     a higher number comes by meanwhile.
//   - An equal number is let in, after whoever works now: a holder may do its work in
//     several steps. Therefore who takes a file while it has it waits for itself.
//
// # Those who share
//
// Holders of a shared lock take the file by [TakeShared] and work at once. The file keeps
// two numbers, the highest of those who work alone and of those who share. Who works alone
// is refused below either; who shares, only below the former, since the numbers of those
// who share a lock at several nodes come in no order (protocol, section 5).
//
// # On disk
//
// FILE is one line, for people and scripts to read: the number, and the Castagnoli CRC
// of its digits, so that a torn file is told from a lower number.
//
//	120924134203981825 crc32c:adc33388
//
// Once somebody has shared, it has that number too, which earlier versions take for damage:
//
//	120924134203981825 shared:120924134203981830 crc32c:f12ab683
//
// It is never written in place. A new one is written and synced, put in its place by a
// rename, and then the directory is synced; only then does the caller hear that its
// number is the highest. A crash leaves the old number or the new. A symbolic link is
// followed first, so that all its names lead to one file; a file with several hard
// links is refused, since a rename would part them.
//
// Beside it stands the directory FILE.lock with two empty files and a note: the
// system's lock on number is held while FILE is read and replaced, for moments; that on
// work by whoever works, and work says who that is. What a crash left half written lies
// there too, until the next number removes it. FILE and FILE.lock are for the user who
// made them; permissions of FILE that were changed later are kept.
//
// # Why the lock is taken by hand
//
// [Lock.Inherit] hands the lock on to the program that takes this process's place,
// for which its descriptor is needed; gofrs/flock, used elsewhere in this project,
// does not give it out.
//
// # What is not promised
//
// A command that changes something without going through the file is not stopped. Who
// removes FILE makes it forget; who removes FILE.lock, or puts an older FILE back, lets
// two work at once. On a network file system all of this depends on that system's
// locks, which often do not go on to a command's children. Where the
// work is a change in a database, or reaches a service, compare fences there: see
// FENCING.md.
package fence
