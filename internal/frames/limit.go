package frames

import (
	"fmt"

	"conch/token"
)

// CheckLimit returns the refusal of a limit that no lock can have; Code is 0 for any other.
func CheckLimit(limit token.Limit) Refusal {
	if limit <= token.MaxPermits || limit == token.Unlimited {
		return Refusal{}
	}
	return Refuse(CodeInvalidField, "the limit is %d, want 1 to %d permits, 0 for an exclusive lock, or %d for a shared one",
		uint32(limit), uint32(token.MaxPermits), uint32(token.Unlimited))
}

// LimitText says in words how a lock with a limit is used.
func LimitText(limit token.Limit) string {
	switch limit {
	case token.Exclusive:
		return "exclusive"
	case token.Unlimited:
		return "shared"
	case 1:
		return "a semaphore of 1 permit"
	}
	return fmt.Sprintf("a semaphore of %d permits", uint32(limit))
}
