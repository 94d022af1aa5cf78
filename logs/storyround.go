package logs

import (
	"fmt"
	"strings"
)

// oneSession reports whether each member's numbers in the story are all of one
// session, or none.
func (t *tale) oneSession() bool {
	if t.sessions == nil {
		t.sessions = make(map[int]uint64)
		single := true
		for e := range t.chosen {
			for _, numbers := range [][]Number{e.RequestNumbers, e.LastGranted} {
				for member, n := range numbers {
					known, seen := t.sessions[member]
					switch {
					case n.IsZero():
					case seen && known != n.Session:
						single = false
					default:
						t.sessions[member] = n.Session
					}
				}
			}
		}
		t.single = single
	}
	return t.single
}

// isRound reports whether a token was made by a ballot.
func (t *tale) isRound(made *Event) bool {
	for e := range t.chosen {
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
		return fmt.Sprintf("%s buries %s: for a while it answers none of its PINGs, so that no session of it can be alive.", e.Node, e.Peer)
	case SessionLapsed:
		return fmt.Sprintf("The session of %s lapses: %s. With it goes every token there.", e.Node, e.Reason)
	case TokenDropped:
		return fmt.Sprintf("%s drops the token of epoch %s, hop %d: %s.", e.Node, e.Epoch, e.Hop, e.Reason)
	case Lost:
		return fmt.Sprintf("The one inside at %s, with fence %d, has lost the lock with the session.", e.Node, e.Fence)
	case Probe:
		return fmt.Sprintf("%s has waited for long and looks for the token: probe %d.", e.Node, e.Probe)
	case ProbeSent:
		return fmt.Sprintf("%s asks %s where the token is.", e.Node, peers(group))
	case ProbeReceived:
		return fmt.Sprintf("%s gets the probe of %s.", e.Node, e.Peer)
	case Ballot:
		return fmt.Sprintf("Nobody has the token: %s proposes to make it, by ballot %s.%s", e.Node, e.Ballot, distant(e))
	case BallotSent:
		return fmt.Sprintf("%s sends ballot %s to %s.", e.Node, e.Ballot, peers(group))
	case BallotReceived:
		return fmt.Sprintf("%s gets ballot %s of %s.", e.Node, e.Ballot, e.Peer)
	case AnswerSent:
		return fmt.Sprintf("%s answers %s.%s", e.Node, strings.ToUpper(e.Answer), meaning(e))
	case AnswerReceived:
		return fmt.Sprintf("%s has the answer of %s, %s.", e.Node, e.Peer, strings.ToUpper(e.Answer))
	case RoundEnded:
		return fmt.Sprintf("The round of %s came to nothing: %s.", e.Node, e.Reason)
	case AbortSent:
		return fmt.Sprintf("%s takes ballot %s back, and says so to %s.", e.Node, e.Ballot, peers(group))
	case AbortReceived:
		return fmt.Sprintf("%s hears that ballot %s was taken back.", e.Node, e.Ballot)
	}
	return fmt.Sprintf("%s: %s.", e.Node, e.Message)
}

func distant(e *Event) string {
	if len(e.Distant) == 0 {
		return ""
	}
	return fmt.Sprintf(" It does not reach %s.", list(e.Distant))
}

// meaning says what an answer means.
func meaning(e *Event) string {
	text := map[string]string{
		"hold":    " The token is there.",
		"recent":  " It passed the token on just now.",
		"none":    " It has no trace of the token.",
		"nack":    " It knows a ballot that is not lower.",
		"promise": " From now on it takes no older token and no lower ballot.",
	}[e.Answer]
	if len(e.Buried) > 0 {
		text += fmt.Sprintf(" It buries %s.", list(e.Buried))
	}
	if len(e.Buriable) > 0 {
		text += fmt.Sprintf(" It could bury %s.", list(e.Buriable))
	}
	return text
}
