package token

import (
	"fmt"
	"strings"
)

// Effects and messages as lines that a reader of a test can follow. Members are
// letters, A for member 0; the lock named cs goes without saying.

// cs is the lock of tests that need one only.
const cs = "cs"

func letter(m Member) string {
	if m == NoMember {
		return "nobody"
	}
	return string(rune('A' + m))
}

func letters(members []Member) string {
	if len(members) == 0 {
		return "nobody"
	}
	words := make([]string, len(members))
	for i, m := range members {
		words[i] = letter(m)
	}
	return strings.Join(words, " ")
}

// ofLock names a lock, if there is one and it is not cs.
func ofLock(name string) string {
	if name == cs || name == "" {
		return ""
	}
	return " of " + name
}

// fence writes a fence as BALLOT:GRANT, the number of the ballot that made the token
// and the count of its grants.
func fence(f Fence) string {
	return fmt.Sprintf("%d:%d", uint64(f)>>FenceBits, uint64(f)&MaxFencesPerEpoch)
}

// ballot writes an epoch as NUMBER.LETTER.
func ballot(e Epoch) string {
	if e == (Epoch{}) {
		return "none"
	}
	return fmt.Sprintf("%d.%s", e.Number, letter(e.Proposer))
}

func numbers(list []Number) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = n.String()
	}
	return strings.Join(words, " ")
}

// process writes an incarnation of the tests as LETTER#START.
func process(i Incarnation) string { return fmt.Sprintf("%s#%d", letter(Member(i[0])), i[1]) }

var answerNames = map[Answer]string{
	Hold: "HOLD", Recent: "RECENT", None: "NONE", Outbid: "OUTBID", TooLow: "TOO LOW", Promise: "PROMISE",
	Noted: "NOTED", Full: "FULL", NoDisk: "NO DISK",
}

// describeMessage writes a message without its lock.
func describeMessage(m Message) string {
	switch m.Kind {
	case Request:
		return fmt.Sprintf("REQUEST %v", m.Number)
	case TokenMessage:
		return fmt.Sprintf("TOKEN %s to session %d, hop %d, fence %s, LN %s, Q %s%s", ballot(m.Token.Epoch), m.Session,
			m.Token.Hop, fence(m.Token.Fence), numbers(m.Token.LastGranted), letters(m.Token.Queue), describeShares(m.Token)+describeTokenNotes(m.Token))
	case Recall:
		line := fmt.Sprintf("RECALL of %s for %s", describeShare(m.Share), letter(m.Recaller))
		if m.Anyhow {
			line += ", answer anyhow"
		}
		return line
	case Done:
		return fmt.Sprintf("DONE of %s for %s, kept %d", describeShare(m.Share), letter(m.Recaller), m.Kept)
	case Ping:
		begun := "not begun"
		if m.Begun {
			begun = "begun"
		}
		return fmt.Sprintf("PING %s session %d %s, stamp %d ms", process(m.Incarnation), m.Session, begun, m.Stamp/millisecond)
	case Pong:
		return fmt.Sprintf("PONG %s, stamp %d ms", process(m.Incarnation), m.Stamp/millisecond)
	case Busy:
		return "BUSY " + strings.Join(m.Locks, " ")
	case Clear:
		return "CLEAR " + process(m.Incarnation)
	case Bye:
		return fmt.Sprintf("BYE %d", m.Session)
	case Known:
		return fmt.Sprintf("KNOWN session %d of %s", m.Session, process(m.Incarnation))
	case Probe:
		line := fmt.Sprintf("PROBE %d for %v, helper %s", m.Probe, m.Number, letter(m.Helper))
		if m.Limit != Exclusive {
			line += fmt.Sprintf(", sets %s for age %d", describeLimit(m.Limit), m.LimitAt)
		}
		return line
	case ProbeAnswer:
		answer := answerNames[m.Answer]
		if m.InUse {
			answer += " in use"
		}
		return fmt.Sprintf("PROBE-ANSWER %d %s, could bury %s%s", m.Probe, answer, letters(m.Members), describeAge(m))
	case Ballot:
		return fmt.Sprintf("BALLOT %s for %v, out of reach %s", ballot(m.Ballot), m.Number, letters(m.Members))
	case BallotAnswer:
		return fmt.Sprintf("BALLOT-ANSWER %s %s", ballot(m.Ballot), describeVote(m))
	case Abort:
		return "ABORT " + ballot(m.Ballot)
	case Witness:
		line := "WITNESS " + describeNote(m.Note)
		if m.Note.Epoch != (Epoch{}) {
			line += " for " + ballot(m.Note.Epoch)
		}
		return line
	case WitnessAnswer:
		return "WITNESS-ANSWER " + describeWitnessed(m)
	case Say:
		return fmt.Sprintf("SAY %s, session %d", describeSaying(m.Saying), m.Saying.Session)
	}
	if m.Change != nil {
		return fmt.Sprintf("%s %s", m.Kind, describeChange(m))
	}
	return m.Kind.String()
}

