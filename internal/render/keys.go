package render

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// The JSON of JSON.md, key by key.

type missing struct {
	Member string `json:"member"`
	Reason string `json:"reason"`
}

type client struct {
	Host    string `json:"host"`
	PID     int64  `json:"pid"`
	User    string `json:"user"`
	Command string `json:"command"`
	// Identity is the client as the node has identified it; empty if it is unknown.
	Identity string `json:"identity"`
}

type holder struct {
	Member string `json:"member"`
	client
	Mode         string  `json:"mode"`
	Fence        string  `json:"fence"`
	HeldSeconds  float64 `json:"held_seconds"`
	LeaseSeconds float64 `json:"lease_seconds"`
	Ending       *string `json:"ending"`
	// Value is what the holder says as a leader, or null.
	Value *string `json:"value"`
	// Tick is the turn that it is held for, or null.
	Tick *string `json:"tick"`
	// OnDeath is what becomes of the hold when the holder dies.
	OnDeath string `json:"on_death"`
	Owner   string `json:"owner"`
}

// kept is a kept hold that nobody alive has.
type kept struct {
	Member string `json:"member"`
	client
	Fence   string `json:"fence"`
	Owner   string `json:"owner"`
	Since   string `json:"since"`
	Certain bool   `json:"certain"`
}

// broken are the holds that somebody broke, or the kept hold that somebody freed.
type broken struct {
	Lock    string    `json:"lock"`
	Holder  *holder   `json:"holder"`
	Holders []*holder `json:"holders"`
	Freed   *kept     `json:"freed"`
}

// run is a run of a lock.
type run struct {
	Tick  string  `json:"tick"`
	Turn  *string `json:"turn"`
	State string  `json:"state"`
	Fence string  `json:"fence"`
	// Member and the client's keys say where it was.
	Member string `json:"member"`
	client
	Began           string   `json:"began"`
	Ended           *string  `json:"ended"`
	TookSeconds     *float64 `json:"took_seconds"`
	ExitCode        *int32   `json:"exit_code"`
	Text            string   `json:"text"`
	RememberedUntil string   `json:"remembered_until"`
}

// lockRun is a run with its lock.
type lockRun struct {
	Lock string `json:"lock"`
	run
}

type waiter struct {
	Member string `json:"member"`
	client
	Mode          string  `json:"mode"`
	WaitedSeconds float64 `json:"waited_seconds"`
	Ahead         uint32  `json:"ahead"`
}

type tokenStatus struct {
	Member      string   `json:"member"`
	Epoch       string   `json:"epoch"`
	Hop         string   `json:"hop"`
	Fence       string   `json:"fence"`
	Queue       []string `json:"queue"`
	LastGranted []string `json:"last_granted"`
	BatchLeft   uint32   `json:"batch_left"`
	Limit       uint32   `json:"limit"`
	LimitBy     string   `json:"limit_by"`
	Shares      []*share `json:"shares"`
}

type share struct {
	Member  string `json:"member"`
	Session string `json:"session"`
	ID      string `json:"id"`
	Permits uint32 `json:"permits"`
}

type obstacle struct {
	Kind   string `json:"kind"`
	Member string `json:"member"`
	Text   string `json:"text"`
}

type view struct {
	Member         string   `json:"member"`
	RequestNumbers []string `json:"request_numbers"`
	Requesting     bool     `json:"requesting"`
	Waiting        uint64   `json:"waiting"`
	Searching      bool     `json:"searching"`
	LocalBatch     uint32   `json:"local_batch"`
	Share          *share   `json:"share"`
	Recalled       bool     `json:"recalled"`
	Limit          uint32   `json:"limit"`
	LimitBy        string   `json:"limit_by"`
}

type lockStatus struct {
	Lock      string       `json:"lock"`
	Held      bool         `json:"held"`
	Holder    *holder      `json:"holder"`
	Holders   []*holder    `json:"holders"`
	Holding   uint64       `json:"holding"`
	Limit     uint32       `json:"limit"`
	LimitBy   string       `json:"limit_by"`
	Waiting   uint64       `json:"waiting"`
	Waiters   []waiter     `json:"waiters"`
	Obstacles []obstacle   `json:"obstacles"`
	Kept      *kept        `json:"kept"`
	Run       *run         `json:"run"`
	Token     *tokenStatus `json:"token"`
	Views     []view       `json:"views"`
	Missing   []missing    `json:"missing"`
}

