package token

import "strconv"

// MessageKind tells the messages apart.
type MessageKind uint8

// The messages of the protocol. REQUEST and TOKEN are Suzuki and Kasami's. The others keep
// sessions (KeepAlive to Known), replace a lost token (Probe to Abort), call in shares (Recall
// and Done), and have a quorum remember a note (Witness and WitnessAnswer).
const (
	Request MessageKind = iota + 1
	TokenMessage
	KeepAlive // says nothing but that the sender is there
	Ping
	Pong
	Busy
	Clear
	Bye
	Known
	Probe
	ProbeAnswer
	Ballot
	BallotAnswer
	Abort
	Recall        // asks a member to give back its share
	Done          // answers: so much of the share is still used
	Say           // tells the value of whoever holds a lock alone
	Witness       // asks a member to remember a note, or tells it one
	WitnessAnswer // answers: noted, or why not

	// The rest changes the members; the rules are in the protocol's section 9.
	MembershipMessage // tells the sender's membership
	Choose            // asks for a promise, to choose the next membership
	ChooseAnswer
	Accept // proposes the next membership
	AcceptAnswer
	Joined // asks whether a joint membership can be completed
	JoinedAnswer
	Sync // asks for notes
	SyncAnswer
)

var messageNames = [...]string{
	Request: "REQUEST", TokenMessage: "TOKEN", KeepAlive: "KEEPALIVE", Ping: "PING", Pong: "PONG", Busy: "BUSY",
	Clear: "CLEAR", Bye: "BYE", Probe: "PROBE", ProbeAnswer: "PROBE-ANSWER", Ballot: "BALLOT",
	BallotAnswer: "BALLOT-ANSWER", Abort: "ABORT", Known: "KNOWN", Recall: "RECALL", Done: "DONE", Say: "SAY",
	Witness: "WITNESS", WitnessAnswer: "WITNESS-ANSWER",
	MembershipMessage: "MEMBERSHIP", Choose: "CHOOSE", ChooseAnswer: "CHOOSE-ANSWER", Accept: "ACCEPT", AcceptAnswer: "ACCEPT-ANSWER",
	Joined: "JOINED", JoinedAnswer: "JOINED-ANSWER", Sync: "SYNC", SyncAnswer: "SYNC-ANSWER",
}

// String returns the kind's name in capitals, as the protocol writes it.
func (k MessageKind) String() string {
	if int(k) < len(messageNames) && messageNames[k] != "" {
		return messageNames[k]
	}
	return "MESSAGE-" + strconv.Itoa(int(k))
}

// Answer is a member's answer to a probe, a ballot or a WITNESS.
type Answer uint8

// Hold answers a probe or a ballot; Recent and None a probe; Outbid a ballot or a WITNESS;
// TooLow and Promise a ballot; the others a WITNESS.
const (
	// Hold: the token is here.
	Hold Answer = iota + 1
	// Recent: the token was passed on just now.
	Recent
	// None: nothing is known of the token.
	None
	// Outbid: a promise to another ballot forbids it.
	Outbid
	// TooLow: a known epoch or a floor forbids it.
	TooLow
	// Promise: the member will take no token and no ballot below this one.
	Promise
	// Noted answers WITNESS: the note is on stable storage.
	Noted
	// Full answers WITNESS: the member remembers as many notes as it may.
	Full
	// NoDisk answers WITNESS: the member has no stable storage for notes.
	NoDisk
)

