package token

// What a quorum's disks remember about a lock, whatever becomes of its token: its latest run
// (run.go), and its latest kept hold (kept.go). A note is on a quorum's disks before
// anything depends on it (protocol, section 7).

// Notes is what a member remembers of a lock.
type Notes struct {
	Run  Run
	Kept KeptHold
}

// LockNotes is a lock, and what is remembered of it.
type LockNotes struct {
	Lock string
	Notes
}

// Stored says that all that the Store effects up to a serial number said is on stable
// storage.
func (n *Node) Stored(now Time, serial uint64) {
	panic("token: not built")
}

// ForgetNotes forgets what the node remembers of a lock, if that still is what the caller
// has read, and no longer needed: no hold is kept. The driver says so once both Until have
// passed, and then takes the notes off stable storage. It reports whether the node has
// forgotten them.
func (n *Node) ForgetNotes(now Time, name string, read Notes) bool {
	panic("token: not built")
}

// InspectNotes returns what the node remembers of a lock: all zero if that is nothing.
func (n *Node) InspectNotes(name string) Notes {
	return Notes{}
}

// InspectAllNotes calls f for each lock with notes, in no order, until f returns false.
func (n *Node) InspectAllNotes(f func(LockNotes) bool) {
}