// describeSaying writes what is said of a hold as FENCE/COUNT VALUE.
func describeSaying(s *Saying) string {
	if s.None {
		return fmt.Sprintf("%s/%d over", fence(s.Fence), s.Count)
	}
	return fmt.Sprintf("%s/%d %q", fence(s.Fence), s.Count, s.Value)
}

// describeList writes a list of members.
func describeList(list []Listed) string {
	var members []Member
	for _, l := range list {
		members = append(members, l.ID)
	}
	return letters(members)
}

// describeMembership writes a membership as VERSION: LIST, or VERSION: LIST to LIST. The first list
// is not settled unless it says so.
func describeMembership(m *Membership) string {
	line := fmt.Sprintf("%d: %s", m.Version, describeList(m.Members))
	if m.Joint() {
		line += " to " + describeList(m.Next)
	}
	if !m.Born() {
		line += ", not settled"
	}
	return line
}

// describeAccepted writes a proposal that was accepted, if there is one.
func describeAccepted(round Epoch, next []Listed) string {
	if round == (Epoch{}) {
		return ""
	}
	return fmt.Sprintf(", accepted in %s: %s", ballot(round), describeList(next))
}

// describeChange writes what a message says about the members.
func describeChange(m Message) string {
	c := m.Change
	switch m.Kind {
	case MembershipMessage:
		return describeMembership(c.Membership)
	case Choose:
		return fmt.Sprintf("%s after %d", ballot(c.Round), c.Version)
	case ChooseAnswer:
		return fmt.Sprintf("%s after %d, promised %s%s", ballot(c.Round), c.Version, ballot(c.Promised), describeAccepted(c.Accepted, c.Next))
	case Accept:
		return fmt.Sprintf("%s after %d: %s", ballot(c.Round), c.Version, describeList(c.Next))
	case AcceptAnswer:
		return fmt.Sprintf("%s after %d, promised %s", ballot(c.Round), c.Version, ballot(c.Promised))
	case Joined:
		return fmt.Sprintf("%d in %d, out of reach %s", c.Ask, c.Version, letters(m.Members))
	case JoinedAnswer:
		joined := "not joined"
		if c.Joined {
			joined = "joined"
		}
		return fmt.Sprintf("%d in %d, %s, highest %d, buries %s", c.Ask, c.Version, joined, c.Highest, letters(m.Members))
	case Sync:
		return fmt.Sprintf("in %d after %q", c.Version, c.After)
	}
	line := fmt.Sprintf("in %d after %q:", c.Version, c.After)
	for i := range c.Notes {
		line += " " + c.Notes[i].Lock
	}
	if c.More {
		line += ", more"
	}
	return line
}

// describeShares writes a token's limit and shares, if anybody has shared the lock.
func describeShares(t *Token) string {
	if t.Limit == Exclusive {
		return ""
	}
	line := fmt.Sprintf(", %s by %s", describeLimit(t.Limit), letter(t.LimitBy))
	for _, s := range t.Shares {
		line += ", " + describeShare(s)
	}
	return line
}

// describeShare writes a share as MEMBER SESSION@FENCE×PERMITS.
func describeShare(s Share) string {
	return fmt.Sprintf("%s %d@%s×%d", letter(s.Member), s.Session, fence(s.ID), s.Permits)
}

func describeLimit(limit Limit) string {
	switch limit {
	case Exclusive:
		return "exclusive"
	case Unlimited:
		return "readers"
	}
	return fmt.Sprintf("%d permits", limit)
}

var stateNames = map[RunState]string{RunBegun: "begun", RunVoid: "void", RunDone: "done"}

// describeMark writes a run as #TICK@FENCE STATE.
func describeMark(m RunMark) string {
	return fmt.Sprintf("#%d@%s %s", m.Tick, fence(m.Fence), stateNames[m.State])
}

// describeKept writes a kept hold as kept FENCE, whose, and whether it is over.
func describeKept(k *KeptHold) string {
	line := "kept " + fence(k.Fence)
	if k.Owner != "" {
		line += " of " + k.Owner
	}
	if k.Over {
		line += " over"
	}
	return line
}