// Message is what one member sends to another. The kind decides which fields are used; the
// others are zero. Nothing that a message refers to is changed after it was sent.
type Message struct {
	Kind MessageKind

	// Lock: Request, TokenMessage, and Probe to Say.
	Lock string
	// Number: the sender's request number. Request, Probe, Ballot; BallotAnswer with
	// Promise.
	Number Number

	// Token: TokenMessage.
	Token *Token
	// Session: TokenMessage, the receiver's session to which it is addressed; Ping and Bye,
	// the sender's; Known, the receiver's highest that the sender knows.
	Session Session

	// Incarnation: Ping, the sender's; Pong and Clear, the receiver's; Known, the one that
	// had the session.
	Incarnation Incarnation
	// Begun: Ping, whether the session has begun.
	Begun bool
	// Stamp: Ping, when it was sent, by the sender's clock; Pong, the Ping's own.
	Stamp Time
	// Locks: Busy.
	Locks []string

	// Probe: Probe, and the ProbeAnswer to it.
	Probe uint64
	// Helper: Probe, the member that shall request the lock itself.
	Helper Member
	// Ballot: Ballot, Abort, and the BallotAnswer to it.
	Ballot Epoch
	// Answer: ProbeAnswer, BallotAnswer and WitnessAnswer.
	Answer Answer
	// InUse: ProbeAnswer with Hold, whether somebody is in the critical section.
	InUse bool
	// Highest: BallotAnswer with Outbid or TooLow, the epoch that forbids the ballot;
	// WitnessAnswer with Outbid, one that forbids the token's.
	Highest Epoch
	// Waiting: BallotAnswer with Promise, whether the request Number still waits.
	Waiting bool
	// Members: ProbeAnswer, the members that the sender could bury now; Ballot, those out
	// of the proposer's reach; BallotAnswer with Promise, those that the sender buries.
	Members []Member

	// Share: Recall and Done, the share that is meant; BallotAnswer with Promise, the
	// sender's own, zero if it has none.
	Share Share
	// Recaller: Recall and Done, the member whose token waits. It differs from the sender of
	// a Recall, and from the receiver of a Done, if the message is relayed.
	Recaller Member
	// Anyhow: Recall, answer even if all permits are still used.
	Anyhow bool
	// Kept: Done, how many permits of the share are still used; for readers 1 or 0.
	Kept uint32
	// Limit and LimitAt: BallotAnswer with Promise, what the sender remembers of the token's;
	// Probe, the limit that a waiter wants to set, and the age of the one that the sender
	// knows; ProbeAnswer with Hold to such a probe, the token's.
	Limit   Limit
	LimitAt Fence
	// LimitBy: BallotAnswer with Promise, the member that said the limit.
	LimitBy Member

	// Saying: Say, and the effect Led. It does not change.
	Saying *Saying

	// Note: Witness, WitnessAnswer; BallotAnswer with Promise, nil if the sender remembers
	// nothing of the lock. It does not change.
	Note *Note

	// Change: MembershipMessage to SyncAnswer. It does not change.
	Change *Change
}

// Change is what messages say about the membership. Members, in the message, are D in Joined,
// and whom of D the answerer buries in JoinedAnswer.
type Change struct {
	// Membership: MembershipMessage, the sender's.
	Membership *Membership
	// Version is that of the membership that the message is about: that which is to change,
	// in Choose to AcceptAnswer; the joint one, in Joined to SyncAnswer.
	Version uint64
	// Round: Choose, Accept, and the answers to them.
	Round Epoch
	// Promised: ChooseAnswer and AcceptAnswer, the highest round that the sender has promised:
	// Round itself if it consents.
	Promised Epoch
	// Accepted: ChooseAnswer, the round of the proposal that the sender has accepted, zero if
	// there is none. Next and IDs: that proposal; Accept, the one that is proposed.
	Accepted Epoch
	Next     []Listed
	IDs      Member
	// Ask: Joined, JoinedAnswer, tells the answers to one question from those to others.
	Ask uint64
	// Joined: JoinedAnswer, whether the sender no longer goes by the old list. Highest: the
	// highest ballot number that it knows.
	Joined  bool
	Highest uint64
	// After: Sync and SyncAnswer, the name of the lock after which the notes begin. Notes: SyncAnswer,
	// of the locks that follow, by name. More: there are others after these.
	After string
	Notes []LockNotes
	More  bool
}

// Note is what messages say about a lock's notes.
type Note struct {
	// Run and Kept: Witness, what is to be remembered, one of them; BallotAnswer with Promise,
	// what the sender remembers, nil for nothing; WitnessAnswer, what the answerer remembers
	// and the asker should know, else nil. They do not change.
	Run  *Run
	Kept *KeptHold
	// Epoch: Witness, that of the sender's token; zero if no token is meant. WitnessAnswer,
	// the Witness's own.
	Epoch Epoch
	// About: WitnessAnswer, what the Witness said.
	About NoteID
}

// NoteID says which note a WITNESS was about: a run or a kept hold.
type NoteID struct {
	Run       RunMark
	KeptFence Fence
	Over      bool // of the kept hold
}
