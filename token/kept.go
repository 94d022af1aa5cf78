package token

// Kept holds (protocol, section 8). When the holder of a kept hold dies or vanishes, nobody
// else gets the lock until somebody says that it may be. A new token has to tell "was held"
// from "was free", which only the holder's node knew. So a quorum is told before the entry.

// MaxOwnerBytes is how long [KeptHold.Owner] may be.
const MaxOwnerBytes = 128

// KeptHold is what a member remembers of a lock's latest kept hold. Of two, that of the
// higher fence is the later; of the same fence, the one that is over.
type KeptHold struct {
	Fence Fence
	// Over: the hold was given back, freed, or never began.
	Over bool
	// Owner names who may adopt the hold: take it up again after its holder died. Empty is
	// nobody.
	Owner string
	// Until is when a hold that is over may be forgotten, by the wall clock, in Unix seconds.
	// About says where and when the hold began, for people and programs. The algorithm only
	// passes both on.
	Until int64
	About string
}

// KeepRequest is what a waiter for a kept hold asks for.
type KeepRequest struct {
	// Owner, Until and About are those of the hold that begins.
	Owner string
	Until int64
	About string
	// Adopt: the waiter takes up the hold that Owner kept and nobody has any more, in place
	// of waiting for somebody to free it. If there is none, it waits like any other.
	Adopt bool
}

// AcquireKept queues a local waiter that wants the lock alone, and whose hold is to be kept.
// A Grant follows, or a Refuse with a Reason.
func (n *Node) AcquireKept(now Time, name string, w Waiter, r KeepRequest) {
	panic("token: not built")
}

// TryKept is AcquireKept for a waiter that does not want to wait, as Try is Acquire.
func (n *Node) TryKept(now Time, name string, w Waiter, r KeepRequest) {
	panic("token: not built")
}

// Abandon ends a hold whose holder is gone and has not released it. A kept hold is then held
// by nobody alive, and stays so until it is freed or adopted. Any other is released.
func (n *Node) Abandon(now Time, name string, w Waiter) {
	panic("token: not built")
}

// Free says that a kept hold that nobody has any more is over. A Freed for the id follows,
// once a quorum remembers it. Whoever holds the lock keeps it.
func (n *Node) Free(now Time, name string, id Waiter, fence Fence) {
	panic("token: not built")
}