func describeNote(w *Note) string {
	var words []string
	if w.Run != nil {
		words = append(words, describeMark(w.Run.RunMark))
	}
	if w.Kept != nil {
		words = append(words, describeKept(w.Kept))
	}
	return strings.Join(words, ", ")
}

// describeNotes writes what a member remembers.
func describeNotes(o Notes) string {
	var w Note
	if o.Run.Tick != 0 {
		w.Run = &o.Run
	}
	if o.Kept.Fence != 0 {
		w.Kept = &o.Kept
	}
	return describeNote(&w)
}

func describeOutcome(good, reason string) string {
	if reason == "" {
		return good
	}
	return "not " + good + ": " + reason
}

// describeWitnessed writes the answer to a WITNESS.
func describeWitnessed(m Message) string {
	w := m.Note
	asked := describeKept(&KeptHold{Fence: w.About.KeptFence, Over: w.About.Over})
	if w.About.Run.Tick != 0 {
		asked = describeMark(w.About.Run)
	}
	line := asked + " " + answerNames[m.Answer]
	if m.Answer == Outbid {
		line += fmt.Sprintf(" under %d", m.Highest.Number)
	}
	if told := describeNote(w); told != "" {
		line += ", knows " + told
	}
	return line
}

// describeTokenNotes writes the token's run and kept hold.
func describeTokenNotes(t *Token) string {
	line := ""
	if t.Run != nil {
		line += ", run " + describeMark(*t.Run)
	}
	if t.Kept != nil {
		line += ", " + describeKept(t.Kept)
	}
	return line
}

// describeMode writes the mode of a waiter that shares.
func describeMode(limit Limit) string {
	if limit == Exclusive {
		return ""
	}
	return ", " + describeLimit(limit)
}

// describeAge writes the limit of which a message tells, and its age.
func describeAge(m Message) string {
	if m.Limit == Exclusive {
		return ""
	}
	return fmt.Sprintf(", %s of age %d", describeLimit(m.Limit), m.LimitAt)
}

func describeVote(m Message) string {
	switch m.Answer {
	case Promise:
		wish := "not waiting"
		if m.Waiting {
			wish = "waiting"
		}
		line := fmt.Sprintf("PROMISE, %s at %v, buries %s", wish, m.Number, letters(m.Members))
		if m.Share != (Share{}) {
			line += ", has " + describeShare(m.Share)
		}
		line += describeAge(m)
		if m.Note != nil {
			line += ", notes " + describeNote(m.Note)
		}
		return line
	case Outbid, TooLow:
		return fmt.Sprintf("%s under %s", answerNames[m.Answer], ballot(m.Highest))
	}
	return answerNames[m.Answer]
}

// describe writes an effect of a node as a line.
func describe(at Member, e Effect) string {
	who := letter(at)
	switch e.Kind {
	case Send:
		line := fmt.Sprintf("%s→%s %s%s", who, letter(e.Peer), describeMessage(e.Message), ofLock(e.Lock))
		if e.Repeat {
			line += " (repeated)"
		}
		return line
	case Received:
		return fmt.Sprintf("%s←%s %s%s", who, letter(e.Peer), describeMessage(e.Message), ofLock(e.Lock))
	case Began, Lapsed, Warn, Save, Gone, Guarded:
		return who + " " + describeSession(e)
	case Buried:
		return fmt.Sprintf("%s buries %s", who, letter(e.Peer))
	}
	return who + " " + describeOwn(e) + ofLock(e.Lock)
}

func describeSession(e Effect) string {
	switch e.Kind {
	case Began:
		return fmt.Sprintf("begins session %d", e.Session)
	case Lapsed:
		if e.Reason != "" {
			return fmt.Sprintf("loses session %d: %s, up to %d, says %s", e.Session, e.Reason, e.Known, letter(e.Peer))
		}
		return fmt.Sprintf("loses session %d", e.Session)
	case Warn:
		return fmt.Sprintf("warns: session %d ends at %d ms", e.Session, e.Until/millisecond)
	case Save:
		return fmt.Sprintf("saves session %d, promised %d", e.Session, e.Promised)
	case Guarded:
		return fmt.Sprintf("guards %s, session %d", letter(e.Peer), e.Session)
	}
	if e.Reason != "" {
		return fmt.Sprintf("is gone, session %d: %s", e.Session, e.Reason)
	}
	return fmt.Sprintf("is gone, session %d", e.Session)
}