// noLock is written if there is no lock to describe, but members did not answer.
type noLock struct {
	Lock    *string   `json:"lock"` // null
	Missing []missing `json:"missing"`
}

// leader is who leads under a lock; all but Lock is null if nobody does.
type leader struct {
	Lock    string  `json:"lock"`
	Value   *string `json:"value"`
	Term    *string `json:"term"`
	Member  *string `json:"member"`
	InDoubt *bool   `json:"in_doubt"`
}

// heard is when a leader was heard of.
type heard struct {
	Time string `json:"time"`
}

// moment is when the node heard of a lock's state, and what is new in it.
type moment struct {
	Time    string   `json:"time"`
	Changes []string `json:"changes"`
}

type peer struct {
	Member        string   `json:"member"`
	Sends         bool     `json:"sends"`
	Receives      bool     `json:"receives"`
	SilentSeconds *float64 `json:"silent_seconds"`
	// RoundTripSeconds is null if there was no answer.
	RoundTripSeconds *float64 `json:"round_trip_seconds"`
	// RefusedThere and RefusedHere are why a stream is refused, or null.
	RefusedThere *string `json:"refused_there"`
	RefusedHere  *string `json:"refused_here"`
}

type memberStatus struct {
	Member       string  `json:"member"`
	Version      string  `json:"version"`
	Incarnation  string  `json:"incarnation"`
	UpSeconds    float64 `json:"up_seconds"`
	Session      *string `json:"session"`
	LeaseSeconds float64 `json:"lease_seconds"`
	Clients      uint32  `json:"clients"`
	Holds        uint32  `json:"holds"`
	Waits        uint32  `json:"waits"`
	Locks        uint64  `json:"locks"`
	MaxLocks     uint64  `json:"max_locks"`
	// LogLinesMissing is how many lines could not be written; LogTrouble is why none can be
	// now, or null.
	LogLinesMissing uint64  `json:"log_lines_missing"`
	LogTrouble      *string `json:"log_trouble"`
	Rules           string  `json:"rules"`
	Draining        bool    `json:"draining"`
	Remembers       bool    `json:"remembers"`
	Notes           uint64  `json:"notes"`
	MaxNotes        uint64  `json:"max_notes"`
	Peers           []peer  `json:"peers"`
}

// lockKept is a kept hold with its lock.
type lockKept struct {
	Lock string `json:"lock"`
	*kept
}

type clusterStatus struct {
	AnsweredBy string         `json:"answered_by"`
	Members    []string       `json:"members"`
	Single     bool           `json:"single"`
	Quorum     uint32         `json:"quorum"`
	TTLSeconds float64        `json:"ttl_seconds"`
	Statuses   []memberStatus `json:"statuses"`
	KeptLocks  []lockKept     `json:"kept_locks"`
	// Membership is who the members are, as the answering node knows by itself; null if its
	// version does not tell.
	Membership *membership `json:"membership"`
	Missing    []missing   `json:"missing"`
}

// seconds converts nanoseconds to seconds, exact to a microsecond.
func seconds(ns int64) float64 { return math.Round(float64(ns)/1e3) / 1e6 }

// decimal writes a number that may be above 2^53 as text, since many readers of JSON would
// round it.
func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// each converts a list; an empty one becomes an empty list, not null.
func each[From, To any](list []From, change func(From) To) []To {
	changed := make([]To, len(list))
	for i, element := range list {
		changed[i] = change(element)
	}
	return changed
}

// same keeps a text.
func same(text string) string { return text }

func toMissing(list []*clientv1.Missing) []missing {
	return each(list, func(m *clientv1.Missing) missing {
		return missing{Member: m.GetMember(), Reason: m.GetReason()}
	})
}

func toClient(c *clientv1.Client) client {
	return client{Host: c.GetHost(), PID: c.GetPid(), User: c.GetUser(), Command: c.GetCommand(), Identity: c.GetIdentity()}
}

