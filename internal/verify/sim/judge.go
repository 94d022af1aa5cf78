package sim

import (
	"fmt"
	"slices"

	"conch/internal/protocolcheck"
	"conch/token"
)

// Judge names a judge that found a fault in a run.
type Judge string

// The judges.
const (
	Exclusion Judge = "two hold one lock"
	Permits   Judge = "more permits than the limit"
	OneToken  Judge = "two live tokens of one lock"
	OneMaking Judge = "two tokens of one epoch"
	Fences    Judge = "fence not above the last"
	Outside   Judge = "grant outside a session"
	Sessions  Judge = "session number not above the last"
	Burials   Judge = "a lease and a burial of one node"
	Invariant Judge = "state of a lock contradicts itself"
	Turns     Judge = "one that waits is overtaken too often"
	Service   Judge = "waiter not served"
	Rest      Judge = "no rest"
	Dialogue  Judge = "a client cannot make sense of its node"
	Stale     Judge = "a stale grant is reported as success"
	Leak      Judge = "something is left behind"
	Kept      Judge = "a hold outlives its lease"
	Leaders   Judge = "wrong belief about a leader"
	Once      Judge = "a tick runs again"
	Untrue    Judge = "an answer about a note is not true"
	Lists     Judge = "two lists of one version"
	Listed    Judge = "a session of one that is not listed"
	Barred    Judge = "somebody enters in spite of a kept hold"
)

// Failure is a fault that a judge found.
type Failure struct {
	Judge Judge
	At    Instant
	Text  string
}

func (f *Failure) String() string {
	return fmt.Sprintf("at %d µs: %s: %s", f.At/1000, f.Judge, f.Text)
}

// judges is what the judges remember of a run.
type judges struct {
	failure *Failure
	// touched is the lock that the present step is about; -1 for none.
	touched int
	// flying is how many tokens of each lock are on streams.
	flying [maxLocks]int
	// fences are the highest granted fences, by lock, and made are the epochs of its tokens.
	fences [maxLocks]token.Fence
	// sharing is what the judges of shares keep; see sharejudge.go.
	sharing [maxLocks]sharing
	made    [maxLocks][]token.Epoch
	// overtook is how often each member was let in while another stands in the token's
	// queue: by lock, waiting member, and member let in.
	overtook [maxLocks][maxNodes][maxNodes]int
	// forgetful: a node started with a floor below its promises. ballots is how many were
	// begun.
	forgetful bool
	// again: a disk was set back, so numbers may come again.
	again   bool
	ballots uint64
	look    token.LockView
	live    []protocolcheck.LiveToken
	// since is the moment of the present step, and crowd how many steps it had.
	since    Instant
	stepsNow int
}

func (j *judges) reset() {
	made := j.made
	for l := range made {
		made[l] = made[l][:0]
	}
	*j = judges{made: made, look: j.look, live: j.live, touched: -1}
}

func (w *World) fail(judge Judge, format string, args ...any) {
	if w.failure == nil {
		w.failure = &Failure{Judge: judge, At: w.now, Text: fmt.Sprintf(format, args...)}
	}
}

// judge judges the cluster after a step of node i.
func (w *World) judge(i int) {
	m := &w.members[i]
	for l := range w.plan.Locks {
		known := m.node.InspectLock(lockNames[l], &w.look)
		holder := w.look.Holder
		if ofClient(holder) {
			holder = 0 // the client's own belief counts; see clientjudge.go
		}
		m.views[l] = view{hasToken: w.look.HasToken, holder: holder, epoch: w.look.Token.Epoch}
		if len(w.look.Inside) > 0 {
			w.judgeHolds(i, l)
		}
		if known && l == w.touched {
			w.judgeLock(i, l, &w.look)
		}
		w.judgeCounts(l)
	}
	w.touched = -1
	w.judgeListed(i)
}

// inSession reports whether a node is inside a session by its own clock.
func (w *World) inSession(i int) bool {
	m := &w.members[i]
	return m.node != nil && protocolcheck.InSession(m.node, m.clock.read(w.now))
}

