package draw

import (
	"fmt"

	"conch/logs"
)

// noteLabel says in a few words what is to be remembered.
func noteLabel(n *logs.Noted) string {
	switch {
	case n.Kept.Over:
		return "over"
	case n.Kept.Fence != 0:
		return "kept"
	}
	return fmt.Sprintf("tick %d %s", n.Run.Tick, n.Run.State)
}
