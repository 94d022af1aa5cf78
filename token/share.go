package token

// Limit says how many may hold a lock at once, and so in which mode a waiter wants it.
type Limit uint32

const (
	// Exclusive is the mode of a waiter that wants the lock alone. As a token's limit it
	// says that nobody has shared the lock yet.
	Exclusive Limit = 0
	// Unlimited is the mode of readers: any number of them hold the lock at once.
	Unlimited Limit = 1<<32 - 1
	// MaxPermits is the highest limit of a semaphore. A limit from 1 to MaxPermits is the
	// mode of a waiter that wants one of so many permits.
	MaxPermits Limit = 65535
)

// Share is what a member keeps of a lock when the token goes on: it may have holders in the
// critical section without the token, until it says DONE or its session is over.
type Share struct {
	Member  Member
	Session Session
	ID      Fence  // of the latest grant when the share was opened or enlarged
	Permits uint32 // how many may be in under it; 1 for readers, of whom any number may
}

// AcquireShare queues a local waiter that would share a lock: with other readers if the
// limit is Unlimited, else with the other holders of a semaphore's permits. A Grant
// follows, or a Refuse if the lock has another limit.
func (n *Node) AcquireShare(now Time, name string, w Waiter, limit Limit) {}

// TryShare is AcquireShare for a waiter that does not want to wait, as Try is Acquire.
func (n *Node) TryShare(now Time, name string, w Waiter, limit Limit) {}

// SetLimit queues a local waiter that changes a lock's limit when its turn comes; it holds
// nothing. A Grant with the new limit follows, after which the node no longer knows the
// waiter; or a Refuse. A higher limit counts at once, a lower one as permits come back.
func (n *Node) SetLimit(now Time, name string, w Waiter, limit Limit) {}
