package web

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"conch/internal/frames"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

func millis(nanoseconds int64) int64 { return nanoseconds / int64(time.Millisecond) }

// show returns the news in the page's form.
func (p places) show(n news) newsJSON {
	j := newsJSON{Gone: n.gone, More: n.more, Settled: n.settled}
	if n.status != nil {
		j.Status = showStatus(n.status)
	}
	for _, l := range n.locks {
		j.Locks = append(j.Locks, p.showLock(l))
	}
	if n.detail != nil {
		j.Detail = p.showDetail(n.detail)
	}
	return j
}

func showStatus(r *clientv1.StatusResponse) *statusJSON {
	j := &statusJSON{Missing: []missingJSON{}}
	for _, m := range r.GetStatuses() {
		member := memberJSON{
			Member: m.GetMember(), Version: m.GetVersion(), Process: hex.EncodeToString(m.GetIncarnation()),
			Up: millis(m.GetUpNs()), Session: m.GetSession(), Lease: millis(m.GetLeaseRemainingNs()),
			Clients: m.GetClients(), Holds: m.GetHolds(), Waits: m.GetWaits(), Peers: []peerJSON{},
		}
		for _, p := range m.GetPeers() {
			silent, roundTrip := int64(-1), int64(-1)
			if p.GetSilentNs() >= 0 {
				silent, roundTrip = millis(p.GetSilentNs()), p.GetRoundTripNs()/1000
			}
			member.Peers = append(member.Peers, peerJSON{p.GetMember(), p.GetSends(), p.GetReceives(), silent, roundTrip})
		}
		j.Statuses = append(j.Statuses, member)
	}
	j.Change = render.ChangeSentence(r.GetMembership())
	for _, m := range r.GetMembership().GetMembers() {
		j.Listed = append(j.Listed, listedJSON{m.GetAddress(), standings[m.GetStanding()], m.GetTrouble()})
	}
	for _, m := range r.GetMissing() {
		j.Missing = append(j.Missing, missingJSON{m.GetMember(), m.GetReason()})
	}
	return j
}

// standings says where a member stands in a change; empty for one that stays.
var standings = map[clientv1.Standing]string{
	clientv1.Standing_STANDING_JOINING: "joining",
	clientv1.Standing_STANDING_LEAVING: "leaving",
}

// places are the members as a page has been told of them last: it is told of their positions.
type places []string

// memberIndex is the position of a member; -1 if it is none.
func (p places) memberIndex(member string) int { return slices.Index(p, member) }

func (p places) showLock(l *clientv1.LockStatus) lockJSON {
	j := lockJSON{
		Name: l.GetLock(), Holding: l.GetHolding(), Inside: []int{}, Waiting: l.GetWaiting(), Wants: []int{}, Searches: []int{},
		Limit: showMode(l.GetLimit()), LimitBy: p.memberIndex(l.GetLimitBy()),
	}
	if h := l.GetHolder(); h != nil {
		holder := p.showHolder(h)
		j.Holder = &holder
	}
	if k := l.GetKept(); k != nil {
		j.Kept = &keptJSON{
			Member: p.memberIndex(k.GetMember()), Client: showClient(k.GetClient()), Fence: k.GetFence(), Owner: k.GetOwner(),
			Since: time.Unix(k.GetSinceS(), 0).UTC().Format(time.RFC3339), Certain: k.GetInToken(),
		}
	}
	if r := l.GetRun(); r != nil {
		j.Run = fmt.Sprintf("turn %s: %s", render.Turn(r.GetTick()), render.RunSentence(r))
	}
	for _, h := range l.GetHolders() {
		if i := p.memberIndex(h.GetMember()); !slices.Contains(j.Inside, i) {
			j.Inside = append(j.Inside, i)
		}
	}
	if t := l.GetToken(); t != nil {
		j.Token = &tokenJSON{
			Member: p.memberIndex(t.GetMember()), Epoch: t.GetEpochNumber(), Proposer: t.GetEpochProposer(),
			Hop: t.GetHop(), Fence: t.GetFence(), Queue: []int{},
		}
		for _, member := range t.GetQueue() {
			j.Token.Queue = append(j.Token.Queue, p.memberIndex(member))
		}
	}
	for _, v := range l.GetViews() {
		if v.GetWaiting() > 0 {
			j.Wants = append(j.Wants, p.memberIndex(v.GetMember()))
		}
		if v.GetSearching() {
			j.Searches = append(j.Searches, p.memberIndex(v.GetMember()))
		}
	}
	return j
}

