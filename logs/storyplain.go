package logs

import "fmt"

// plainSentence says what a line is that shows nothing of RN, LN and Q, as those of other
// algorithms do. It is empty for any other line.
func (x *explanation) plainSentence(e *Event) string {
	if !e.Life.minimal() || e.Has("request_numbers") || e.Has("queue") {
		return ""
	}
	switch e.Kind {
	case Request:
		return fmt.Sprintf("%s wants lock %s and has not the token. It asks for it, by request %s.", e.Node, e.Lock, x.number(e.Number))
	case Ride:
		return fmt.Sprintf("%s asks once more, by request %s, for which no message is sent.", e.Node, x.number(e.Number))
	case RequestReceived:
		return fmt.Sprintf("%s receives REQUEST(%s) of %s.", e.Node, x.number(e.Number), e.Peer)
	case TokenMade:
		return fmt.Sprintf("%s makes the token.", e.Node)
	case TokenSent:
		return fmt.Sprintf("%s sends the token to %s. This is hop %d.", e.Node, e.Peer, e.Hop)
	case Leave:
		return fmt.Sprintf("%s leaves.", e.Node)
	}
	return ""
}

// showsNumbers reports whether any of the chosen lines has RN.
func (x *explanation) showsNumbers() bool {
	for e := range x.chosen {
		if e.RequestNumbers != nil {
			return true
		}
	}
	return false
}