func toHolder(h *clientv1.Holder) *holder {
	if h == nil {
		return nil
	}
	to := &holder{
		Member: h.GetMember(), client: toClient(h.GetClient()), Mode: Mode(h.GetLimit()), Fence: decimal(h.GetFence()),
		HeldSeconds: seconds(h.GetHeldNs()), LeaseSeconds: seconds(h.GetLeaseRemainingNs()),
		Value: h.Value, OnDeath: "release", Owner: h.GetOwner(),
	}
	if h.GetKept() {
		to.OnDeath = "keep"
	}
	if h.GetTick() != 0 {
		tick := strconv.FormatInt(h.GetTick(), 10)
		to.Tick = &tick
	}
	if h.GetEnding() != clientv1.Reason_REASON_UNSPECIFIED {
		ending := constant(h.GetEnding().String(), "REASON_")
		to.Ending = &ending
	}
	return to
}

func toKept(k *clientv1.KeptHold) *kept {
	if k == nil {
		return nil
	}
	return &kept{
		Member: k.GetMember(), client: toClient(k.GetClient()), Fence: decimal(k.GetFence()), Owner: k.GetOwner(),
		Since: second(k.GetSinceS()), Certain: k.GetInToken(),
	}
}

func toRun(r *clientv1.RunRecord) *run {
	if r == nil {
		return nil
	}
	to := &run{
		Tick: strconv.FormatInt(r.GetTick(), 10), State: constant(r.GetState().String(), "STATE_"), Fence: decimal(r.GetFence()),
		Member: r.GetMember(), client: toClient(r.GetClient()), Began: second(r.GetBeganS()), Text: r.GetText(), RememberedUntil: second(r.GetRememberedUntilS()),
	}
	if isTime(r.GetTick()) {
		turn := second(r.GetTick())
		to.Turn = &turn
	}
	if r.GetState() == clientv1.RunRecord_STATE_DONE {
		ended, took, code := second(r.GetEndedS()), float64(r.GetEndedS()-r.GetBeganS()), r.GetExitCode()
		to.Ended, to.TookSeconds, to.ExitCode = &ended, &took, &code
	}
	return to
}

func toNumbers(list []*clientv1.RequestNumber) []string {
	return each(list, func(n *clientv1.RequestNumber) string {
		return fmt.Sprintf("%d.%d", n.GetSession(), n.GetCount())
	})
}

func toToken(t *clientv1.TokenStatus) *tokenStatus {
	if t == nil {
		return nil
	}
	return &tokenStatus{
		Member: t.GetMember(), Epoch: epoch(t), Hop: decimal(t.GetHop()), Fence: decimal(t.GetFence()),
		Queue:       each(t.GetQueue(), func(member string) string { return member }),
		LastGranted: toNumbers(t.GetLastGranted()), BatchLeft: t.GetBatchLeft(),
		Limit: t.GetLimit(), LimitBy: t.GetLimitBy(), Shares: each(t.GetShares(), toShare),
	}
}

func toShare(s *clientv1.Share) *share {
	if s == nil {
		return nil
	}
	return &share{Member: s.GetMember(), Session: decimal(s.GetSession()), ID: decimal(s.GetId()), Permits: s.GetPermits()}
}

// epoch writes which token of the lock this is, as the logs do.
func epoch(t *clientv1.TokenStatus) string {
	return fmt.Sprintf("%d.%d", t.GetEpochNumber(), t.GetEpochProposer())
}

