package sim

import (
	"fmt"
	"strings"

	"conch/token"
)

// Counter names something that happens in a run and that no effect shows.
type Counter uint8

// Counters beside ops, effects and reasons.
const (
	StaleDelivery    Counter = iota // a message on a stream that a later one replaced
	OldStream                       // a HELLO that came after that of a later stream
	CrashBetween                    // a crash between two effects
	Forgetful                       // a start with a floor below its promises
	Withdrawal                      // a waiter that gave up
	LateWord                        // a waiter that left a critical section after losing it
	TwoTokens                       // two tokens of a lock, all but one of them dead
	TwoHolders                      // two holders of a lock, all but one of them lapsed
	Orphan                          // a client that held a lock when its node's process ended
	Encumbered                      // a start after which such clients may exist
	WentAhead                       // a node that let in one more of its own while others stood in Q
	Declined                        // a grant that its caller no longer wanted
	ClientHold                      // a client that was told that it has a lock
	ClientLoss                      // a client that was told that it has lost one
	Expired                         // a hold that a node took from a silent client
	MovedOn                         // a client's wait that went to another node
	LateFrame                       // a client's frame on a stream that the client had given up
	ReplacedStream                  // a client's stream that a later one replaced
	Stalled                         // a client's stream that stalled between two parcels
	Snapped                         // a client's stream that broke just when something was sent on it
	Unreachable                     // a client that found no node for long
	StopAfterLease                  // a stop, first to hear that a lease is over, with waits and holds
	SetBackDisk                     // a start with an older copy of the disk
	LostDisk                        // a start with a new disk
	Together                        // several that share a lock
	UnderShare                      // a grant under a share, while the token is elsewhere
	LimitSet                        // a limit that was changed
	RaisedElsewhere                 // a limit that was raised by a probe
	OtherLimit                      // a waiter refused for its limit
	Relayed                         // a RECALL or DONE that was passed on
	CountedAbove                    // a node that counted above another incarnation's session
	SaidValue                       // a value of a holder at a node
	ClientSaid                      // an answer to a client's value
	OlderLeader                     // an observer whose node believes in an older leader than it does
	LostNote                        // a note that was not on disk when its node's process ended
	WitnessRefused                  // a WITNESS that was refused, since its member promised a later ballot
	Voided                          // a run that was witnessed, and did not begin
	RunBegan                        // an entry for a run
	RunTakenUp                      // an entry for a tick whose run ended without a word
	RunNotRepeated                  // a run that was refused since one of its tick ended without a word
	RunPassedOver                   // a run that was refused since a later one began
	RanHere                         // a run that was refused where the token is
	RanElsewhere                    // and where it is not
	EndedRun                        // a run whose holder was told that it is noted
	EndedLate                       // a run whose holder lost its hold and said then that it is done
	KeptAgain                       // a new token that carries a kept hold
	KeptGiven                       // a kept hold that was put into the token by a node that goes or whose holder is gone
	KeptStruck                      // a kept hold in a token that is known to be over
	Adopted                         // a kept hold taken up again
	FreedKept                       // a kept hold that a quorum knows to be freed
	NotesForgotten                  // notes that a node has forgotten
	ClientRun                       // a client that was told that it may run a tick
	ClientEnded                     // a client that was told that its run is noted
	ClientEndedLate                 // a client that lost its hold and says then that its run is done
	ClientKept                      // a client that was told that it has a kept hold
	ClientVanished                  // a client that dies at the end of such holds
	AdoptedList                     // a later membership that a node goes by
	SkippedList                     // one that is not the next after the node's
	BornList                        // a first list that was settled
	JointList                       // a change that was chosen
	CompletedList                   // a change that was completed
	CompletedWithout                // likewise, while a member does not run
	LeaverList                      // a node that is not in the next list
	LeaverHolds                     // such a node at which somebody holds a lock
	LeaverToken                     // such a node that has a token
	JointLease                      // a session that began under two lists
	JointBurial                     // a burial under two lists
	BuriedInJoint                   // a member of two lists that another says to be buried
	NotJoined                       // a member that still goes by the old list
	SyncedNotes                     // notes that a new member was told
	OutbidChoice                    // a proposal that was outbid
	AcceptedBefore                  // a proposer that hears of a proposal that was accepted before
	ChangeChosen                    // an operator whose change was chosen
	OtherChange                     // an operator before whom another came
	ChangeUnknown                   // an operator who is not told what came of its change
	ChangeRefused                   // an operator whose change was refused at once
	ChangeStalls                    // an operator whose change would stop the cluster
	StrangerRefused                 // a stream that was refused
	BelievedHello                   // a stream of one that a node did not know, with a later membership
	StrangerGone                    // a node that finds that its cluster lists another disk
	RemovedByRefusal                // a node that learns by a refusal that it was removed
	RemovedGone                     // a node that was removed, and is gone
	RemovedStart                    // a process that finds that it was removed
	JoinerListed                    // a process that waited, and is listed
	WipedDisk                       // a machine with a new disk
	counters
)

