package stepper

import (
	"fmt"

	"conch/internal/protocolcheck"
	"conch/token"
)

// promise is one of those that are judged after each input that a node takes.
type promise int

// Exclusion, live tokens, fences, sessions and burials are judged as the simulator
// judges them. The relations of RN and LN are the paper's, for numbers with gaps.
const (
	promiseExclusion promise = iota
	promisePermits
	promiseOneToken
	promiseFences
	promiseInside
	promiseMade
	promiseAbove
	promiseQueue
	promiseBurial
	promiseSessions
	promises // how many there are
)

var promiseTexts = [promises]struct{ id, title, text string }{
	promiseExclusion: {"exclusion", "One at a time", "At most one node is in the critical section alone, inside its session by its own clock, and then nobody shares the lock."},
	promisePermits:   {"permits", "Permits are kept", "Never more clients have a permit than there are."},
	promiseOneToken:  {"one-token", "One live token", "At most one token lies at a node that is inside its session, or is under way and would be taken."},
	promiseFences:    {"fences", "Fences rise", "Each grant to one alone has a higher fence than all grants before it; one that is shared, than all to one alone."},
	promiseInside:    {"inside", "Inside the session", "Whoever is in the critical section has the token or a share, and was let in inside its session."},
	promiseMade:      {"made", "RN and LN are true", "No RN[j] and no LN[j] is above the highest number that j itself has used."},
	promiseAbove:     {"above", "Nobody is forgotten", "Whoever waits has RN above its LN in the live token, so that the token comes."},
	promiseQueue:     {"queue", "Q has no doubles", "Nobody stands in the token's queue twice."},
	promiseBurial:    {"burial", "The buried are dead", "Nobody is inside a session and buried by a quorum."},
	promiseSessions:  {"sessions", "Sessions never return", "A member's session numbers rise, across its restarts too."},
}

// judge is what is remembered for judging, and what was found in the present step.
type judge struct {
	broken [promises]string
	fence  token.Fence // the highest of all grants
	alone  token.Fence // the highest of grants to one alone
	grants int
	used   [MaxMembers]token.Number // the highest of each member's own

	views [MaxMembers]token.LockView
	live  []protocolcheck.LiveToken
}

func (j *judge) beginStep() { j.broken = [promises]string{} }

// found notes that a promise is broken; of each, the first in a step counts.
func (j *judge) found(p promise, format string, args ...any) {
	if j.broken[p] == "" {
		j.broken[p] = fmt.Sprintf(format, args...)
	}
}

// check judges the cluster as it is.
func (j *judge) check(w *world) {
	for i := range w.members {
		n := w.members[i].node
		if n == nil {
			j.views[i] = token.LockView{}
			continue
		}
		if n.InspectLock(lockName, &j.views[i]) {
			j.use(i, j.views[i].RequestNumbers[i])
		}
		j.use(i, token.Number{Session: n.InspectSession().Session})
	}
	j.live = protocolcheck.AppendLiveTokens(j.live[:0], (*cluster)(w), 0, lockName)
	j.checkHolders(w)
	j.checkTokens(w)
	for i := range w.members {
		j.checkNumbers(i, "RN", "at "+name(i), j.views[i].RequestNumbers)
		j.checkBurials(w, i)
	}
}

func (j *judge) use(i int, n token.Number) {
	if n.Above(j.used[i]) {
		j.used[i] = n
	}
}

// tokenOf returns a live token, and where says where it is.
func (j *judge) tokenOf(t protocolcheck.LiveToken) *token.Token {
	if t.Message != nil {
		return t.Message.Token
	}
	return &j.views[t.To].Token
}

func where(t protocolcheck.LiveToken) string {
	if t.Message != nil {
		return "under way from " + name(t.From) + " to " + name(t.To)
	}
	return "at " + name(t.To)
}

