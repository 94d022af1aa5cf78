package stepper

import (
	"fmt"
	"slices"
	"strings"

	"conch/token"
)

// noMember stands where something concerns no member.
const noMember = -1

// teller collects, in sentences, what happens in a step, and which rules act.
type teller struct {
	said  []Sentence
	acted []string // the rules, each once
	quiet bool     // time passed, and there was nothing to tell
}

// Sentence is something that happened.
type Sentence struct {
	Member int    `json:"member"` // whom it is about; -1 for nobody
	Text   string `json:"text"`
}

func (t *teller) forgetWhatWasSaid() { *t = teller{} }

// sayQuiet notes that time passed, and nothing else.
func (t *teller) sayQuiet(passed token.Time) {
	t.quiet = true
	t.say(noMember, "", "%d ms pass; nothing but heartbeats.", passed/millisecond)
}

// say notes a sentence, and the rule that acts, if it is not "".
func (t *teller) say(about int, rule, format string, args ...any) {
	t.said = append(t.said, Sentence{about, fmt.Sprintf(format, args...)})
	if rule != "" && !slices.Contains(t.acted, rule) {
		t.acted = append(t.acted, rule)
	}
}

// rules are those that acted.
func (t *teller) rules() []Rule {
	rules := []Rule{}
	for _, r := range ruleTexts {
		if slices.Contains(t.acted, r.ID) {
			rules = append(rules, r)
		}
	}
	return rules
}

// tell tells what came of a node's input. Of sessions that go on it says nothing.
func (t *teller) tell(i int, effects []token.Effect) {
	for k := 0; k < len(effects); k++ {
		e := &effects[k]
		if e.Kind != token.Send {
			t.tellEffect(i, e)
			continue
		}
		if isHeartbeat(e.Message.Kind) {
			continue
		}
		// The same to several members is one sentence.
		to := []token.Member{e.Peer}
		short := messageShort(i, &e.Message)
		for k+1 < len(effects) && effects[k+1].Kind == token.Send && messageShort(i, &effects[k+1].Message) == short {
			k++
			to = append(to, effects[k].Peer)
		}
		t.tellSend(i, e, to)
	}
}

func (t *teller) tellSend(i int, e *token.Effect, to []token.Member) {
	short := messageShort(i, &e.Message)
	switch {
	case e.Message.Kind == token.TokenMessage:
		t.say(i, rulePass, "%s sends the token to %s, addressed to its session %d: %s.",
			name(i), namesOf(to), e.Message.Session, tokenWords(e.Message.Token))
	case e.Repeat:
		t.say(i, ruleStreams, "%s repeats %s to %s on the new stream.", name(i), short, namesOf(to))
	default:
		t.say(i, sentRules[e.Message.Kind], "%s sends %s to %s.", name(i), short, namesOf(to))
	}
}

func (t *teller) tellEffect(i int, e *token.Effect) {
	who := name(i)
	switch e.Kind {
	case token.Received:
		t.tellReceived(i, e)
	case token.Asked:
		t.say(i, ruleAsk, "%s raises RN[%s] to %s.", who, who, e.Number)
	case token.Grant:
		t.tellGrant(i, e)
	case token.Left:
		if e.Limit != token.Exclusive {
			t.say(i, "", "A client of %s that shared the lock leaves.", who)
			return
		}
		t.say(i, ruleLeave, "%s leaves the critical section: LN[%s] becomes %s, and Q is now %s.",
			who, who, e.State.LastGranted[i], namesOf(e.State.Queue))
	case token.Refuse:
		t.say(i, ruleLimit, "A client of %s is refused: the lock has another limit, %s.", who, limitText(e.Limit))
	case token.Rode:
		t.say(i, ruleRide, "More clients wait at %s: its next request, %s, rides on the token.", who, e.Number)
	case token.Withdrew:
		t.say(i, ruleWithdraw, "Nobody at %s waits any more for what request %s asked for.", who, e.Number)
	case token.Revoke:
		t.say(i, ruleLapse, "The client of %s has lost the lock, and is told so.", who)
	case token.Warn:
		t.say(i, ruleLapse, "%s warns its clients: unless its lease is renewed, its session ends before long.", who)
	default:
		t.tellRound(i, e)
	}
}

