package stepper

import (
	"fmt"
	"strings"

	"conch/token"
)

var answerWords = [...]string{
	token.Hold: "HOLD", token.Recent: "RECENT", token.None: "NONE",
	token.Outbid: "OUTBID", token.TooLow: "TOO LOW", token.Promise: "PROMISE",
}

// messageShort is a message in as few characters as may be.
func messageShort(from int, m *token.Message) string {
	switch m.Kind {
	case token.Request:
		return fmt.Sprintf("REQUEST(%s, %s)", name(from), m.Number)
	case token.TokenMessage:
		return "TOKEN"
	case token.Ballot:
		return "BALLOT " + epochText(m.Ballot)
	case token.ProbeAnswer:
		return answerWords[m.Answer]
	case token.BallotAnswer:
		return answerWords[m.Answer] + " " + epochText(m.Ballot)
	case token.Abort:
		return "ABORT " + epochText(m.Ballot)
	case token.Done:
		return fmt.Sprintf("DONE %d", m.Kept)
	default:
		return m.Kind.String()
	}
}

// messageWords is a message with its fields, in words.
func messageWords(from int, m *token.Message) string {
	switch m.Kind {
	case token.Request:
		return fmt.Sprintf("%s asks for the lock; its request has number %s.", name(from), m.Number)
	case token.TokenMessage:
		return "The token, addressed to session " + fmt.Sprint(m.Session) + ": " + tokenWords(m.Token) + "."
	case token.KeepAlive:
		return name(from) + " shows that it is there; it still waits after its start."
	case token.Ping:
		begun := "not begun yet"
		if m.Begun {
			begun = "begun"
		}
		return fmt.Sprintf("%s asks for its session %d (%s) to be guarded, at %d ms by its own clock.", name(from), m.Session, begun, m.Stamp/millisecond)
	case token.Pong:
		return fmt.Sprintf("%s guards the session, as was asked for at %d ms by the asker's clock.", name(from), m.Stamp/millisecond)
	case token.Busy:
		return name(from) + " says that the lock is in use: a sign that the token exists."
	case token.Clear:
		return name(from) + " says that it has no session."
	case token.Probe:
		text := fmt.Sprintf("%s asks where the token is; its request has number %s.", name(from), m.Number)
		if m.Helper != token.NoMember {
			text += " " + name(int(m.Helper)) + " is to ask for the lock on its behalf."
		}
		return text
	case token.ProbeAnswer:
		return probeAnswerWords(from, m)
	case token.Ballot:
		return fmt.Sprintf("%s wants to make the token anew, as number %s, and asks for a promise. Out of its reach: %s.",
			name(from), epochText(m.Ballot), namesOf(m.Members))
	case token.BallotAnswer:
		return ballotAnswerWords(from, m)
	case token.Recall:
		return fmt.Sprintf("%s waits with the token: nobody more is to be let in under the share of %s, fence %s.", name(int(m.Recaller)), name(int(m.Share.Member)), fenceText(m.Share.ID))
	case token.Done:
		return fmt.Sprintf("Under the share of %s, fence %s, are still in: %d.", name(int(m.Share.Member)), fenceText(m.Share.ID), m.Kept)
	case token.Abort:
		return fmt.Sprintf("%s gives its ballot %s up, and takes the promises back.", name(from), epochText(m.Ballot))
	default:
		return m.Kind.String() + " of " + name(from) + "."
	}
}

func probeAnswerWords(from int, m *token.Message) string {
	var text string
	switch {
	case m.Answer == token.Hold && m.InUse:
		text = " has the token, and a client is in the critical section."
	case m.Answer == token.Hold:
		text = " has the token."
	case m.Answer == token.Recent:
		text = " passed the token on just now."
	default:
		text = " has not seen the token."
	}
	return fmt.Sprintf("%s%s It could bury: %s.", name(from), text, namesOf(m.Members))
}

func ballotAnswerWords(from int, m *token.Message) string {
	switch m.Answer {
	case token.Hold:
		return name(from) + " has the token: no new one is needed."
	case token.Outbid:
		return fmt.Sprintf("%s has promised ballot %s already.", name(from), epochText(m.Highest))
	case token.TooLow:
		return fmt.Sprintf("%s knows of number %s: the ballot is too low.", name(from), epochText(m.Highest))
	}
	waits := "does not wait"
	if m.Waiting {
		waits = "waits"
	}
	return fmt.Sprintf("%s promises to take no token below %s. It %s; its request number is %s. It buries: %s.",
		name(from), epochText(m.Ballot), waits, m.Number, namesOf(m.Members))
}

func tokenWords(t *token.Token) string {
	text := fmt.Sprintf("LN = %s, Q = %s, fence %s", numbersText(t.LastGranted), namesOf(t.Queue), fenceText(t.Fence))
	if len(t.Shares) > 0 {
		text += ", shares: " + strings.Join(shareTexts(t.Shares), ", ")
	}
	return text
}

// limitText says how a lock is shared; "" if nobody has shared it.
func limitText(l token.Limit) string {
	switch l {
	case token.Exclusive:
		return ""
	case token.Unlimited:
		return "readers"
	}
	return fmt.Sprintf("%d permits", l)
}

// shareText writes a share as its member, its permits if there are several, and its fence.
func shareText(s token.Share) string {
	if s.Permits > 1 {
		return fmt.Sprintf("%s×%d (%s)", name(int(s.Member)), s.Permits, fenceText(s.ID))
	}
	return fmt.Sprintf("%s (%s)", name(int(s.Member)), fenceText(s.ID))
}

func shareTexts(shares []token.Share) []string {
	texts := make([]string, len(shares))
	for i, s := range shares {
		texts[i] = shareText(s)
	}
	return texts
}

// epochText writes a ballot's number with its proposer's name, as 2.B.
func epochText(e token.Epoch) string { return fmt.Sprintf("%d.%s", e.Number, name(int(e.Proposer))) }

// fenceText writes a fence as MAKING:GRANT: how the number is put together, its high
// and its low 32 bits.
func fenceText(f token.Fence) string {
	return fmt.Sprintf("%d:%d", f>>token.FenceBits, f&token.MaxFencesPerEpoch)
}

func numbersText(numbers []token.Number) string {
	var b strings.Builder
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name(i))
		b.WriteByte(' ')
		b.WriteString(n.String())
	}
	return "[" + b.String() + "]"
}

func numberTexts(numbers []token.Number) []string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = n.String()
	}
	return texts
}

// namesOf lists members.
func namesOf(members []token.Member) string {
	if len(members) == 0 {
		return "nobody"
	}
	return strings.Join(nameTexts(members), ", ")
}

func nameTexts(members []token.Member) []string {
	texts := make([]string, len(members))
	for i, m := range members {
		texts[i] = name(int(m))
	}
	return texts
}
