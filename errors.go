package conch

import (
	"errors"

	"conch/broadcast"
	"conch/internal/client"
	"conch/internal/fence"
	"conch/internal/node"
	"conch/internal/runs"
)

// Errors of both a node and a client.
var (
	// ErrConfig is wrapped by the error of [Start] for a Config that no node can run with.
	// The error names the field, or the line of the hosts file.
	ErrConfig = node.ErrConfig
	// ErrName is wrapped by the error for a lock name that is empty, longer than 255 bytes,
	// or not UTF-8.
	ErrName = broadcast.ErrName
	// ErrStopped is wrapped by the error of [Node.Lock] on a node that is stopping
	// or has stopped.
	ErrStopped = broadcast.ErrStopped
	// ErrBusy is wrapped by the error of [Node.TryLock] for a lock that is in use or that
	// others wait for.
	ErrBusy = broadcast.ErrBusy
	// ErrLimit is wrapped by the errors of [Locker.RLock] and [Locker.Acquire] for a lock
	// that others use with another limit. The error names both limits, and the node at which
	// the other one was said.
	ErrLimit = broadcast.ErrLimit
	// ErrPermits is wrapped by the error of [Locker.Acquire] for a limit below 1 or above
	// [MaxPermits].
	ErrPermits = broadcast.ErrPermits
	// ErrNoLeader is the error of [Locker].Leader if nobody leads, as far as is known.
	ErrNoLeader = errors.New("nobody leads")
	// ErrValue is wrapped by the errors of [Locker].Elect and [Hold.Say] for a value that is
	// longer than [MaxValueBytes], or not UTF-8.
	ErrValue = broadcast.ErrValue
	// ErrTooManyValues is wrapped by the errors of [Locker].Elect and [Hold.Say] at a node
	// with 1024 leaders.
	ErrTooManyValues = broadcast.ErrTooManyValues
	// ErrShared is the error of [Hold.Say] for a hold that others may have beside it.
	ErrShared = broadcast.ErrShared
	// ErrTick is wrapped by the errors of [Locker].Once and [Locker].LockRun for a tick below
	// 1, a tick that is no time near now, and a time to remember that is too short.
	ErrTick = runs.ErrTick
	// ErrNotNoted is wrapped by the errors of [Hold.EndRun] and [Locker].Once if it is not
	// known that a majority of the members remembers the run.
	ErrNotNoted = broadcast.ErrNotNoted
	// ErrNotRun is the error of [Hold.EndRun] for a hold that is for no run.
	ErrNotRun = broadcast.ErrNotRun
	// ErrOwner is wrapped by the error of [Locker].LockKept for an owner that is longer than
	// [MaxOwnerBytes] or not UTF-8, and for one that adopts without a name.
	ErrOwner = runs.ErrOwner
	// ErrNotesFull is wrapped by the errors of [Locker].LockRun and [Locker].LockKept if a
	// member remembers the runs and kept holds of as many locks as it may, 100,000.
	ErrNotesFull = broadcast.ErrNotesFull
	// ErrNoNotes is wrapped by the errors of [Locker].LockRun, [Locker].LockKept and
	// [Locker].Runs if a member has no data directory.
	ErrNoNotes = broadcast.ErrNoNotes
	// ErrLost is wrapped by errors for a lock that was lost before it was unlocked.
	ErrLost = broadcast.ErrLost
	// ErrBroken is wrapped by [Hold.Warning] if somebody broke the lock, and together with
	// ErrLost once the lock is lost for that reason.
	ErrBroken = broadcast.ErrBroken
	// ErrLapsing is what [Hold.Warning] returns when the session's lease is about to end.
	ErrLapsing = broadcast.ErrLapsing
	// ErrTooManyLocks is wrapped by the error of [Locker.Lock] for a lock that the node does
	// not know, while it knows a million others. A lock that nobody asks for is forgotten
	// two hours later.
	ErrTooManyLocks = broadcast.ErrTooManyLocks
	// ErrRemoved is wrapped by [Node.Err] if the node was removed from the cluster, and by the
	// error of [Start] for its data directory, which does not start again.
	ErrRemoved = node.ErrRemoved
	// ErrUndrained is what [Node.Drain] returns if the node takes requests again before all
	// holders are done.
	ErrUndrained = broadcast.ErrUndrained
	// ErrUnlocked says that a hold was unlocked before.
	ErrUnlocked = broadcast.ErrReleased
	// ErrNotHeld is returned by the methods of the zero [Hold].
	ErrNotHeld = broadcast.ErrNoHold
)

// Errors of a client only.
var (
	// ErrUnreachable is wrapped by the errors of [Dial] and [Client.Lock] if none of the
	// nodes can be reached.
	ErrUnreachable = client.ErrUnreachable
	// ErrNoSession is wrapped by the error of [Client.Lock] and [Client.TryLock] for a
	// wait that ended while the node did not reach a quorum of the members.
	ErrNoSession = client.ErrNoSession
	// ErrRefused is wrapped by the error of [Client.Lock] for a request that the node
	// refused for a reason given only in words, such as too many waits.
	ErrRefused = client.ErrRefused
	// ErrForbidden is wrapped by the errors of [Client.Lock] and [Client.TryLock] for a
	// lock that the node's rules deny the client. It wraps ErrRefused.
	ErrForbidden = client.ErrForbidden
)

// Errors of [Client.ChangeMembers].
var (
	// ErrCannotChange is wrapped by the error for a change that would stop the cluster or makes
	// no sense; it has the reason.
	ErrCannotChange = client.ErrCannotChange
	// ErrOtherChange is wrapped by the error for a change if another came first, or is under
	// way.
	ErrOtherChange = client.ErrOtherChange
)

// Errors of [DoFenced].
var (
	// ErrStaleFence is wrapped by the error of [DoFenced] for a fence below the highest
	// that the file has seen: the lock was lost, and somebody else has had it since. It is
	// also wrapped by the errors of [Client.Lock] and its siblings for a fence that cannot
	// come after the client's earlier ones.
	ErrStaleFence = fence.ErrStale
	// ErrFenceInUse is wrapped, together with the cause of the context's end, by the error
	// of [DoFenced] if somebody still works under the file.
	ErrFenceInUse = fence.ErrInUse
	// ErrFenceFile is wrapped by the error of [DoFenced] for a file that is damaged, or
	// that the system refuses to read, lock or write.
	ErrFenceFile = fence.ErrFile
)
