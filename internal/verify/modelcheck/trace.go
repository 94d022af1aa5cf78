package modelcheck

import (
	"fmt"
	"strings"

	"conch/token"
)

// Violation is a broken promise and the shortest sequence of actions to it.
type Violation struct {
	// Broken says what is wrong.
	Broken  string
	config  Config
	actions []action
}

// Length is how many actions lead to the violation.
func (v *Violation) Length() int { return len(v.actions) }

// Trace tells what happened: an action a line, with its consequences below it.
func (v *Violation) Trace() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.config.Name, v.Broken)
	p := stepper{Config: &v.config, hasher: newHasher()}
	s, _ := p.origin()
	p.seen = func(member int, e *token.Effect) {
		if text := effectText(e); text != "" {
			fmt.Fprintf(&b, "       %s %s\n", name(member), text)
		}
	}
	tell := func(n string, x action) {
		fmt.Fprintf(&b, "%4s  %s%s\n", n, x, p.heard(s, x))
	}
	for _, x := range v.config.prelude {
		tell("", x)
		if p.force(s, x) != "" {
			return b.String()
		}
	}
	for i, x := range v.actions {
		tell(fmt.Sprint(i+1, "."), x)
		next := new(state)
		broken := p.apply(s, x, next)
		s = next
		if broken != "" {
			fmt.Fprintf(&b, "       %s\n", broken)
			return b.String()
		}
	}
	fmt.Fprintf(&b, "       from here on all goes well\n")
	p.acted = func(x action) { tell("", x) }
	_, broken := p.served(s)
	fmt.Fprintf(&b, "       %s\n", broken)
	return b.String()
}

// heard names the messages that are about to be delivered.
func (p *stepper) heard(s *state, x action) string {
	if x.kind != deliver {
		return ""
	}
	queue := s.streams[x.a][x.b].queue
	if p.Delivery != Batched {
		queue = queue[:1]
	}
	texts := make([]string, len(queue))
	for i, m := range queue {
		texts[i] = messageText(m)
	}
	return ": " + strings.Join(texts, "; ")
}

// messageText writes a message for a trace.
func messageText(m *token.Message) string {
	var b strings.Builder
	fmt.Fprint(&b, m.Kind)
	if m.Lock != "" {
		fmt.Fprint(&b, " ", m.Lock)
	}
	ms := func(t token.Time) token.Time { return t / 1e6 }
	switch m.Kind {
	case token.Request:
		fmt.Fprint(&b, " ", m.Number)
	case token.TokenMessage:
		fmt.Fprintf(&b, " to session %d, %s", m.Session, tokenText(m.Token))
	case token.Ping:
		fmt.Fprintf(&b, " session %d begun=%t stamp=%d ms", m.Session, m.Begun, ms(m.Stamp))
	case token.Pong:
		fmt.Fprintf(&b, " stamp=%d ms", ms(m.Stamp))
	case token.Busy:
		fmt.Fprint(&b, " ", m.Locks)
	case token.Bye:
		fmt.Fprint(&b, " session ", m.Session)
	case token.Probe:
		fmt.Fprintf(&b, " %d number=%s", m.Probe, m.Number)
		if m.Helper != token.NoMember {
			fmt.Fprint(&b, " helper=", name(int(m.Helper)))
		}
	case token.ProbeAnswer:
		fmt.Fprintf(&b, " %d: %s buriable=%s", m.Probe, answerText(m.Answer), names(m.Members))
	case token.Ballot:
		fmt.Fprintf(&b, " %s number=%s distant=%s", m.Ballot, m.Number, names(m.Members))
	case token.BallotAnswer:
		fmt.Fprintf(&b, " %s: %s number=%s waiting=%t buried=%s highest=%s%s",
			m.Ballot, answerText(m.Answer), m.Number, m.Waiting, names(m.Members), m.Highest, noteText(m.Note))
	case token.Witness:
		b.WriteString(noteText(m.Note))
	case token.WitnessAnswer:
		fmt.Fprintf(&b, ": %s%s", answerText(m.Answer), noteText(m.Note))
	case token.Say:
		b.WriteString(sayingText(m.Saying))
	case token.Abort:
		fmt.Fprint(&b, " ", m.Ballot)
	}
	if m.Change != nil {
		b.WriteString(changeText(m))
	}
	return b.String()
}

// changeText writes what a message says about the members.
func changeText(m *token.Message) string {
	c := m.Change
	switch m.Kind {
	case token.MembershipMessage:
		return " " + membershipText(c.Membership)
	case token.Joined:
		return fmt.Sprintf(" %d in %d distant=%s", c.Ask, c.Version, names(m.Members))
	case token.JoinedAnswer:
		return fmt.Sprintf(" %d in %d joined=%t buried=%s highest=%d", c.Ask, c.Version, c.Joined, names(m.Members), c.Highest)
	case token.Sync, token.SyncAnswer:
		return fmt.Sprintf(" in %d after %q: %d more=%t", c.Version, c.After, len(c.Notes), c.More)
	}
	return fmt.Sprintf(" %s after %d promised=%s accepted=%s list=%s", c.Round, c.Version, c.Promised, c.Accepted, listText(c.Next))
}

// membershipText writes a membership.
func membershipText(m *token.Membership) string {
	text := fmt.Sprintf("membership %d of %s", m.Version, listText(m.Members))
	if m.Joint() {
		text += " to " + listText(m.Next)
	}
	return text
}

func listText(list []token.Listed) string {
	var b strings.Builder
	b.WriteByte('[')
	for _, l := range list {
		b.WriteString(name(int(l.ID)))
	}
	b.WriteByte(']')
	return b.String()
}

