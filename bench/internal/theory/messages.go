package theory

import "time"

// Use is a way in which a lock is used.
type Use string

// The uses.
const (
	// Elsewhere: nobody competes for the lock, and the token is at another member.
	Elsewhere Use = "token elsewhere"
	// Here: the token is where the lock is wanted.
	Here Use = "token here"
	// Saturated: the lock is wanted by two at each member all the time, so that requests
	// ride on the token.
	Saturated Use = "saturated"
)

// Uses are all of them.
var Uses = []Use{Elsewhere, Here, Saturated}

// Cost is messages by what they are.
type Cost struct {
	// Sent and Rode are a member's requests: those that it sent to all others, and those
	// that rode on the token.
	Sent, Rode int
	// Requests and Tokens are the messages.
	Requests, Tokens int
}

// Messages are all of them.
func (c Cost) Messages() int { return c.Requests + c.Tokens }

// Grant is what a grant costs between n members.
func (u Use) Grant(n int) Cost {
	switch u {
	case Elsewhere:
		return Cost{Sent: 1, Requests: n - 1, Tokens: 1}
	case Saturated:
		return Cost{Rode: 1, Tokens: 1}
	default:
		return Cost{}
	}
}

// SessionMessages is how many messages n members send each other per time to live to
// keep their sessions up: in each quarter of it, each pings each other one, which
// answers.
func SessionMessages(n int) int { return 4 * 2 * n * (n - 1) }

// SessionRate is the same per second.
func SessionRate(n int, ttl time.Duration) float64 {
	return float64(SessionMessages(n)) / ttl.Seconds()
}
