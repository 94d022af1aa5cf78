// Package conch is a lock for a cluster that needs no server: each program that
// wants the lock runs a node, and the nodes agree among themselves whose turn it
// is, by Suzuki and Kasami's broadcast-token algorithm over gRPC streams.
//
// [Start] runs a node inside the program. [Node.Lock] waits for a lock by its
// name and returns a [Hold]; [Hold.Unlock] ends it. All locks exist from the
// start, under any name of 1 to 255 bytes of UTF-8.
//
// # What is not promised
//
// A node that is cut off from most of the others, or whose process is frozen, loses
// its locks after [Config.SessionTTL], while its program may still believe in them.
// [Hold.Done] tells of the loss as soon as the node knows. A resource that must not be touched by a late
// holder has to compare fencing numbers: [Hold.Fence] rises with each grant of a
// lock, so it can refuse whoever comes with a lower one than it has seen.
//
// There is no lock without a majority: a node that does not reach more than half of
// the members, itself counted, waits.
//
// The members trust each other and their network: nothing is encrypted, and
// whoever reaches the port can take part.
package conch
