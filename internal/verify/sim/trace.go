package sim

import (
	"fmt"

	"conch/token"
)

func (w *World) tracef(format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("%10d ", w.now/1000) + fmt.Sprintf(format, args...))
	}
}

func (w *World) traceReceive(from, to int, m *token.Message) {
	if w.trace != nil && !routine(m.Kind) {
		w.tracef("%d hears of %d: %s", to, from, describe(m))
	}
}

// routine reports whether an event comes all the time.
func routine(kind token.MessageKind) bool {
	return kind == token.KeepAlive || kind == token.Ping || kind == token.Pong
}

func (w *World) traceEffect(i int, e *token.Effect) {
	switch {
	case e.Kind == token.Send && !routine(e.Message.Kind):
		w.tracef("%d tells %d: %s", i, e.Peer, describe(&e.Message))
	case e.Kind == token.Send || e.Kind == token.Received:
	default:
		w.tracef("%d %s", i, describeEffect(e))
	}
}

var effectNames = [effectKinds]string{
	token.Send: "sends", token.Grant: "grants", token.Refuse: "refuses", token.Revoke: "revokes", token.Warn: "warns",
	token.Save: "saves", token.Gone: "is gone", token.Received: "receives", token.Asked: "asks", token.Rode: "rides",
	token.PassedOver: "passes over", token.Withdrew: "wants no more of", token.Left: "left", token.Made: "makes a token", token.Dropped: "drops a token",
	token.Began: "begins", token.Lapsed: "lapses", token.Guarded: "guards", token.Buried: "buries",
	token.Probed: "probes", token.Balloted: "ballots", token.Ended: "ends ballot", token.Forgot: "forgets",
	token.Led: "believes in a leader of", token.Store: "stores notes of", token.Ran: "refuses a run of", token.RunNoted: "knows a run as noted of",
	token.SaveMembership: "saves a membership", token.Adopted: "adopts", token.Changed: "answers an operator", token.Choosing: "proposes", token.Asking: "asks who has joined", token.Departed: "has departed",
	token.Freed: "has freed", token.Witnessing: "asks for witnesses of", token.Keeping: "keeps", token.Unkept: "keeps no more",
}

func describeEffect(e *token.Effect) string {
	text := effectNames[e.Kind]
	if e.Lock != "" {
		text += " " + e.Lock
	}
	if e.Peer != token.NoMember {
		text += fmt.Sprintf(" node %d", e.Peer)
	}
	if e.Waiter != 0 {
		text += fmt.Sprintf(" waiter %d", e.Waiter)
	}
	if e.Fence != 0 {
		text += fmt.Sprintf(" fence %d.%d", e.Fence>>token.FenceBits, e.Fence&token.MaxFencesPerEpoch)
	}
	if e.Session != 0 {
		text += fmt.Sprintf(" session %d", e.Session)
	}
	if e.Number != (token.Number{}) {
		text += fmt.Sprintf(" number %s", e.Number)
	}
	if e.Promised != 0 {
		text += fmt.Sprintf(" promised %d", e.Promised)
	}
	if e.Reason != "" {
		text += ", " + e.Reason
	}
	text += notesOf(e)
	if e.Membership != nil {
		text += " " + membershipText(e.Membership)
	}
	if e.Choice != nil {
		text += fmt.Sprintf(" choice of version %d: promised %s, accepted %s {%s}", e.Choice.Version, e.Choice.Promised, e.Choice.Accepted, listText(e.Choice.Next))
	}
	if s := e.Message.Saying; s != nil {
		text += " " + sayingOf(s)
	}
	if t := e.Message.Token; t != nil {
		text += fmt.Sprintf(" [epoch %s hop %d fence %d LN %v Q %v%s%s]", t.Epoch, t.Hop, t.Fence&token.MaxFencesPerEpoch, t.LastGranted, t.Queue, sharesOf(t), marksOf(t))
	}
	return text
}

