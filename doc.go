// Package conch is a lock for a cluster that needs no server: each program that wants the
// lock runs a node, and the nodes agree among themselves whose turn it is, by Suzuki and
// Kasami's broadcast-token algorithm over gRPC streams.
//
// [Start] runs a node inside the program. [Node.Lock] waits for a lock by its name and
// returns a [Hold]; [Hold.Unlock] ends it. All locks exist from the start, under any name of
// 1 to 255 bytes of UTF-8.
//
// A lock can also be held by several at once: by any number of readers and no writer
// ([Node.RLock]), or as a semaphore by so many as it has permits ([Node.Acquire]). All of
// one lock name the same number of permits. Readers, writers and others are served in turn,
// so that nobody starves.
//
// Whoever holds a lock alone may lead: [Node.Elect] holds the lock and says a value, of which
// all members hear, while a function runs. [Node.Leader] and [Node.Observe] tell who leads.
//
// A job that many machines have on their schedules is run by one of them at each turn with
// [Node.Once]: the lock remembers, after it was released, which turn was run. A hold of
// [Node.LockKept] outlives its holder: nobody else gets the lock until somebody has looked.
// Both need a data directory at each member.
//
// A program that should not be a member calls [Dial] instead, and is a client of a node in
// another process: one on its own machine through a unix socket, or any by its HOST:PORT. A
// [Node] and a [Client] are both a [Locker]. [Mutex] adapts either to sync.Locker.
//
// The members of a cluster can change while it serves, if each has a data directory: see
// [Client.ChangeMembers], and [Config.Join] for a node that is to be added. [Node.Members] and
// [Client.Members] follow.
//
// # What is not promised
//
// A node that is cut off from most of the others, or whose process is frozen, loses its locks
// after [Config.SessionTTL], while its program may still believe in them. [Hold.Done] reports
// the loss as soon as the node knows. A resource that no late holder may touch has to compare
// fencing numbers: [Hold.Fence] rises with each grant of a lock, so the resource can refuse a
// lower number than it has seen. Readers of one phase may have the same; see
// [DoFencedShared].
//
// There is no lock without a majority: a node that does not reach more than half of the
// members, including itself, waits.
//
// With [Config.TLS] and [DialConfig.TLS], connections are encrypted, and members, nodes and
// clients prove their identity by certificates. Without them nothing is encrypted, and
// whoever reaches the port can pass for a member; so [Start] then refuses to listen beyond
// this machine, unless [Config.Insecure] is set. Either way the members trust each other: a
// member that lies can take any lock. [Config.AllowFile] says which clients may use which
// locks.
package conch