func describeOwn(e Effect) string {
	switch e.Kind {
	case Grant:
		request := "no request"
		if e.Number != (Number{}) {
			request = "request " + e.Number.String()
		}
		if e.Fence == 0 {
			return fmt.Sprintf("sets the limit: waiter %d, %s, by %s", e.Waiter, describeLimit(e.Limit), request)
		}
		line := fmt.Sprintf("ENTERS: waiter %d, fence %s, by %s%s", e.Waiter, fence(e.Fence), request, describeMode(e.Limit))
		if e.Message.Note != nil {
			line += ", " + describeNote(e.Message.Note)
		}
		return line
	case Left:
		return fmt.Sprintf("LEAVES: waiter %d, fence %s%s", e.Waiter, fence(e.Fence), describeMode(e.Limit))
	case Refuse:
		if e.Limit != Exclusive {
			return fmt.Sprintf("refuses waiter %d: %s, as %s said", e.Waiter, describeLimit(e.Limit), letter(e.Peer))
		}
		if e.Reason != "" {
			return fmt.Sprintf("refuses waiter %d: %s", e.Waiter, e.Reason)
		}
		return fmt.Sprintf("refuses waiter %d", e.Waiter)
	case Revoke:
		return fmt.Sprintf("LOSES IT: waiter %d, fence %s%s", e.Waiter, fence(e.Fence), describeMode(e.Limit))
	case Asked:
		return fmt.Sprintf("asks: request %v", e.Number)
	case Rode:
		return fmt.Sprintf("rides: request %v", e.Number)
	case PassedOver:
		return fmt.Sprintf("passes over %s", letter(e.Peer))
	case Withdrew:
		return fmt.Sprintf("withdraws: request %v", e.Number)
	case Made:
		return "makes token " + ballot(e.Message.Token.Epoch)
	case Dropped:
		return fmt.Sprintf("drops token %s: %s", ballot(e.Message.Token.Epoch), e.Reason)
	case Probed:
		return fmt.Sprintf("begins probe %d", e.Message.Probe)
	case Balloted:
		return "begins ballot " + ballot(e.Message.Ballot)
	case Ended:
		return fmt.Sprintf("gives up ballot %s: %s", ballot(e.Message.Ballot), e.Reason)
	case Forgot:
		return "forgets the lock"
	case Store:
		return fmt.Sprintf("stores %d: %s", e.Serial, describeNotes(*e.Notes))
	case Ran:
		return fmt.Sprintf("RAN: waiter %d, %s", e.Waiter, describeMark(e.Run.RunMark))
	case RunNoted:
		return fmt.Sprintf("run of waiter %d, %s, %s", e.Waiter, describeMark(e.Run.RunMark), describeOutcome("noted", e.Reason))
	case Freed:
		return fmt.Sprintf("kept hold %s, for waiter %d, %s", fence(e.Fence), e.Waiter, describeOutcome("freed", e.Reason))
	case Witnessing:
		return fmt.Sprintf("witnesses for waiter %d: %s", e.Waiter, describeNote(e.Message.Note))
	case Keeping:
		return "keeps the lock for " + describeKept(e.Message.Note.Kept)
	case Unkept:
		return "no longer keeps " + fence(e.Fence)
	case Led:
		line := fmt.Sprintf("believes %s of %s", describeSaying(e.Message.Saying), letter(e.Peer))
		if e.Reason != "" {
			line += ", " + e.Reason
		}
		return line
	}
	return describeMembers(e)
}

// describeMembers writes what a node does about the members.
func describeMembers(e Effect) string {
	switch e.Kind {
	case SaveMembership:
		line := "saves membership " + describeMembership(e.Membership)
		if c := e.Choice; c != nil {
			line += fmt.Sprintf(", promised %s%s", ballot(c.Promised), describeAccepted(c.Accepted, c.Next))
		}
		return line
	case Adopted:
		return "adopts membership " + describeMembership(e.Membership)
	case Changed:
		line := fmt.Sprintf("has a change for waiter %d: %s", e.Waiter, describeMembership(e.Membership))
		if e.Reason != "" {
			line += ", " + e.Reason
		}
		return line
	case Choosing:
		return "proposes: " + describeMessage(e.Message)
	case Asking:
		return "asks who has joined: " + describeMessage(e.Message)
	case Departed:
		return fmt.Sprintf("departs, session %d", e.Session)
	}
	return fmt.Sprintf("effect %d", e.Kind)
}
