// Package workload is a user of the lock that needs no person: it thinks, asks for the
// critical section, stays in it for a while, leaves, and begins again. What it does
// inside is to witness that it was there, in a file that all nodes share: the
// assignment's sensitive operation, and evidence that owes nothing to the nodes'
// own logs.
//
// It uses nothing but the public API of package conch, as any program would.
//
// # What is not promised
//
// The shared file must take appended lines from several processes without mixing
// them, as local file systems do; NFS does not.
package workload