func toLock(l *clientv1.LockStatus, absent []*clientv1.Missing) lockStatus {
	return lockStatus{
		Lock: l.GetLock(), Held: len(Holders(l)) > 0, Holder: toHolder(l.GetHolder()),
		Holders: each(Holders(l), toHolder), Holding: CountHolders(l), Limit: l.GetLimit(), LimitBy: l.GetLimitBy(),
		Waiting: l.GetWaiting(),
		Waiters: each(l.GetWaiters(), func(w *clientv1.Waiter) waiter {
			return waiter{
				Member: w.GetMember(), client: toClient(w.GetClient()), Mode: Mode(w.GetLimit()),
				WaitedSeconds: seconds(w.GetWaitedNs()), Ahead: w.GetAhead(),
			}
		}),
		Obstacles: each(l.GetObstacles(), func(o *clientv1.Obstacle) obstacle {
			return obstacle{Kind: constant(o.GetKind().String(), "KIND_"), Member: o.GetMember(), Text: o.GetText()}
		}),
		Kept: toKept(l.GetKept()), Run: toRun(l.GetRun()), Token: toToken(l.GetToken()),
		Views: each(l.GetViews(), func(v *clientv1.LockView) view {
			return view{
				Member: v.GetMember(), RequestNumbers: toNumbers(v.GetRequestNumbers()),
				Requesting: v.GetRequesting(), Waiting: v.GetWaiting(), Searching: v.GetSearching(),
				LocalBatch: max(1, v.GetLocalBatch()),
				Share:      toShare(v.GetShare()), Recalled: v.GetRecalled(), Limit: v.GetLimit(), LimitBy: v.GetLimitBy(),
			}
		}),
		Missing: toMissing(absent),
	}
}

func toLeader(lock string, l *clientv1.Leader) leader {
	if l == nil {
		return leader{Lock: lock}
	}
	term := decimal(l.GetFence())
	return leader{Lock: lock, Value: &l.Value, Term: &term, Member: &l.Member, InDoubt: &l.InDoubt}
}

// instant writes a time as RFC 3339, exact to a microsecond.
func instant(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

func toMoment(at time.Time, change *Change) moment {
	return moment{
		Time:    instant(at),
		Changes: each(change.What, func(w What) string { return string(w) }),
	}
}

func toMember(m *clientv1.MemberStatus) memberStatus {
	to := memberStatus{
		Member: m.GetMember(), Version: m.GetVersion(), Incarnation: hex.EncodeToString(m.GetIncarnation()),
		UpSeconds: seconds(m.GetUpNs()), LeaseSeconds: seconds(m.GetLeaseRemainingNs()),
		Clients: m.GetClients(), Holds: m.GetHolds(), Waits: m.GetWaits(),
		Locks: m.GetLocks(), MaxLocks: m.GetMaxLocks(), LogLinesMissing: m.GetLogLinesMissing(), Rules: hex.EncodeToString(m.GetRules()), Draining: m.GetDraining(),
		Remembers: m.GetRemembers(), Notes: m.GetNotes(), MaxNotes: m.GetMaxNotes(),
		Peers: each(m.GetPeers(), func(p *clientv1.PeerStatus) peer {
			to := peer{Member: p.GetMember(), Sends: p.GetSends(), Receives: p.GetReceives()}
			if p.GetSilentNs() >= 0 {
				silent := seconds(p.GetSilentNs())
				roundTrip := seconds(p.GetRoundTripNs())
				to.SilentSeconds, to.RoundTripSeconds = &silent, &roundTrip
			}
			if reason := p.GetRefusedThere(); reason != "" {
				to.RefusedThere = &reason
			}
			if reason := p.GetRefusedHere(); reason != "" {
				to.RefusedHere = &reason
			}
			return to
		}),
	}
	if trouble := m.GetLogTrouble(); trouble != "" {
		to.LogTrouble = &trouble
	}
	if m.GetSession() != 0 {
		session := decimal(m.GetSession())
		to.Session = &session
	}
	return to
}

func toStatus(s *clientv1.StatusResponse, locks []*clientv1.LockStatus) clusterStatus {
	var list *membership
	if s.GetMembership() != nil {
		all := toMembers(s.GetMembership())
		list = &all
	}
	return clusterStatus{
		Membership: list,
		AnsweredBy: s.GetAnsweredBy(), Members: each(s.GetMembers(), func(m string) string { return m }),
		Single: len(s.GetMembers()) == 1, Quorum: s.GetQuorum(), TTLSeconds: seconds(s.GetTtlNs()),
		Statuses:  each(s.GetStatuses(), toMember),
		KeptLocks: each(locks, func(l *clientv1.LockStatus) lockKept { return lockKept{l.GetLock(), toKept(l.GetKept())} }), Missing: toMissing(s.GetMissing()),
	}
}