var counterNames = [...]string{
	StaleDelivery: "stale delivery", OldStream: "old stream refused", CrashBetween: "crash between effects",
	Forgetful: "forgetful start", Withdrawal: "withdrawal", LateWord: "late word", TwoTokens: "dead token beside a live one",
	TwoHolders: "lapsed holder beside a new one", Orphan: "client left behind", Encumbered: "encumbered start",
	WentAhead: "went ahead of others", Declined: "grant declined", ClientHold: "client holds", ClientLoss: "client has lost",
	Expired: "client's hold expired", MovedOn: "client moved on", LateFrame: "frame on a stream given up",
	ReplacedStream: "client's stream replaced", Stalled: "stall between parcels", Snapped: "break behind a parcel", Unreachable: "no node found",
	StopAfterLease: "stop behind the end of a lease", SetBackDisk: "start with an older disk", LostDisk: "start with a new disk",
	Together: "lock shared by several", UnderShare: "grant under a share", LimitSet: "limit changed", RaisedElsewhere: "limit raised by a probe",
	OtherLimit: "other limit refused", Relayed: "RECALL or DONE passed on",
	CountedAbove: "counted above another incarnation",
	LostNote:     "note lost before it was on disk", WitnessRefused: "WITNESS refused", Voided: "run voided",
	RunBegan: "run began", RunTakenUp: "run taken up", RunNotRepeated: "run not repeated", RunPassedOver: "run passed over",
	RanHere: "run refused with the token", RanElsewhere: "run refused without the token",
	EndedRun: "run noted as done", EndedLate: "run done after its hold",
	KeptAgain: "new token carries a kept hold", KeptGiven: "kept hold put into the token", KeptStruck: "kept hold struck", Adopted: "kept hold adopted", FreedKept: "kept hold freed",
	NotesForgotten: "notes forgotten",
	ClientRun:      "client's run began", ClientEnded: "client's run noted", ClientEndedLate: "client's run done after its hold", ClientKept: "client's kept hold began", ClientVanished: "client vanished at its end",
	AdoptedList: "later list adopted", SkippedList: "list skipped", BornList: "first list settled", JointList: "joint list", CompletedList: "change completed",
	CompletedWithout: "change completed without a member", LeaverList: "member to leave", LeaverHolds: "member to leave is held at", LeaverToken: "member to leave has a token",
	JointLease: "session began under two lists", JointBurial: "burial under two lists", BuriedInJoint: "buried member of two lists", NotJoined: "not joined yet", SyncedNotes: "notes told to a new member",
	OutbidChoice: "proposal outbid", AcceptedBefore: "proposal taken up", ChangeChosen: "operator's change chosen", OtherChange: "other change came first", ChangeUnknown: "operator not told",
	ChangeRefused: "operator refused", ChangeStalls: "operator's change would stall", StrangerRefused: "stranger's stream refused", BelievedHello: "later membership in a HELLO", StrangerGone: "stranger gone", RemovedByRefusal: "removal told by a refusal", RemovedGone: "removed member gone", RemovedStart: "removed member started",
	JoinerListed: "waiting process listed", WipedDisk: "disk wiped",
	SaidValue: "value said", ClientSaid: "client's value answered", OlderLeader: "observer met an older leader",
}

// reasons are why tokens are dropped, and why ballots and sessions fail.
var reasons = [...]string{
	token.ReasonAddressee, token.ReasonPromised, token.ReasonLapsed, token.ReasonFences, token.ReasonIdle,
	token.ReasonHeld, token.ReasonOutbid, token.ReasonTooLow, token.ReasonTime, token.ReasonCame, token.ReasonLeaving,
	token.ReasonUsed, token.ReasonSharer, token.ReasonOver, token.ReasonUnsaid, token.ReasonDoubt,
	token.ReasonRefused, token.ReasonUnknown, token.ReasonFull, token.ReasonNoDisk,
	token.ReasonMembers, token.ReasonRemoved, token.ReasonStranger, token.ReasonOther,
}

const effectKinds = 128

// Coverage is what happened in runs, so that a test can tell whether the simulator still
// reaches everything.
type Coverage struct {
	effects  [effectKinds]int64
	ops      [opKinds]int64
	counters [counters]int64
	reasons  [len(reasons)]int64
}

func (c *Coverage) count(t Counter) { c.counters[t]++ }

func (c *Coverage) effect(e *token.Effect) {
	c.effects[e.Kind]++
	for k := range reasons {
		if e.Reason == reasons[k] {
			c.reasons[k]++
		}
	}
}

// merge adds what happened in other runs.
func (c *Coverage) merge(d *Coverage) {
	add(c.effects[:], d.effects[:])
	add(c.ops[:], d.ops[:])
	add(c.counters[:], d.counters[:])
	add(c.reasons[:], d.reasons[:])
}

func add(to, from []int64) {
	for k := range to {
		to[k] += from[k]
	}
}

// each calls f for everything that can happen.
func (c *Coverage) each(f func(what string, count int64)) {
	for kind, name := range effectNames {
		if name != "" {
			f(name, c.effects[kind])
		}
	}
	for k, name := range reasons {
		f("for "+name, c.reasons[k])
	}
	for k, name := range opNames {
		f("op "+name, c.ops[k])
	}
	for k, name := range counterNames {
		f(name, c.counters[k])
	}
}

// missing lists what happened in no run.
func (c *Coverage) missing() []string {
	var names []string
	c.each(func(what string, count int64) {
		if count == 0 {
			names = append(names, what)
		}
	})
	return names
}

func (c *Coverage) String() string {
	var b strings.Builder
	c.each(func(what string, count int64) { fmt.Fprintf(&b, "%12d %s\n", count, what) })
	return b.String()
}
