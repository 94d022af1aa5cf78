package stepper

import (
	"fmt"
	"slices"

	"conch/token"
)

// promise is one of those that are judged after each input that a node takes.
type promise int

// Exclusion, live tokens, fences, sessions and burials are judged as the simulator
// judges them. The relations of RN and LN are the paper's, for numbers with gaps.
const (
	promiseExclusion promise = iota
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
	promiseExclusion: {"exclusion", "One at a time", "At most one node is in the critical section, inside its session by its own clock."},
	promiseOneToken:  {"one-token", "One live token", "At most one token lies at a node that is inside its session, or is under way and would be taken."},
	promiseFences:    {"fences", "Fences rise", "Each grant has a higher fence than all grants before it."},
	promiseInside:    {"inside", "Inside the session", "Whoever is in the critical section has the token, and was let in inside its session."},
	promiseMade:      {"made", "RN and LN are true", "No RN[j] and no LN[j] is above the highest number that j itself has used."},
	promiseAbove:     {"above", "Nobody is forgotten", "Whoever waits has RN above its LN in the live token, so that the token comes."},
	promiseQueue:     {"queue", "Q has no doubles", "Nobody stands in the token's queue twice."},
	promiseBurial:    {"burial", "The buried are dead", "Nobody is inside a session and buried by a quorum."},
	promiseSessions:  {"sessions", "Sessions never return", "A member's session numbers rise, across its restarts too."},
}

// judge is what is remembered for judging, and what was found in the present step.
type judge struct {
	broken [promises]string
	fence  token.Fence // of the latest grant
	grants int
	used   [MaxMembers]token.Number // the highest of each member's own

	views [MaxMembers]token.LockView
	live  []liveToken
}

// liveToken is a token that somebody could use.
type liveToken struct {
	token *token.Token
	where string
}

func (j *judge) beginStep() { j.broken = [promises]string{} }

// found notes that a promise is broken; of each, the first in a step counts.
func (j *judge) found(p promise, format string, args ...any) {
	if j.broken[p] == "" {
		j.broken[p] = fmt.Sprintf(format, args...)
	}
}

// look judges the cluster as it is.
func (j *judge) look(w *world) {
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
	j.findTokens(w)
	j.lookAtHolders(w)
	j.lookAtTokens(w)
	for i := range w.members {
		j.lookAtNumbers(i, "RN", "at "+name(i), j.views[i].RequestNumbers)
		j.lookAtBurials(w, i)
	}
}

func (j *judge) use(i int, n token.Number) {
	if n.Above(j.used[i]) {
		j.used[i] = n
	}
}

// findTokens lists the live tokens: who has one inside a session, and what would be
// taken were it to arrive now.
func (j *judge) findTokens(w *world) {
	j.live = j.live[:0]
	for i := range w.members {
		if j.views[i].HasToken && w.inSession(i) {
			j.live = append(j.live, liveToken{&j.views[i].Token, "at " + name(i)})
		}
		for k := range w.members {
			if !w.inSession(k) {
				continue
			}
			for _, p := range w.streams[i][k].queue {
				if p.message.Kind == token.TokenMessage && w.members[k].node.Refuses(p.message) == "" {
					j.live = append(j.live, liveToken{p.message.Token, "under way from " + name(i) + " to " + name(k)})
				}
			}
		}
	}
}

func (j *judge) lookAtHolders(w *world) {
	first := noMember
	for i := range w.members {
		if j.views[i].Holder == 0 {
			continue
		}
		if !j.views[i].HasToken || !w.members[i].node.InspectSession().Begun {
			j.found(promiseInside, "%s is in the critical section without the token or without a session.", name(i))
		}
		if !w.inSession(i) {
			continue // it will hear of it before it does anything
		}
		if first != noMember {
			j.found(promiseExclusion, "%s and %s are in the critical section.", name(first), name(i))
		}
		first = i
	}
}

func (j *judge) lookAtTokens(w *world) {
	if len(j.live) > 1 {
		j.found(promiseOneToken, "One is %s, another %s.", j.live[0].where, j.live[1].where)
	}
	for _, t := range j.live {
		j.lookAtNumbers(noMember, "LN", "in the token", t.token.LastGranted)
		for k, m := range t.token.Queue {
			if slices.Contains(t.token.Queue[:k], m) {
				j.found(promiseQueue, "%s stands in it twice.", name(int(m)))
			}
		}
		for i := range w.members {
			v := &j.views[i]
			if v.Outstanding && w.inSession(i) && !v.RequestNumbers[i].Above(t.token.LastGranted[i]) {
				j.found(promiseAbove, "%s waits with request %s, and LN[%s] is %s.",
					name(i), v.RequestNumbers[i], name(i), t.token.LastGranted[i])
			}
		}
	}
}

// lookAtNumbers looks at the numbers that somebody, or the token, knows of the
// members. A member's own are the measure.
func (j *judge) lookAtNumbers(of int, what, where string, numbers []token.Number) {
	for k, n := range numbers {
		if k != of && n.Above(j.used[k]) {
			j.found(promiseMade, "%s[%s] is %s %s, and %s has used no number above %s.", what, name(k), n, where, name(k), j.used[k])
		}
	}
}

func (j *judge) lookAtBurials(w *world, k int) {
	if !w.inSession(k) {
		return
	}
	buriers := ""
	count := 0
	for i := range w.members {
		m := &w.members[i]
		if i != k && m.node != nil && m.node.InspectPeer(token.Member(k)).BurialEnd > w.now+m.ahead {
			buriers += name(i)
			count++
		}
	}
	if count > len(w.members)/2 {
		j.found(promiseBurial, "%s is inside a session and buried by %s.", name(k), buriers)
	}
}

// granted judges a grant.
func (j *judge) granted(w *world, i int, e *token.Effect) {
	if !w.inSession(i) {
		j.found(promiseInside, "%s lets a client in outside a session.", name(i))
	}
	if e.Fence <= j.fence {
		j.found(promiseFences, "%s grants with fence %s, after fence %s.", name(i), fenceText(e.Fence), fenceText(j.fence))
	}
	j.fence = max(j.fence, e.Fence)
	j.grants++
}

// saved judges what a member puts on its disk.
func (j *judge) saved(i int, old, session token.Session) {
	if session < old {
		j.found(promiseSessions, "%s goes from session %d to session %d.", name(i), old, session)
	}
}
