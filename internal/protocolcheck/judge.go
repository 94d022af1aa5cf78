package protocolcheck

import (
	"slices"

	"conch/token"
)

// Cluster is a cluster at one moment, as the judges see it. Members and locks are numbered
// from 0.
type Cluster interface {
	// Members returns how many members there are.
	Members() int
	// Node returns a member's node; nil while none runs.
	Node(i int) *token.Node
	// Now returns the reading of a member's own clock.
	Now(i int) token.Time
	// InSession reports whether a member's node is inside a session by its own clock.
	InSession(i int) bool
	// HasToken reports whether the token of a lock is at a member.
	HasToken(i, lock int) bool
	// Holds reports whether somebody at a member is alone in the critical section of a lock.
	Holds(i, lock int) bool
	// Shares reports whether somebody at a member shares a lock.
	Shares(i, lock int) bool
	// UnderWay returns the k-th message that is on its way from one member to another and
	// will arrive unless something intervenes; nil if there are fewer.
	UnderWay(from, to, k int) *token.Message
}

// InSession reports whether a node is inside a session at now, a reading of its own clock.
func InSession(n *token.Node, now token.Time) bool {
	if n == nil {
		return false
	}
	end, ok := n.InSession()
	return ok && now < end
}

// Nobody is used where no member is meant.
const Nobody = -1

// TwoHolders finds two members at which a lock is held alone at the same time. A holder counts
// while its node is inside its session by its own clock. other is a holder that counts
// whatever its node knows, such as a client that its node left behind; or Nobody.
func TwoHolders(c Cluster, lock, other int) (first, second int, found bool) {
	first = other
	for i := range c.Members() {
		if !c.Holds(i, lock) || !c.InSession(i) {
			continue
		}
		if first != Nobody {
			return first, i, true
		}
		first = i
	}
	return Nobody, Nobody, false
}

// OneBesideOthers finds a member at which a lock is held alone, and one at which it is
// shared at the same time, which may be the same.
func OneBesideOthers(c Cluster, lock int) (alone, sharer int, found bool) {
	alone, sharer = Nobody, Nobody
	for i := range c.Members() {
		if c.Holds(i, lock) && c.InSession(i) {
			alone = i
		}
		if c.Shares(i, lock) && c.InSession(i) {
			sharer = i
		}
	}
	return alone, sharer, alone != Nobody && sharer != Nobody
}

// LiveToken is a token that somebody could use.
type LiveToken struct {
	// To is the member that has it, or will get it.
	To int
	// From is the member that sent it, and Message what it sent. They are Nobody and nil if
	// the token has arrived.
	From    int
	Message *token.Message
}

// AppendLiveTokens appends the live tokens of a lock; there may be only one. A token at a
// member is alive if its node is inside a session. A token on its way is alive if it would
// be taken if it arrived now.
func AppendLiveTokens(live []LiveToken, c Cluster, lock int, name string) []LiveToken {
	for i := range c.Members() {
		if c.HasToken(i, lock) && c.InSession(i) {
			live = append(live, LiveToken{To: i, From: Nobody})
		}
	}
	for to := range c.Members() {
		if !c.InSession(to) {
			continue
		}
		for from := range c.Members() {
			for k := 0; ; k++ {
				m := c.UnderWay(from, to, k)
				if m == nil {
					break
				}
				if m.Kind == token.TokenMessage && m.Lock == name && c.Node(to).Refuses(*m) == "" {
					live = append(live, LiveToken{To: to, From: from, Message: m})
				}
			}
		}
	}
	return live
}

// BuriedByQuorum reports whether a member is inside a session and buried by a quorum, and
// who buries it.
func BuriedByQuorum(c Cluster, k int) (buriers []int, buried bool) {
	if !c.InSession(k) {
		return nil, false
	}
	for i := range c.Members() {
		if n := c.Node(i); i != k && n != nil && n.InspectPeer(token.Member(k)).BurialEnd > c.Now(i) {
			buriers = append(buriers, i)
		}
	}
	return buriers, len(buriers) > c.Members()/2
}

// Rises reports whether the fence of a grant to one alone is above the highest before it,
// which it returns, and updates highest.
func Rises(highest *token.Fence, fence token.Fence) (before token.Fence, rises bool) {
	before = *highest
	*highest = max(before, fence)
	return before, fence > before
}

// TwiceInQueue finds a member that stands in a token's queue, Q, twice.
func TwiceInQueue(queue []token.Member) (twice token.Member, found bool) {
	for k, j := range queue {
		if slices.Contains(queue[:k], j) {
			return j, true
		}
	}
	return token.NoMember, false
}