// judgeCounts counts the holders and the live tokens of a lock. Only if there may be two
// does it check more closely.
func (w *World) judgeCounts(l int) {
	tokens, holders := w.flying[l], w.orphansOf(l)
	sharers := len(w.sharing[l].inside) + w.orphanSharers(l)
	clients, clientSharers := w.clientHolders(l)
	holders, sharers = holders+clients, sharers+clientSharers
	for i := range w.plan.Nodes {
		v := &w.members[i].views[l]
		if v.hasToken {
			tokens++
		}
		if v.holder != 0 {
			holders++
		}
	}
	switch {
	case holders > 1:
		w.count(TwoHolders)
		w.judgeHolders(l)
	case holders == 1 && sharers > 0:
		w.judgeHolders(l)
	case sharers > 1:
		w.count(Together)
	}
	if tokens > 1 {
		w.count(TwoTokens)
		w.judgeTokens(l)
	}
}

// judgeHolders is mutual exclusion: a holder counts while its own clock is before the end
// of its lease. A holder whose process stands still counts like any other, and so does an
// orphan. Those that share the lock do not exclude each other.
func (w *World) judgeHolders(l int) {
	first := -1
	for _, o := range w.orphans {
		if o.lock != l || o.until <= w.now || o.limit != token.Exclusive {
			continue
		}
		if first >= 0 {
			w.fail(Exclusion, "clients that nodes %d and %d left behind hold %s", first, o.node, lockNames[l])
		}
		first = o.node
	}
	for _, k := range w.held {
		if op := &w.plan.Ops[k]; int(op.Lock) == l && op.Limit == token.Exclusive && w.clientHolds(k) {
			if first >= 0 {
				w.fail(Exclusion, "client %d (waiter %d) and node or client %d hold %s", op.Node, k+1, first, lockNames[l])
			}
			first = int(op.Node)
		}
	}
	alone := first
	if first, second, found := protocolcheck.TwoHolders((*cluster)(w), l, first); found {
		w.fail(Exclusion, "nodes %d and %d hold %s", first, second, lockNames[l])
	}
	for i := range w.plan.Nodes {
		if w.members[i].views[l].holder != 0 && w.inSession(i) {
			alone = i
		}
	}
	if n := w.sharersOf(l); alone >= 0 && n > 0 {
		w.fail(Exclusion, "node or client %d holds %s alone, and %d others share it", alone, lockNames[l], n)
	}
}

// judgeTokens: there is at most one live token.
func (w *World) judgeTokens(l int) {
	w.live = protocolcheck.AppendLiveTokens(w.live[:0], (*cluster)(w), l, lockNames[l])
	if len(w.live) > 1 {
		w.fail(OneToken, "%s: %s, and %s", lockNames[l], w.where(w.live[0], l), w.where(w.live[1], l))
	}
}

// where says where a live token is.
func (w *World) where(t protocolcheck.LiveToken, l int) string {
	if t.From == protocolcheck.Nobody {
		return fmt.Sprintf("%v at node %d", w.members[t.To].views[l].epoch, t.To)
	}
	return fmt.Sprintf("%v on its way from %d to %d", t.Message.Token.Epoch, t.From, t.To)
}

// judgeGrant: only inside a session, and with a fence above all earlier ones.
//
// For fences, promises must outlast a restart: a node without a disk repeats its promises
// if ballots came faster than its wall clock's seconds.
func (w *World) judgeGrant(i int, e *token.Effect) {
	if !w.inSession(i) {
		w.fail(Outside, "node %d, %s to waiter %d", i, e.Lock, e.Waiter)
	}
	w.judgeNotes(i, e)
	if e.Limit != token.Exclusive {
		w.judgeSharedGrant(i, e)
		return
	}
	l := w.lockOf(e.Lock)
	w.sharing[l].alone = max(w.sharing[l].alone, e.Fence)
	if last, rises := protocolcheck.Rises(&w.fences[l], e.Fence); !rises && !w.forgetful {
		w.fail(Fences, "node %d grants %s with fence %d, after %d", i, e.Lock, e.Fence, last)
	}
	w.judgeTurns(i, l, e.State.Queue)
}