func (p places) showHolder(h *clientv1.Holder) holderJSON {
	return holderJSON{
		Member: p.memberIndex(h.GetMember()), Client: showClient(h.GetClient()), Fence: h.GetFence(),
		Held: millis(h.GetHeldNs()), Lease: millis(h.GetLeaseRemainingNs()), Ending: endings[h.GetEnding()],
		Mode: showMode(h.GetLimit()), Value: h.Value, Kept: h.GetKept(), Owner: h.GetOwner(),
	}
}

// showMode says in words in which mode a lock is held or wanted; empty for exclusive.
func showMode(limit uint32) string {
	if limit == 0 {
		return ""
	}
	return frames.LimitText(token.Limit(limit))
}

// endings says why a hold is about to end.
var endings = map[clientv1.Reason]string{
	clientv1.Reason_REASON_LAPSE:        "its node's session is about to lapse",
	clientv1.Reason_REASON_BREAK:        "somebody broke it",
	clientv1.Reason_REASON_NODE_LEAVING: "its node is stopping",
	clientv1.Reason_REASON_CLIENT_LEASE: "its client is silent",
}

func showClient(c *clientv1.Client) clientJSON {
	return clientJSON{c.GetHost(), c.GetPid(), c.GetUser(), c.GetCommand()}
}

func (p places) showDetail(l *clientv1.LockStatus) *detailJSON {
	j := &detailJSON{
		Lock: p.showLock(l), Holders: []holderJSON{}, Waiters: []waiterJSON{}, Obstacles: []string{}, Views: []viewJSON{},
		LastGranted: showNumbers(l.GetToken().GetLastGranted()),
	}
	for _, h := range l.GetHolders() {
		j.Holders = append(j.Holders, p.showHolder(h))
	}
	for _, w := range l.GetWaiters() {
		j.Waiters = append(j.Waiters, waiterJSON{
			p.memberIndex(w.GetMember()), showClient(w.GetClient()), millis(w.GetWaitedNs()), w.GetAhead(), showMode(w.GetLimit()),
		})
	}
	for _, o := range l.GetObstacles() {
		switch o.GetKind() {
		case clientv1.Obstacle_KIND_HELD, clientv1.Obstacle_KIND_QUEUE, clientv1.Obstacle_KIND_TOKEN_MOVING, clientv1.Obstacle_KIND_KEPT:
			// That is how it goes, and shown beside.
		default:
			j.Obstacles = append(j.Obstacles, o.GetText())
		}
	}
	for _, v := range l.GetViews() {
		j.Views = append(j.Views, viewJSON{
			p.memberIndex(v.GetMember()), showNumbers(v.GetRequestNumbers()), v.GetRequesting(), v.GetWaiting(), v.GetSearching(),
		})
	}
	return j
}

func showNumbers(numbers []*clientv1.RequestNumber) []numberJSON {
	all := []numberJSON{}
	for _, n := range numbers {
		all = append(all, numberJSON{n.GetSession(), n.GetCount()})
	}
	return all
}

// showAsks tells of all that a page has asked for, by name.
func (v *visits) showAsks(st *stream) []askJSON {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := []askJSON{}
	for _, lock := range slices.Sorted(maps.Keys(st.visit.asks)) {
		all = append(all, st.visit.asks[lock].show(lock))
	}
	return all
}

func (a *ask) show(lock string) askJSON {
	switch {
	case a.err != nil:
		return askJSON{Lock: lock, State: "refused", Text: textOf(a.err)}
	case a.hold == nil:
		return askJSON{Lock: lock, State: "waiting"}
	}
	j := askJSON{Lock: lock, State: "held", Fence: a.hold.Fence()}
	if err := a.hold.Err(); err != nil {
		j.State, j.Text = "lost", err.Error()
	} else if err := a.hold.Warning(); err != nil {
		j.State, j.Text = "ending", err.Error()
	}
	return j
}