// tellRound tells of sessions and rounds.
func (t *teller) tellRound(i int, e *token.Effect) {
	who := name(i)
	switch e.Kind {
	case token.PassedOver:
		t.say(i, rulePassOver, "%s cannot address %s, and passes it over.", who, name(int(e.Peer)))
	case token.Began:
		t.say(i, ruleSession, "%s begins session %d: a quorum guards it.", who, e.Session)
	case token.Lapsed:
		t.say(i, ruleLapse, "The lease of %s is over: session %d has lapsed.", who, e.Session)
	case token.Dropped:
		t.say(i, droppedRule(e.Reason), "%s drops the token of making %s: %s.", who, epochText(e.Message.Token.Epoch), e.Reason)
	case token.Buried:
		t.say(i, ruleBury, "%s buries %s.", who, name(int(e.Peer)))
	case token.Probed:
		t.say(i, ruleProbe, "%s has no sign of the token, and asks where it is.", who)
	case token.Balloted:
		t.say(i, ruleBallot, "Nobody knows of a token: %s begins ballot %s.", who, epochText(e.Message.Ballot))
	case token.Made:
		// The token itself may have been passed on since.
		t.say(i, ruleMake, "%s makes the token anew, as number %s: LN = %s, Q = %s.",
			who, epochText(e.Message.Token.Epoch), numbersText(e.State.LastGranted), namesOf(e.State.Queue))
	case token.Ended:
		t.say(i, ruleEnd, "Ballot %s of %s ends: %s.", epochText(e.Message.Ballot), who, e.Reason)
	case token.Forgot:
		t.say(i, "", "%s forgets the lock, which was idle for long.", who)
	}
}

func droppedRule(reason string) string {
	switch reason {
	case token.ReasonAddressee:
		return ruleAddressed
	case token.ReasonPromised:
		return rulePromise
	case token.ReasonLapsed:
		return ruleLapse
	default:
		return ""
	}
}

func (t *teller) tellReceived(i int, e *token.Effect) {
	who, from := name(i), name(int(e.Peer))
	m := &e.Message
	short := messageShort(int(e.Peer), m)
	switch m.Kind {
	case token.Request:
		t.say(i, ruleRequest, "%s hears %s and has RN[%s] = %s.", who, short, from, e.State.RequestNumbers[e.Peer])
	case token.TokenMessage:
		t.say(i, rulePass, "The token reaches %s.", who)
	default:
		t.say(i, receivedRules[m.Kind], "%s hears %s: %s", who, short, strings.TrimSpace(messageWords(int(e.Peer), m)))
	}
}

// tellGrant tells of an entry, alone or beside others.
func (t *teller) tellGrant(i int, e *token.Effect) {
	who, fence := name(i), fenceText(e.Fence)
	switch {
	case e.Limit == token.Exclusive:
		t.say(i, ruleEnter, "%s enters the critical section, with fence %s.", who, fence)
	case e.Message.Token == nil:
		t.say(i, ruleUnder, "A client of %s enters under its share, with fence %s. The token is elsewhere.", who, fence)
	default:
		t.say(i, ruleShare, "A client of %s enters, and shares the lock with fence %s.", who, fence)
	}
}

var sentRules = map[token.MessageKind]string{token.Recall: ruleRecall, token.Done: ruleDone}

var receivedRules = map[token.MessageKind]string{
	token.Probe: ruleProbe, token.ProbeAnswer: ruleProbe,
	token.Recall: ruleRecall, token.Done: ruleDone,
	token.Ballot: rulePromise, token.BallotAnswer: rulePromise, token.Abort: ruleEnd,
}
