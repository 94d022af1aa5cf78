package token

// EffectKind tells the effects apart.
type EffectKind uint8

// What a node wants done. The driver performs effects in the order in which they
// were issued, and writes a line to the log for each before it performs it.
const (
	// Send: hand Message to the stream to Peer. If that stream has ended, the
	// message is lost, as it may be on the way.
	Send EffectKind = iota + 1
	// Grant: Waiter has Lock, with Fence. Number is the request that was granted;
	// zero if the token was here and no request was needed.
	Grant
)

// What a node did, for the log; there is nothing to perform.
const (
	// Received: Message came from Peer, and was taken note of.
	Received EffectKind = iota + 64
	// Asked: request Number begins; the Sends that follow broadcast it.
	Asked
	// Rode: the node's next request, Number, rides on the token.
	Rode
	// Withdrew: nobody here waits any more for what request Number asked for.
	Withdrew
	// Left: Waiter left the critical section that it had entered with Fence.
	Left
	// Made: Message.Token was made here.
	Made
)

// Effect is one thing that a node wants done, or did. Which fields are used
// depends on the kind; the others are zero, and Peer is NoMember.
type Effect struct {
	Kind    EffectKind
	Peer    Member
	Lock    string
	Waiter  Waiter
	Number  Number
	Fence   Fence
	Message Message
	// Repeat: a Send of a Request that a stream which has ended may have lost.
	Repeat bool
	State  State
}

// State is a copy of what the algorithm knew about a lock when an effect was
// issued. LastGranted and Queue are nil where the token was not at the node.
// It stays valid until the node's next input.
type State struct {
	RequestNumbers []Number // RN
	LastGranted    []Number // LN
	Queue          []Member // Q
}
