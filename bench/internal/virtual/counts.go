package virtual

import "conch/token"

// Counts are what the members of a cluster have done, all together.
type Counts struct {
	// Grants are entries into the critical section.
	Grants int
	// Sent and Rode are requests: those that were broadcast, and those that rode on the
	// token.
	Sent, Rode int
	// Requests and Tokens are the messages of the paper, REQUEST and TOKEN.
	Requests, Tokens int
	// Session are the messages that keep sessions up: PING, PONG and the like.
	Session int
	// Round are the messages that make a token anew.
	Round int
}

// Messages are those that the lock costs.
func (c Counts) Messages() int { return c.Requests + c.Tokens + c.Round }

// Since is what has been counted since an earlier reading.
func (c Counts) Since(earlier Counts) Counts {
	return Counts{
		Grants:   c.Grants - earlier.Grants,
		Sent:     c.Sent - earlier.Sent,
		Rode:     c.Rode - earlier.Rode,
		Requests: c.Requests - earlier.Requests,
		Tokens:   c.Tokens - earlier.Tokens,
		Session:  c.Session - earlier.Session,
		Round:    c.Round - earlier.Round,
	}
}

func (c *Counts) count(e *token.Effect) {
	switch e.Kind {
	case token.Send:
		c.countMessage(e.Message.Kind)
	case token.Grant:
		c.Grants++
	case token.Asked:
		c.Sent++
	case token.Rode:
		c.Rode++
	}
}

func (c *Counts) countMessage(kind token.MessageKind) {
	switch kind {
	case token.Request:
		c.Requests++
	case token.TokenMessage:
		c.Tokens++
	case token.KeepAlive, token.Ping, token.Pong, token.Busy, token.Clear, token.Bye, token.Known:
		c.Session++
	default:
		c.Round++
	}
}