func (j *judge) checkHolders(w *world) {
	for i := range w.members {
		if j.views[i].Holder != 0 && (!j.views[i].HasToken || !w.members[i].node.InspectSession().Begun) {
			j.found(promiseInside, "%s is in the critical section without the token or without a session.", name(i))
		}
		if v := &j.views[i]; v.Holder == 0 && len(v.Inside) > 0 && (v.Share.ID == 0 || !w.members[i].node.InspectSession().Begun) {
			j.found(promiseInside, "%s shares the lock without a share or without a session.", name(i))
		}
	}
	// A node whose lease is over hears of that before it does anything.
	if a, b, found := protocolcheck.TwoHolders((*cluster)(w), 0, protocolcheck.Nobody); found {
		j.found(promiseExclusion, "%s and %s are in the critical section.", name(a), name(b))
	}
	if a, b, found := protocolcheck.OneBesideOthers((*cluster)(w), 0); found {
		j.found(promiseExclusion, "%s is in the critical section alone, and %s shares it.", name(a), name(b))
	}
	used := 0
	for i := range w.members {
		for _, h := range j.views[i].Inside {
			if h.Limit == permits && w.inSession(i) {
				used++
			}
		}
	}
	if used > permits {
		j.found(promisePermits, "%d clients have one of %d permits.", used, permits)
	}
}

func (j *judge) checkTokens(w *world) {
	if len(j.live) > 1 {
		j.found(promiseOneToken, "One is %s, another %s.", where(j.live[0]), where(j.live[1]))
	}
	for _, live := range j.live {
		t := j.tokenOf(live)
		j.checkNumbers(noMember, "LN", "in the token", t.LastGranted)
		if m, found := protocolcheck.TwiceInQueue(t.Queue); found {
			j.found(promiseQueue, "%s stands in it twice.", name(int(m)))
		}
		for i := range w.members {
			v := &j.views[i]
			if v.Outstanding && w.inSession(i) && !v.RequestNumbers[i].Above(t.LastGranted[i]) {
				j.found(promiseAbove, "%s waits with request %s, and LN[%s] is %s.",
					name(i), v.RequestNumbers[i], name(i), t.LastGranted[i])
			}
		}
	}
}

// checkNumbers looks at the numbers that somebody, or the token, knows of the
// members. A member's own are the measure.
func (j *judge) checkNumbers(of int, what, where string, numbers []token.Number) {
	for k, n := range numbers {
		if k != of && n.Above(j.used[k]) {
			j.found(promiseMade, "%s[%s] is %s %s, and %s has used no number above %s.", what, name(k), n, where, name(k), j.used[k])
		}
	}
}

func (j *judge) checkBurials(w *world, k int) {
	buriers, buried := protocolcheck.BuriedByQuorum((*cluster)(w), k)
	if !buried {
		return
	}
	names := ""
	for _, i := range buriers {
		names += name(i)
	}
	j.found(promiseBurial, "%s is inside a session and buried by %s.", name(k), names)
}

// granted judges a grant.
func (j *judge) granted(w *world, i int, e *token.Effect) {
	if !w.inSession(i) {
		j.found(promiseInside, "%s lets a client in outside a session.", name(i))
	}
	before := &j.fence
	if e.Limit != token.Exclusive {
		shared := j.alone // which those who share the lock do not raise
		before = &shared
	}
	if last, rises := protocolcheck.Rises(before, e.Fence); !rises {
		j.found(promiseFences, "%s grants with fence %s, after fence %s.", name(i), fenceText(e.Fence), fenceText(last))
	}
	j.fence = max(j.fence, e.Fence)
	if e.Limit == token.Exclusive {
		j.alone = max(j.alone, e.Fence)
	}
	j.grants++
}

// saved judges what a member puts on its disk.
func (j *judge) saved(i int, old, session token.Session) {
	if session < old {
		j.found(promiseSessions, "%s goes from session %d to session %d.", name(i), old, session)
	}
}

// cluster is the world as the judges of package protocolcheck see it. It has one lock.
type cluster world

func (c *cluster) Members() int           { return len(c.members) }
func (c *cluster) Node(i int) *token.Node { return c.members[i].node }
func (c *cluster) Now(i int) token.Time   { return c.now + c.members[i].ahead }
func (c *cluster) InSession(i int) bool   { return (*world)(c).inSession(i) }
func (c *cluster) HasToken(i, _ int) bool { return c.judge.views[i].HasToken }
func (c *cluster) Holds(i, _ int) bool    { return c.judge.views[i].Holder != 0 }
func (c *cluster) Shares(i, _ int) bool {
	return c.judge.views[i].Holder == 0 && len(c.judge.views[i].Inside) > 0
}

func (c *cluster) UnderWay(from, to, k int) *token.Message {
	if queue := c.streams[from][to].queue; k < len(queue) {
		return &queue[k].message
	}
	return nil
}