// sayingOf tells what is said of a hold.
func sayingOf(s *token.Saying) string {
	if s.None {
		return fmt.Sprintf("[fence %d.%d count %d: none]", s.Fence>>token.FenceBits, s.Fence&token.MaxFencesPerEpoch, s.Count)
	}
	return fmt.Sprintf("[fence %d.%d count %d: %q]", s.Fence>>token.FenceBits, s.Fence&token.MaxFencesPerEpoch, s.Count, s.Value)
}

// sharesOf tells a token's limit and shares, if it has any.
func sharesOf(t *token.Token) string {
	if t.Limit == token.Exclusive {
		return ""
	}
	return fmt.Sprintf(" limit %d shares %v", t.Limit, t.Shares)
}

var answerNames = [...]string{token.Hold: "HOLD", token.Recent: "RECENT", token.None: "NONE", token.Outbid: "OUTBID", token.TooLow: "TOO-LOW", token.Promise: "PROMISE",
	token.Noted: "NOTED", token.Full: "FULL", token.NoDisk: "NO-DISK",
}

func describe(m *token.Message) string {
	text := m.Kind.String() + " " + m.Lock
	switch m.Kind {
	case token.Request:
		text += fmt.Sprintf(" %s", m.Number)
	case token.TokenMessage:
		text += fmt.Sprintf(" epoch %s hop %d for session %d LN %v Q %v%s%s", m.Token.Epoch, m.Token.Hop, m.Session, m.Token.LastGranted, m.Token.Queue, sharesOf(m.Token), marksOf(m.Token))
	case token.Busy:
		text += fmt.Sprint(m.Locks)
	case token.Bye, token.Known:
		text += fmt.Sprint(m.Session)
	case token.Probe:
		text += fmt.Sprintf(" %d number %s helper %d", m.Probe, m.Number, m.Helper)
	case token.ProbeAnswer:
		text += fmt.Sprintf(" %d %s buriable %v", m.Probe, answerNames[m.Answer], m.Members)
	case token.Ballot:
		text += fmt.Sprintf(" %s number %s distant %v", m.Ballot, m.Number, m.Members)
	case token.BallotAnswer:
		text += fmt.Sprintf(" %s %s highest %s number %s waiting %t buried %v share %v limit %d%s", m.Ballot, answerNames[m.Answer], m.Highest, m.Number, m.Waiting, m.Members, m.Share, m.Limit, noteOf(m.Note))
	case token.Recall:
		text += fmt.Sprintf(" of %v for %d anyhow %t", m.Share, m.Recaller, m.Anyhow)
	case token.Done:
		text += fmt.Sprintf(" of %v for %d kept %d", m.Share, m.Recaller, m.Kept)
	case token.Witness, token.WitnessAnswer:
		text += fmt.Sprintf(" %s %s highest %s", noteOf(m.Note), answerNames[m.Answer], m.Highest)
	case token.Say:
		text += " " + sayingOf(m.Saying)
	case token.MembershipMessage:
		text += membershipText(m.Change.Membership)
	case token.Choose, token.ChooseAnswer, token.Accept, token.AcceptAnswer:
		text += fmt.Sprintf("version %d round %s promised %s accepted %s {%s}", m.Change.Version, m.Change.Round, m.Change.Promised, m.Change.Accepted, listText(m.Change.Next))
	case token.Joined, token.JoinedAnswer:
		text += fmt.Sprintf("version %d ask %d joined %t members %v highest %d", m.Change.Version, m.Change.Ask, m.Change.Joined, m.Members, m.Change.Highest)
	case token.Sync, token.SyncAnswer:
		text += fmt.Sprintf("version %d after %q, %d notes, more %t", m.Change.Version, m.Change.After, len(m.Change.Notes), m.Change.More)
	case token.Abort:
		text += fmt.Sprintf(" %s", m.Ballot)
	}
	return text
}
