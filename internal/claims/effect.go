package claims

import (
	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// EffectKind tells the effects apart.
type EffectKind uint8

// What the table wants done. The driver performs effects in the order in which they were
// issued.
const (
	// Tell: send Message on Stream.
	Tell EffectKind = iota + 1
	// EndStream: end Stream, for End.
	EndStream
	// Answer: the claim ID of the caller Local holds Lock with Fence, in Session, after
	// waiting for Lasted; or, with Fence 0, the lock has the limit that it wanted to set. If
	// the caller has gone, the driver calls [Table.Decline].
	Answer
	// Refuse: the claim ID of the caller Local is refused, for Code and Text. Code is 0 if
	// the caller withdrew it.
	Refuse
	// Warn: the hold ID of the caller Local will end, or may, for Reason; at the time Ends,
	// if that is not 0.
	Warn
	// Lose: the hold ID of the caller Local is over, for Reason.
	Lose
	// RunEnded: whether a quorum remembers the run of the hold ID that the caller Local has
	// ended, as RunOutcome says.
	RunEnded
	// Expired, for the log: the table ended the hold of Lock with Fence by Caller, for
	// Text.
	Expired
	// Began, for subscribers: a claim of Lock waits. Issued if [Table.Watched].
	Began
	// Entered, for metrics and subscribers: a client's claim of Lock became a hold after
	// Lasted.
	Entered
	// Ended, for metrics and subscribers: a claim of Lock is over. Issued if
	// [Table.Watched] or Config.Counted. If the claim was a hold, Fence is not 0, and
	// Lasted is how long it was held.
	Ended
	// Settled, for subscribers: the end of the hold of Lock is settled.
	Settled
)

// End says why a stream is to end.
type End uint8

// The reasons for the end of a stream.
const (
	// Replaced: a later stream of the same client took its place.
	Replaced End = iota + 1
	// Silent: nothing came for one time to live although the client has a claim.
	Silent
)

// Effect is one thing to be done. The kind decides which fields are used.
type Effect struct {
	Kind       EffectKind
	End        End
	Reason     frames.Reason
	Code       frames.Code
	Stream     Stream
	Local      any
	ID         token.Waiter
	Lock       string
	Fence      token.Fence
	Session    token.Session
	Lasted     token.Time
	Ends       token.Time
	Caller     *Caller
	Text       string
	Message    *frames.NodeMessage
	Run        *runs.Run // Refuse with CodeRan
	RunOutcome frames.RunOutcome
}

// Effects returns what the inputs since the last call caused, in order. The slice and what
// it refers to are valid until the next input.
func (t *Table) Effects() []Effect {
	effects := t.effects
	t.effects, t.messages = emptied(t.effects), emptied(t.messages)
	return effects
}

// emptied returns a slice without its elements. It keeps the memory unless that is too
// much.
func emptied[T any](s []T) []T {
	if cap(s) > keptEffects {
		return nil
	}
	return s[:0]
}

// keptEffects is for how many effects memory is kept.
const keptEffects = 1024

// issue appends an effect and returns it for the caller to fill in.
func (t *Table) issue(kind EffectKind) *Effect {
	t.effects = append(t.effects, Effect{Kind: kind})
	return &t.effects[len(t.effects)-1]
}

// tell sends a message on a stream.
func (t *Table) tell(st Stream, m frames.NodeMessage) {
	t.messages = append(t.messages, m)
	e := t.issue(Tell)
	e.Stream, e.Message = st, &t.messages[len(t.messages)-1]
}
