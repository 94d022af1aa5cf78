package attachment

import (
	"conch/internal/frames"
	"conch/token"
)

// EffectKind tells the effects apart.
type EffectKind uint8

// What is to be done. Each claim is answered once, by Held, Refused, Moved or Closed,
// unless it is given up before. Only what was Held is told of by Warned and Lost.
const (
	// Held: the claim is a hold with Fence.
	Held EffectKind = iota + 1
	// Refused: the claim came to nothing, for Refusal.
	Refused
	// Moved: this node will not grant the claim; another is to be asked.
	Moved
	// Closed: the claim came to nothing, since the client ends.
	Closed
	// Warned: the hold ends soon, or may, for Cause. It comes again for each end that
	// comes near.
	Warned
	// Lost: the hold is over, for Cause. Nothing more is said of the claim.
	Lost
	// Said: the node has the value with Number of the hold, and all before it; or refuses
	// it, if Refusal has a Code.
	Said
	// RunEnded: what became of the end of a run, as RunOutcome says. Unanswered: the node did
	// not say, and will not. If Refusal has a Code, the node refuses it, and the hold ends as
	// by a release.
	RunEnded
	// CloseStream: nothing more will be sent on the stream; its sending side is to be
	// closed once what Take has returned is sent.
	CloseStream
	// EndStream: the stream is to be ended, since nothing is heard of the node.
	EndStream
	// Finished: nothing is held or said here any more, and no stream is wanted.
	Finished
)

// Effect is something that the shell is to do. Which fields count depends on the kind.
type Effect struct {
	Kind    EffectKind
	Claim   Claim
	Fence   token.Fence    // Held
	Number  uint64         // Said
	Refusal frames.Refusal // Refused, Said, RunEnded, and Lost for CauseRefused
	Cause   Cause          // Warned, Lost
	Text    string         // Warned, Lost: what whoever broke the lock says
	End     token.Time     // Warned, Lost: when the hold ends, or has ended
	Times   Times          // Warned, Lost
	// RunOutcome, Unanswered: RunEnded
	RunOutcome frames.RunOutcome
	Unanswered bool
}

// Cause is why a hold is over, or is about to be.
type Cause uint8

// The causes.
const (
	// CauseLease: the lease is over by this client's own clock, or nearly so.
	CauseLease Cause = iota + 1
	// CauseLapse: the node says that its session lapsed, or is about to.
	CauseLapse
	// CauseBroken: somebody broke the lock.
	CauseBroken
	// CauseNodeLeaving: the node stops.
	CauseNodeLeaving
	// CauseClientLease: the node says that it heard nothing of this client in time.
	CauseClientLease
	// CauseRefused: the node does not let the client take up the hold again.
	CauseRefused
	// CauseClosed: the client ends.
	CauseClosed
)

// Times are what tells why a lease was not extended in time.
type Times struct {
	// Left is what was left of the hold's lease; below 0 if it was over.
	Left token.Time
	// HadPong: a Pong has come, SincePong ago. Its Ping had been made SincePing ago.
	HadPong              bool
	SincePong, SincePing token.Time
	// HadPing: the latest Ping, answered or not, was made SinceLatest ago.
	HadPing     bool
	SinceLatest token.Time
	// Late is how long after its time the latest tick came: how long this process was
	// kept from running.
	Late token.Time
}

// times tells the times for a hold that ends at end.
func (a *Attachment) times(now, end token.Time) Times {
	t := Times{Left: end - now, Late: a.late}
	if a.pong.had {
		t.HadPong, t.SincePong, t.SincePing = true, now-a.pong.came, now-a.pong.stamp
	}
	if a.stamp > 0 {
		t.HadPing, t.SinceLatest = true, now-a.stamp
	}
	return t
}

// Effects returns what is to be done since it was called last. It is valid until the next
// input.
func (a *Attachment) Effects() []Effect {
	all := a.effects
	a.effects = a.effects[:0]
	return all
}

func (a *Attachment) emit(e Effect) { a.effects = append(a.effects, e) }
