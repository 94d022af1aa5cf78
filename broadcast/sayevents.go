package broadcast

import (
	"github.com/rs/zerolog"

	"conch/token"
)

// leader writes a line about what the node believes of a lock's leader.
func (l *eventLog) leader(e *token.Effect) {
	line := l.about(e, "leader")
	l.saying(line, e.Message.Saying)
	if e.Reason != "" {
		line.Str("reason", e.Reason)
	}
	line.Msg("belief about the leader")
}

// saying adds what was said of a hold.
func (l *eventLog) saying(line *zerolog.Event, s *token.Saying) {
	l.decimal(line, "fence", uint64(s.Fence))
	l.decimal(line, "count", s.Count)
	if s.Value != "" {
		line.Str("value", s.Value)
	}
	if s.None {
		line.Bool("over", true)
	}
}