// sayingText writes what is said about who leads.
func sayingText(s *token.Saying) string {
	if s.None {
		return " fence " + fenceText(s.Fence) + ": over"
	}
	return fmt.Sprintf(" fence %s: value %d, %q", fenceText(s.Fence), s.Count, s.Value)
}

func answerText(a token.Answer) string {
	return [...]string{"", "HOLD", "RECENT", "NONE", "OUTBID", "TOO-LOW", "PROMISE", "NOTED", "FULL", "NO-DISK"}[a]
}

func tokenText(t *token.Token) string {
	text := fmt.Sprintf("epoch %s fence %s LN=%v Q=%s", t.Epoch, fenceText(t.Fence), t.LastGranted, names(t.Queue))
	if t.Run != nil {
		text += " " + markText(t.Run)
	}
	if t.Kept != nil {
		text += " " + keptText(t.Kept)
	}
	return text
}

// noteText writes what a message says about a lock's notes.
func noteText(n *token.Note) string {
	var text string
	if n == nil {
		return text
	}
	if n.Run != nil {
		text += " " + markText(&n.Run.RunMark)
	}
	if n.Kept != nil {
		text += " " + keptText(n.Kept)
	}
	if n.Epoch != (token.Epoch{}) {
		text += fmt.Sprintf(" epoch %s", n.Epoch)
	}
	return text
}

func markText(m *token.RunMark) string {
	state := [...]string{"", "begun", "void", "done"}[m.State]
	return fmt.Sprintf("run of tick %d %s, fence %s", m.Tick, state, fenceText(m.Fence))
}

func keptText(k *token.KeptHold) string {
	text := "kept hold of " + k.Owner + ", fence " + fenceText(k.Fence)
	if k.Over {
		text += ", over"
	}
	return text
}

// fenceText writes the ballot's number in a fence, and which grant of its token it is.
func fenceText(f token.Fence) string {
	return fmt.Sprintf("%d·2^24+%d", f>>token.FenceBits, f&token.MaxFencesPerEpoch)
}

func names(members []token.Member) string {
	var b strings.Builder
	b.WriteByte('[')
	for _, m := range members {
		b.WriteString(name(int(m)))
	}
	b.WriteByte(']')
	return b.String()
}

// effectText writes what a node did; "" for what a trace leaves out.
func effectText(e *token.Effect) string {
	switch e.Kind {
	case token.Grant:
		return fmt.Sprintf("grants %s to client %d, fence %s", e.Lock, e.Waiter, fenceText(e.Fence))
	case token.Revoke:
		return fmt.Sprintf("takes %s from client %d", e.Lock, e.Waiter)
	case token.Refuse:
		return fmt.Sprintf("refuses %s to client %d", e.Lock, e.Waiter)
	case token.Asked:
		return fmt.Sprintf("asks for %s, number %s", e.Lock, e.Number)
	case token.Made:
		return fmt.Sprintf("makes the token of %s: %s", e.Lock, tokenText(e.Message.Token))
	case token.Dropped:
		return fmt.Sprintf("drops the token of %s, epoch %s: %s", e.Lock, e.Message.Token.Epoch, e.Reason)
	case token.Began:
		return fmt.Sprintf("begins session %d", e.Session)
	case token.Lapsed:
		return fmt.Sprintf("loses session %d", e.Session)
	case token.Buried:
		return fmt.Sprintf("buries %s", name(int(e.Peer)))
	case token.Probed:
		return fmt.Sprintf("probes for %s", e.Lock)
	case token.Balloted:
		return fmt.Sprintf("begins ballot %s for %s", e.Message.Ballot, e.Lock)
	case token.Ended:
		return fmt.Sprintf("ends ballot %s: %s", e.Message.Ballot, e.Reason)
	case token.Forgot:
		return fmt.Sprintf("forgets %s", e.Lock)
	case token.Store:
		return fmt.Sprintf("has its disk write, as number %d,%s", e.Serial, noteText(&token.Note{Run: &e.Notes.Run, Kept: &e.Notes.Kept}))
	case token.Witnessing:
		return fmt.Sprintf("has all note of %s, for client %d:%s", e.Lock, e.Waiter, noteText(e.Message.Note))
	case token.Ran:
		return fmt.Sprintf("tells client %d that its run of %s is not needed: %s", e.Waiter, e.Lock, markText(&e.Run.RunMark))
	case token.RunNoted, token.Freed:
		if e.Reason == "" {
			return fmt.Sprintf("tells client %d that a quorum has noted what it said about %s", e.Waiter, e.Lock)
		}
		return fmt.Sprintf("tells client %d that it is not known to be noted: %s", e.Waiter, e.Reason)
	case token.Keeping:
		return fmt.Sprintf("keeps %s:%s", e.Lock, noteText(e.Message.Note))
	case token.Unkept:
		return fmt.Sprintf("keeps %s no longer", e.Lock)
	case token.Led:
		return fmt.Sprintf("believes of %s about %s%s %s", name(int(e.Peer)), e.Lock, sayingText(e.Message.Saying), e.Reason)
	case token.Gone:
		return "is gone"
	case token.Adopted:
		return "adopts " + membershipText(e.Membership)
	case token.Changed:
		return fmt.Sprintf("tells of a change: %s %s", membershipText(e.Membership), e.Reason)
	case token.Departed:
		return fmt.Sprintf("departs, session %d", e.Session)
	case token.Send:
		if e.Message.Kind == token.Ping || e.Message.Kind == token.Pong {
			return ""
		}
		return fmt.Sprintf("→%s %s", name(int(e.Peer)), messageText(&e.Message))
	}
	return ""
}
