package logs

import (
	"fmt"
	"strings"
)

// oneSession reports whether each member's numbers in the story are all of one
// session, or none.
func (x *explanation) oneSession() bool {
	if x.sessions == nil {
		x.sessions = make(map[int]uint64)
		single := true
		for e := range x.chosen {
			for _, numbers := range [][]Number{e.RequestNumbers, e.LastGranted} {
				for member, n := range numbers {
					known, seen := x.sessions[member]
					switch {
					case n.IsZero():
					case seen && known != n.Session:
						single = false
					default:
						x.sessions[member] = n.Session
					}
				}
			}
		}
		x.single = single
	}
	return x.single
}

// countOnly has numbers written without their sessions, also where these change.
func (x *explanation) countOnly() {
	x.oneSession()
	x.single = true
}

// isRound reports whether a token was made by a ballot.
func (x *explanation) isRound(made *Event) bool {
	for e := range x.chosen {
		if e.Kind == Ballot && e.Lock == made.Lock && e.Ballot == made.Epoch {
			return true
		}
	}
	return false
}

// roundSentence tells of losses, sessions and rounds.
func roundSentence(group []*Event) string {
	e := group[0]
	switch e.Kind {
	case PeerLost:
		return fmt.Sprintf("%s loses its stream to %s: %s.", e.Node, e.Peer, e.Reason)
	case Burial:
		return fmt.Sprintf("%s buries %s: for a while it answers none of its PINGs, so that no session of %s can be alive.", e.Node, e.Peer, e.Peer)
	case SessionLapsed:
		return fmt.Sprintf("The session of %s lapses: %s. Every token there is lost with it.", e.Node, e.Reason)
	case TokenDropped:
		return fmt.Sprintf("%s drops the token of epoch %s, hop %d: %s.", e.Node, e.Epoch, e.Hop, e.Reason)
	case Lost:
		return fmt.Sprintf("%s was in the critical section, with fence %d, and has lost the lock with its session.", e.Node, e.Fence)
	case Probe:
		return fmt.Sprintf("%s looks for the token: probe %d.", e.Node, e.Probe)
	case ProbeSent:
		return fmt.Sprintf("%s asks %s where the token is.", e.Node, peers(group))
	case ProbeReceived:
		return fmt.Sprintf("%s receives the probe from %s.", e.Node, e.Peer)
	case Ballot:
		return fmt.Sprintf("No member has reported the token: %s proposes to make it, by ballot %s.%s", e.Node, e.Ballot, distant(e))
	case BallotSent:
		return fmt.Sprintf("%s sends ballot %s to %s.", e.Node, e.Ballot, peers(group))
	case BallotReceived:
		return fmt.Sprintf("%s receives ballot %s from %s.", e.Node, e.Ballot, e.Peer)
	case AnswerSent:
		return fmt.Sprintf("%s answers %s.%s", e.Node, strings.ToUpper(e.Answer), meaning(e))
	case AnswerReceived:
		return fmt.Sprintf("%s receives the answer %s from %s.", e.Node, strings.ToUpper(e.Answer), e.Peer)
	case RoundEnded:
		return fmt.Sprintf("The round of %s ends without a token: %s.", e.Node, e.Reason)
	case AbortSent:
		return fmt.Sprintf("%s withdraws ballot %s and tells %s.", e.Node, e.Ballot, peers(group))
	case AbortReceived:
		return fmt.Sprintf("%s learns that ballot %s was withdrawn.", e.Node, e.Ballot)
	}
	return fmt.Sprintf("%s: %s.", e.Node, e.Message)
}

func distant(e *Event) string {
	if len(e.Distant) == 0 {
		return ""
	}
	return fmt.Sprintf(" It cannot reach %s.", list(e.Distant))
}

// meaning says what an answer means.
func meaning(e *Event) string {
	text := map[string]string{
		"hold":    " It has the token.",
		"recent":  " It passed the token on a moment ago.",
		"none":    " It has no trace of the token.",
		"nack":    " It knows a ballot that is as high or higher.",
		"promise": " From now on it accepts no older token and no lower ballot.",
	}[e.Answer]
	if len(e.Buried) > 0 {
		text += fmt.Sprintf(" It buries %s.", list(e.Buried))
	}
	if len(e.Buriable) > 0 {
		text += fmt.Sprintf(" It could bury %s.", list(e.Buriable))
	}
	return text
}
