package modelcheck

import "conch/token"

// state is the whole cluster at one moment. Copies share the nodes, queues and messages,
// which no longer change once they are in a state.
type state struct {
	nodes   [maxMembers]*token.Node // nil where none runs
	clocks  [maxMembers]token.Time  // readings of the members' own clocks
	leaving [maxMembers]bool
	starts  [maxMembers]int
	disks   [maxMembers]disk
	streams [maxMembers][maxMembers]stream // from, to
	clients [maxMembers][maxLocks][maxClients]client
	fences  [maxLocks]token.Fence // the highest that were granted
	// aloneFences are the highest that were granted to one alone.
	aloneFences [maxLocks]token.Fence
	// overtook is how often each member was let in while another stands in the token's
	// queue: by lock, waiting member, and member let in.
	overtook [maxLocks][maxMembers][maxMembers]byte
	marks    [maxMembers]bool // on disk: clients were served
	// orphans are for how long a client still holds a lock alone whose member crashed, and
	// sharedBehind likewise those that share it.
	orphans      [maxMembers][maxLocks]token.Time
	sharedBehind [maxMembers][maxLocks]leftBehind
	leading      leading
	// Notes: onDisk are those on the disks, writes those on the way there. lostRuns are the
	// runs whose holds were lost, and which may still be said to be done.
	onDisk   [maxMembers][maxLocks]token.Notes
	writes   [maxMembers][]write
	lostRuns [maxMembers][maxLocks]token.RunMark
	notings  [maxLocks]noting
	// memberships are those that were adopted, one of each version. They do not change once they
	// are in a state.
	memberships []*token.Membership
	left        budget

	facts [maxMembers]fact // of the nodes
}

// disk is what a member has on stable storage.
type disk struct {
	session  token.Session
	promised uint64
	// membership is nil if the member has not joined yet.
	membership *token.Membership
	choice     *token.Choice
}

// stream is one direction of a pair.
type stream struct {
	up      bool // as far as the sender knows
	dead    bool // the receiver's end is gone; whatever is sent is lost
	stalled bool // with Prompt delivery: nothing is delivered, and no other stream is opened
	queue   []*token.Message
	// shown is the version of the membership that the sender was shown when the receiver refused
	// the stream.
	shown uint64
}

// budget is what may still happen.
type budget struct {
	requests [maxMembers]int
	tries    [maxMembers]int
	says     [maxMembers]int
	frees    int
	lates    int
	changes  byte // one bit for each
	steps    int
	faults   Faults
}

// fact is what a state remembers of a node, to avoid asking again.
type fact struct {
	hash [2]uint64
	view token.SessionView
	held [maxLocks]bool        // whether the token is there
	kept [maxLocks]token.Fence // that of the kept hold that it carries; 0 if none
}

// insideSession reports whether member i is inside a session by its own clock.
func (s *state) insideSession(i int) bool {
	return s.nodes[i] != nil && s.facts[i].view.Begun && s.clocks[i] < s.facts[i].view.LeaseEnd
}
