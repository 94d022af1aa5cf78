package stepper

import (
	"slices"

	"conch/token"
)

// Snapshot is what there is to see after a step. Its JSON is what the page shows. It is
// not changed any more.
type Snapshot struct {
	Step   int     `json:"step"` // 0 is the beginning
	Op     string  `json:"op"`   // the operation's text; "" at the beginning
	Millis float64 `json:"millis"`
	// Happened is what came about in the step, in order, and Rules what it obeyed.
	Happened []Sentence `json:"happened"`
	Rules    []Rule     `json:"rules"`
	// Quiet: time passed, and nothing happened but heartbeats.
	Quiet bool `json:"quiet"`

	Members    []MemberView    `json:"members"`
	Streams    []StreamView    `json:"streams"` // one for each direction
	Invariants []InvariantView `json:"invariants"`
	Green      bool            `json:"green"` // all invariants hold
	// Grants counts those since the beginning of time, the beginning's included, and
	// Fence is the latest one's.
	Grants int    `json:"grants"`
	Fence  string `json:"fence"`
}

// MemberView is a member. Numbers are texts, SESSION.COUNT. State is one of crashed,
// starting, no-session, critical, sharing, waiting and idle.
type MemberView struct {
	Name  string `json:"name"`
	State string `json:"state"`

	Session     uint64 `json:"session"`
	InSession   bool   `json:"inSession"`
	LeaseMillis int64  `json:"leaseMillis"` // left of the lease; 0 outside a session
	ClockMillis int64  `json:"clockMillis"` // what its own clock reads
	Waiting     int    `json:"waiting"`     // clients that wait
	Critical    bool   `json:"critical"`    // a client is in the critical section
	Inside      int    `json:"inside"`      // how many are; more than one if they share the lock
	Share       string `json:"share"`       // its share: the permits, and its fence; "" if it has none
	Recalled    bool   `json:"recalled"`    // nobody more is let in under the share
	Asking      string `json:"asking"`      // number of the outstanding request; "" if none
	AfterStart  bool   `json:"afterStart"`  // the wait after the start is not over

	RequestNumbers []string   `json:"rn"`    // RN; empty if the lock is not known here
	Token          *TokenView `json:"token"` // where it is not, null
	Guards         []string   `json:"guards"`
	Buries         []string   `json:"buries"`
}

// TokenView is a token.
type TokenView struct {
	Epoch       string   `json:"epoch"` // which making it is
	Hop         uint64   `json:"hop"`
	Fence       string   `json:"fence"`
	LastGranted []string `json:"ln"`
	Queue       []string `json:"q"`
	Limit       string   `json:"limit"`  // readers, or how many permits; "" if nobody has shared the lock
	Shares      []string `json:"shares"` // that are out
	// Live: it counts. One that is under way does if it would be taken were it to arrive
	// now.
	Live bool `json:"live"`
}

// StreamView is one direction of a pair.
type StreamView struct {
	From     int           `json:"from"`
	To       int           `json:"to"`
	State    string        `json:"state"` // open, delayed, closed or cut
	Messages []MessageView `json:"messages"`
}

// MessageView is a message under way.
type MessageView struct {
	ID        int     `json:"id"` // the same in each snapshot
	Kind      string  `json:"kind"`
	Short     string  `json:"short"`
	Words     string  `json:"words"`
	Heartbeat bool    `json:"heartbeat"`
	Token     bool    `json:"token"`
	DueMillis float64 `json:"dueMillis"` // when it arrives by itself, counted from now
	// Done is how much of its way it has behind it, from 0 to 1.
	Done    float64    `json:"done"`
	Content *TokenView `json:"content"` // of a TOKEN; else null
}

// InvariantView is a promise, and whether it was kept all through the step.
type InvariantView struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
	OK    bool   `json:"ok"`
	Found string `json:"found"` // what is wrong, if it is not OK
}