// judgeTurns: a member in the token's queue has its turn, or is passed over, after at most
// one entry of each other member, or as many as that one's batch has. A new token begins
// anew.
func (w *World) judgeTurns(i, l int, queue []token.Member) {
	for _, id := range queue {
		j := w.machineOf(id)
		if w.members[j].id != id {
			continue // its disk is lost
		}
		entries := &w.overtook[l][j]
		entries[i]++
		if batch := max(1, w.plan.Machines[i].LocalBatch); entries[i] > batch {
			w.fail(Turns, "node %d gets %s for the %dth time while node %d stands in the queue; its batch is %d", i, lockNames[l], entries[i], j, batch)
		}
	}
}

// hadTurn notes that a member has left the token's queue.
func (w *World) hadTurn(j int, lock string) { w.overtook[w.lockOf(lock)][j] = [maxNodes]int{} }

// judgeBurials: nobody is inside a session and buried by a quorum. It judges what the nodes
// know, and so finds faults before they harm a token.
func (w *World) judgeBurials(k int) {
	if w.plan.Changes {
		w.judgeBuriedMember(k)
		return
	}
	if buriers, buried := protocolcheck.BuriedByQuorum((*cluster)(w), k); buried {
		w.fail(Burials, "node %d, by %d others", k, len(buriers))
	}
}

func (w *World) judgeMade(i int, e *token.Effect) {
	l, epoch := w.lockOf(e.Lock), e.Message.Token.Epoch
	if slices.Contains(w.made[l], epoch) && !w.forgetful {
		w.fail(OneMaking, "node %d makes %s again for %s", i, epoch, e.Lock)
	}
	w.made[l] = append(w.made[l], epoch)
	w.judgeInherited(i, e)
	w.overtook[l] = [maxNodes][maxNodes]int{}
}

// judgeSession: a member's session never comes back, unless its disk is set back.
func (w *World) judgeSession(i int, m *member, s token.Session) {
	if s < m.session && !m.setBack {
		w.fail(Sessions, "node %d saves session %d, after %d", i, s, m.session)
	}
	m.session = max(m.session, s)
}

// judgeLock checks one node's knowledge of a lock for contradictions.
func (w *World) judgeLock(i, l int, v *token.LockView) {
	session := w.members[i].node.InspectSession()
	bad := judgeShare(v, session.Begun)
	switch {
	case bad != "":
	case v.Holder != 0 && !v.HasToken:
		bad = "holder without token"
	case v.HasToken && !session.Begun:
		bad = "token outside a session"
	case v.HasToken && v.Holder == 0 && !v.Waits && v.Waiters > 0 && !session.Leaving:
		bad = "idle token in spite of a waiter"
	case v.HasToken && v.Outstanding && v.Holder == 0 && !v.Waits:
		bad = "idle token in spite of an outstanding request"
	case v.Outstanding && v.RequestNumbers[w.members[i].id].Session != session.Session:
		bad = "outstanding request of another session"
	case !v.HasToken && session.Begun && v.Waiters > 0 && !v.Outstanding && !session.Leaving:
		bad = "waiter without a request"
	}
	if v.HasToken {
		if _, found := protocolcheck.TwiceInQueue(v.Token.Queue); found {
			bad = "a node twice in Q"
		}
	}
	if bad != "" {
		w.fail(Invariant, "node %d, %s: %s: %+v %+v", i, lockNames[l], bad, *v, session)
	}
}

// judgeRest: only so much can happen at one moment.
func (w *World) judgeRest() {
	if w.now != w.since {
		w.since, w.stepsNow = w.now, 0
	}
	if w.stepsNow++; w.stepsNow > 10_000 {
		w.fail(Rest, "%d steps at one moment", w.stepsNow)
	}
}
