package frames

import (
	"fmt"

	"conch/internal/runs"
	"conch/token"
)

// Incarnation tells client processes apart. It is drawn at random.
type Incarnation [16]byte

// ClientKind tells the messages from a client apart.
type ClientKind uint8

// The messages from a client after its Hello.
const (
	// Acquire asks for Lock under ID; Try: only if it is free. With ResumeFence it takes
	// up the hold that the client had under ID on an earlier stream. With Run it asks for a
	// run, and with Keep for a kept hold.
	Acquire ClientKind = iota + 1
	// Withdraw ends the wait under ID.
	Withdraw
	// Release gives back Lock, which was granted with Fence under ID. Lost: the client lost
	// the hold before, so that one that is kept is not over.
	Release
	// Ping asks for a lease, at Stamp by the client's clock.
	Ping
	// Say makes Value that of the hold of Lock with Fence under ID. Number rises.
	Say
	// EndRun gives back Lock, which was granted with Fence under ID for Run, and says that the
	// run's tick needs no other one: it ended as End says, after Lasted.
	EndRun
)

// ClientMessage is one message from a client. Which fields count depends on the kind.
type ClientMessage struct {
	Kind        ClientKind
	Try         bool
	Lost        bool // Release
	ID          uint64
	Lock        string
	Limit       token.Limit // Acquire: the mode
	Fence       token.Fence // Release, Say, EndRun
	ResumeFence token.Fence // Acquire; 0 for a new request
	Stamp       token.Time  // Ping
	Number      uint64      // Say
	Value       string      // Say
	// What does not change: Run of Acquire and EndRun, Keep of Acquire, End of EndRun; nil
	// otherwise.
	Run    *runs.Request
	Keep   *runs.Keep
	End    *runs.End
	Lasted token.Time // EndRun; not below 0
	// Wall is set by the node's edge on a message with a Run or a Keep: what the wall clock
	// says, in Unix seconds.
	Wall int64
	// Refusal is set by the node's edge on an Acquire, Say or EndRun that must be refused whatever
	// the state of the lock, such as one that the rules forbid. Code is 0 otherwise.
	Refusal Refusal
}

// NodeKind tells the messages from a node apart.
type NodeKind uint8

// The messages from a node after its Welcome.
const (
	// Granted: the client holds the lock under ID with Fence. Stamp is that of the
	// newest Ping of the stream, if HadPing; Session and Remaining are the node's lease.
	Granted NodeKind = iota + 1
	// Refused: nothing comes of the Acquire under ID, for Refusal.
	Refused
	// Withdrawn: no wait and no hold is left under ID.
	Withdrawn
	// Warned: the hold under ID will end for Reason, or may. Remaining is left of it.
	Warned
	// Lost: the hold under ID is over for Reason.
	Lost
	// Released answers a Release of Lock with Fence under ID, with Outcome.
	Released
	// Pong answers a Ping with Stamp: the node's lease of Session lasts Remaining more.
	Pong
	// Said answers the Say with Number under ID: with Refusal, if that has a Code.
	Said
	// RunEnded answers the EndRun of the hold with Fence under ID: with Refusal, if that has a
	// Code, else with RunOutcome.
	RunEnded
)

// NodeMessage is one message from a node. Which fields count depends on the kind.
type NodeMessage struct {
	Kind       NodeKind
	HadPing    bool          // Granted
	Reason     Reason        // Warned, Lost
	Outcome    Outcome       // Released
	RunOutcome RunOutcome    // RunEnded
	ID         uint64        // all but Pong
	Lock       string        // Released
	Fence      token.Fence   // Granted, Released, RunEnded
	Stamp      token.Time    // Granted, Pong
	Session    token.Session // Granted, Pong; 0 is none
	Remaining  token.Time    // Granted, Warned, Pong; not below 0
	Text       string        // Warned, Lost: what whoever broke the lock says
	Number     uint64        // Said
	Refusal    Refusal       // Refused, Said, RunEnded
}

// Code says why a request was refused. The numbers are those of conch.client.v1.Code.
type Code uint8

// The codes that a refusal may have.
const (
	CodeInvalidName  Code = 1
	CodeInvalidID    Code = 2
	CodeInvalidField Code = 3
	CodeBusy         Code = 4
	CodeNoSession    Code = 5
	CodeNodeLeaving  Code = 6
	CodeTooManyWaits Code = 7
	CodeNotHeld      Code = 8
	CodeForbidden    Code = 12
	CodeTooManyNames Code = 13
	// CodeOtherLimit: the lock has another limit than the request's.
	CodeOtherLimit Code = 16
	// CodeTooManyValues: the node says as many values as it may.
	CodeTooManyValues Code = 17
	// CodeRan: the run is not needed. Refusal.Run is what makes it unnecessary.
	CodeRan Code = 18
	// CodeInvalidTick: the tick cannot be run.
	CodeInvalidTick Code = 19
	// CodeNotesFull: a member remembers as many notes as it may.
	CodeNotesFull Code = 20
	// CodeNoNotes: a member remembers none, as it has no data directory.
	CodeNoNotes Code = 21
)

// Refusal is why a request was refused: Code for programs, Text for people.
type Refusal struct {
	Code Code
	Text string
	Run  *runs.Run // CodeRan; it does not change
}

// Refuse returns a refusal with a formatted text.
func Refuse(code Code, format string, args ...any) Refusal {
	return Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Reason says why a hold is about to end, or has ended. The numbers are those of
// conch.client.v1.Reason.
type Reason uint8

// The reasons.
const (
	// Lapse: the node's session lapsed, or is about to.
	Lapse Reason = 1
	// Break: somebody broke the lock.
	Break Reason = 2
	// NodeLeaving: the node stops.
	NodeLeaving Reason = 3
	// ClientLease: the node heard nothing of the client in time.
	ClientLease Reason = 4
)

// RunOutcome says what became of an EndRun. The numbers are those of
// conch.client.v1.RunEnded.Outcome.
type RunOutcome uint8

// The outcomes of an EndRun.
const (
	// RunNoted: a quorum remembers that the tick needs no other run.
	RunNoted RunOutcome = 1
	// RunNotNoted: whether one does is not known.
	RunNotNoted RunOutcome = 2
	// RunLost: the hold had been lost before, or is not known.
	RunLost RunOutcome = 3
)

// Outcome says what a Release did. The numbers are those of
// conch.client.v1.Released.Outcome.
type Outcome uint8

// The outcomes.
const (
	// OutcomeReleased: the hold ended by this Release.
	OutcomeReleased Outcome = 1
	// OutcomeEndedBefore: it had ended before.
	OutcomeEndedBefore Outcome = 2
	// OutcomeNotHeld: the node knows of no such hold.
	OutcomeNotHeld Outcome = 3
)