// snapshot looks at the cluster.
func (w *world) snapshot(step int, op string) *Snapshot {
	w.judge.check(w)
	s := &Snapshot{
		Step: step, Op: op, Millis: float64(w.now) / float64(millisecond),
		Happened: slices.Clone(w.said), Rules: w.rules(), Quiet: w.quiet,
		Green: true, Grants: w.judge.grants, Fence: fenceText(w.judge.fence),
	}
	if s.Happened == nil {
		s.Happened = []Sentence{}
	}
	for i := range w.members {
		s.Members = append(s.Members, w.memberView(i))
		for j := range w.members {
			if i != j {
				s.Streams = append(s.Streams, w.streamView(i, j))
			}
		}
	}
	for p, text := range promiseTexts {
		found := w.judge.broken[p]
		s.Green = s.Green && found == ""
		s.Invariants = append(s.Invariants, InvariantView{text.id, text.title, text.text, found == "", found})
	}
	return s
}

func (w *world) memberView(i int) MemberView {
	m := &w.members[i]
	v := MemberView{
		Name: name(i), State: "crashed", ClockMillis: int64((w.now + m.ahead) / millisecond),
		Session: uint64(m.session), RequestNumbers: []string{}, Guards: []string{}, Buries: []string{},
	}
	if m.node == nil {
		return v
	}
	session := m.node.InspectSession()
	v.Session, v.AfterStart, v.InSession = uint64(session.Session), session.Waiting, w.inSession(i)
	if v.InSession {
		v.LeaseMillis = int64((session.LeaseEnd - w.now - m.ahead) / millisecond)
	}
	lock := &w.judge.views[i]
	v.Waiting, v.Critical, v.Inside = lock.Waiters, len(lock.Inside) > 0, len(lock.Inside)
	if lock.Share.ID != 0 {
		v.Share, v.Recalled = shareText(lock.Share), lock.Recalled
	}
	v.RequestNumbers = numberTexts(lock.RequestNumbers)
	if lock.Outstanding {
		v.Asking = lock.RequestNumbers[i].String()
	}
	if lock.HasToken {
		v.Token = tokenView(&lock.Token, v.InSession)
	}
	for j := range w.members {
		if j == i {
			continue
		}
		p := m.node.InspectPeer(token.Member(j))
		if p.GuardEnd > w.now+m.ahead {
			v.Guards = append(v.Guards, name(j))
		}
		if p.BurialEnd > w.now+m.ahead {
			v.Buries = append(v.Buries, name(j))
		}
	}
	v.State = stateOf(&v, lock)
	return v
}

func stateOf(v *MemberView, lock *token.LockView) string {
	switch {
	case lock.Holder != 0:
		return "critical"
	case v.Critical:
		return "sharing"
	case v.AfterStart:
		return "starting"
	case !v.InSession:
		return "no-session"
	case v.Waiting > 0 || lock.Outstanding:
		return "waiting"
	default:
		return "idle"
	}
}

func (w *world) streamView(from, to int) StreamView {
	s := &w.streams[from][to]
	v := StreamView{From: from, To: to, State: "open", Messages: []MessageView{}}
	switch {
	case s.cut:
		v.State = "cut"
	case !s.up:
		v.State = "closed"
	case s.delayed:
		v.State = "delayed"
	}
	for k := range s.queue {
		p := &s.queue[k]
		left := max(0, p.due-w.now)
		m := MessageView{
			ID: p.number, Kind: p.message.Kind.String(),
			Short: messageShort(from, &p.message), Words: messageWords(from, &p.message),
			Heartbeat: isHeartbeat(p.message.Kind), Token: p.message.Kind == token.TokenMessage,
			DueMillis: float64(left) / float64(millisecond),
			Done:      1 - min(1, float64(left)/float64(shortestWay+wayJitter)),
		}
		if m.Token {
			m.Content = tokenView(p.message.Token, w.inSession(to) && w.members[to].node.Refuses(p.message) == "")
		}
		v.Messages = append(v.Messages, m)
	}
	return v
}

func tokenView(t *token.Token, live bool) *TokenView {
	return &TokenView{
		Epoch: epochText(t.Epoch), Hop: t.Hop, Fence: fenceText(t.Fence),
		LastGranted: numberTexts(t.LastGranted), Queue: nameTexts(t.Queue), Live: live,
		Limit: limitText(t.Limit), Shares: shareTexts(t.Shares),
	}
}
