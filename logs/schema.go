package logs

// The events of a conch log: the values of the key "event". SCHEMA.md beside this
// file shows the same as a table.
const (
	// The process and its streams.
	Awaited       = "members_awaited"
	NodeStarted   = "node_started"
	NodeStopped   = "node_stopped"
	NodeFailed    = "node_failed"
	PeerConnected = "peer_connected"
	PeerLost      = "peer_lost"
	PeerRefused   = "peer_refused"
	LogGap        = "log_gap"
	SocketRemade  = "socket_remade"
	SocketLost    = "socket_lost"
	Draining      = "draining"
	Undrained     = "undrained"

	// Suzuki and Kasami's algorithm.
	Request         = "request"
	RequestSent     = "request_sent"
	RequestReceived = "request_received"
	Ride            = "ride"
	PassedOver      = "passed_over"
	Withdraw        = "withdraw"
	TokenMade       = "token_made"
	TokenSent       = "token_sent"
	TokenReceived   = "token_received"
	TokenDropped    = "token_dropped"
	Enter           = "enter"
	Leave           = "leave"
	Lost            = "lost"
	LockBroken      = "lock_broken"
	HoldExpired     = "hold_expired"
	KeptHoldFreed   = "kept_hold_freed"
	ClientRefused   = "client_refused"
	FilesChanged    = "files_changed"
	FilesRefused    = "files_refused"
	CertificateEnds = "certificate_ending"
	RulesDiffer     = "rules_differ"

	// Sessions.
	SessionStarted = "session_started"
	SessionWarned  = "session_warned"
	SessionLapsed  = "session_lapsed"
	SessionEnded   = "session_ended"
	Guard          = "guard"
	Burial         = "burial"
	ByeReceived    = "bye_received"

	// Rounds.
	Probe          = "probe"
	ProbeSent      = "probe_sent"
	ProbeReceived  = "probe_received"
	Ballot         = "ballot"
	BallotSent     = "ballot_sent"
	BallotReceived = "ballot_received"
	AnswerSent     = "answer_sent"
	AnswerReceived = "answer_received"
	RoundEnded     = "round_ended"
	AbortSent      = "abort_sent"
	AbortReceived  = "abort_received"
	LockForgotten  = "lock_forgotten"

	// Shared locks.
	ShareEnter     = "share_enter"
	ShareLeave     = "share_leave"
	LimitSet       = "limit_set"
	RecallSent     = "recall_sent"
	RecallReceived = "recall_received"
	DoneSent       = "done_sent"
	DoneReceived   = "done_received"

	// Leaders.
	Leader      = "leader"
	SaySent     = "say_sent"
	SayReceived = "say_received"

	// Runs of ticks, and kept holds.
	Witnessing            = "witnessing"
	WitnessSent           = "witness_sent"
	WitnessReceived       = "witness_received"
	WitnessAnswerSent     = "witness_answer_sent"
	WitnessAnswerReceived = "witness_answer_received"
	NoteStoring           = "note_storing"
	NotesStored           = "notes_stored"
	NoteForgotten         = "note_forgotten"
	Ran                   = "ran"
	RunNoted              = "run_noted"
	RunNotNoted           = "run_not_noted"
	Keeping               = "keeping"
	Unkept                = "unkept"
	Freed                 = "freed"
	NotFreed              = "not_freed"

	// Members that change.
	MembershipAdopted    = "membership_adopted"
	ChangeProposed       = "change_proposed"
	MembersJoining       = "members_joining"
	MemberDeparted       = "member_departed"
	NodeRemoved          = "node_removed"
	MembershipSent       = "membership_sent"
	MembershipReceived   = "membership_received"
	ChooseSent           = "choose_sent"
	ChooseReceived       = "choose_received"
	ChooseAnswerSent     = "choose_answer_sent"
	ChooseAnswerReceived = "choose_answer_received"
	AcceptSent           = "accept_sent"
	AcceptReceived       = "accept_received"
	AcceptAnswerSent     = "accept_answer_sent"
	AcceptAnswerReceived = "accept_answer_received"
	JoinedSent           = "joined_sent"
	JoinedReceived       = "joined_received"
	JoinedAnswerSent     = "joined_answer_sent"
	JoinedAnswerReceived = "joined_answer_received"
	SyncSent             = "sync_sent"
	SyncReceived         = "sync_received"
	SyncAnswerSent       = "sync_answer_sent"
	SyncAnswerReceived   = "sync_answer_received"
)

// kind is the type of a key's value, as SCHEMA.md names it.
type kind string

const (
	kindText      kind = "text"
	kindTime      kind = "RFC 3339 time"
	kindAddress   kind = "HOST:PORT"
	kindDecimal   kind = "decimal string"
	kindNumber    kind = `"SESSION.COUNT"`
	kindEpoch     kind = `"NUMBER.PROPOSER"`
	kindHex       kind = "32 hex digits"
	kindBool      kind = "true or false"
	kindNumbers   kind = `array of "SESSION.COUNT"`
	kindAddresses kind = "array of HOST:PORT"
	kindLimit     kind = `decimal string, or "shared"`
	kindShare     kind = `"MEMBER.SESSION.FENCE.PERMITS"`
	kindShares    kind = `array of "MEMBER.SESSION.FENCE.PERMITS"`
	kindRun       kind = `"TICK.FENCE.STATE"`
	kindKept      kind = `"FENCE.held" or "FENCE.over"`
	kindIDs       kind = "array of decimal strings"
)

// key is one key of the log's lines.
type key struct {
	name    string
	kind    kind
	meaning string
}

// keys lists every key there is. Their order is the order of the bits of a keySet.
var keys = []key{
	{"time", kindTime, "when the line was written, by the writer's clock, in UTC with nanoseconds"},
	{"level", kindText, "info, or as the event's row says"},
	{"node", kindAddress, "the member that wrote the line"},
	{"event", kindText, "what happened; one of the events below"},
	{"message", kindText, "the same in words, constant for each event"},
	{"lock", kindText, "the lock's name"},
	{"peer", kindAddress, "the other member: the receiver or sender of a message"},
	{"number", kindNumber, "a request number"},
	{"fence", kindDecimal, "the fencing number of the latest grant; with enter and leave, and without the token, of this grant"},
	{"epoch", kindEpoch, "identifies the making of the token; PROPOSER is a position in member order, from 0"},
	{"hop", kindDecimal, "how often the token has moved since it was made; token_sent already has the new value"},
	{"request_numbers", kindNumbers, "RN: the highest request number that the writer heard from each member, in member order"},
	{"last_granted", kindNumbers, "LN: the number of each member's request granted last, in member order; where the token is at the writer, or in the message"},
	{"queue", kindAddresses, "Q: who gets the token next, head first; wherever last_granted is"},
	{"session", kindDecimal, "a session number; with token_sent, the receiver's session to which the token is addressed"},
	{"members", kindAddresses, "the member list, in member order; with membership_adopted the list that counts, and of two the one that is left; with change_proposed the list that is proposed"},
	{"found", kindAddresses, "the members that are known so far, sorted, the writer included"},
	{"found_by", kindText, "how the writer knows the members, by the flags that tell it: peers, hosts-file, or discover with dns, srv or serf; or data-dir, if the list is on disk"},
	{"incarnation", kindHex, "drawn at random by each process at its start"},
	{"version", kindText, "the program's version"},
	{"local_batch", kindDecimal, "how many waiters at the writer may enter in a row while others wait elsewhere; without the key, 1"},
	{"evidence", kindBool, "false: the process writes no lines for messages and steps of the algorithm; without the key, true"},
	{"missing", kindDecimal, "how many lines could not be written, for example because the disk was full"},
	{"repeat", kindBool, "true: the request was outstanding when this stream opened, and is sent again"},
	{"reason", kindText, "why"},
	{"times", kindText, "what tells why a lease was not extended in time: what is left of it, how late the node's clock was looked at, how long the last write of the log and the last save took"},
	{"remote", kindText, "the socket address of an unauthenticated peer"},
	{"caller", kindText, "who asked for the lock, wants it broken, set its limit, or asked the node for a change of the members: USER@HOST and process PID as the client states them, and the identity that the node knows; with client_refused, only the latter"},
	{"ballot", kindEpoch, "the ballot, which is the epoch of the token that it may make"},
	{"probe", kindDecimal, "the probe's number at its asker"},
	{"answer", kindText, "to a probe: hold, recent or none; to a ballot: hold, nack or promise; to WITNESS: noted (it is on disk), nack, full (no room) or no disk; to CHOOSE: promise or nack; to ACCEPT: accepted or nack; to JOINED: joined or not joined"},
	{"helper", kindAddress, "a member that the probe asks to look for the token too"},
	{"distant", kindAddresses, "D: the members that the ballot's proposer does not reach"},
	{"buried", kindAddresses, "the members of D that the answerer buries"},
	{"buriable", kindAddresses, "the members that the answerer could bury now"},
	{"waiting", kindBool, "with a promise: the answerer has a request out and somebody waits for it"},
	{"mode", kindLimit, "how the holder has the lock: shared with other readers, or with one of so many permits; without the key, alone"},
	{"limit", kindLimit, "the lock's limit: shared, or how many permits there are; wherever the token is at the writer or in the message, and with a promise; without the key, nobody has said one"},
	{"limit_by", kindAddress, "the member that said the limit"},
	{"shares", kindShares, "the shares that are out: MEMBER, a position in member order from 0, may have PERMITS holders in without the token, for readers 1 and any number of them; FENCE is the share's id; wherever limit is, but for promises; with enter and leave, as it is once the writer has done all that followed at once"},
	{"share", kindShare, "the share that is meant; with a promise, the answerer's own"},
	{"recaller", kindAddress, "the member whose token waits for the share; if the writer or the peer is another, the message is passed on"},
	{"anyhow", kindBool, "true: an answer is wanted even if all permits of the share are used"},
	{"kept", kindDecimal, "how many permits of the share are still used; for readers 1 or 0"},
	{"count", kindDecimal, "which of the sayings of a hold it is, from 1; fence is the hold's"},
	{"value", kindText, "what the leader says; without the key, the empty text"},
	{"over", kindBool, "true: nobody leads any more"},
	{"run", kindRun, "a run of a tick, of the hold with this fence: begun (or about to), void (it was about to begin, and did not), or done; what the line is about, or the lock's latest, which the token carries; without the key, there was none"},
	{"kept_hold", kindKept, "the hold with this fence is kept, or over; what the line is about, or the one that the token carries: nobody has it any more, and nobody gets the lock"},
	{"owner", kindText, "who may adopt the kept hold; without the key, nobody"},
	{"known_run", kindRun, "with an answer: what the answerer remembers of the lock's latest run"},
	{"known_kept", kindKept, "with an answer: what the answerer remembers of the lock's latest kept hold"},
	{"serial", kindDecimal, "counts the notes that the process has put on disk"},
	{"membership", kindDecimal, "which membership of the cluster it is, from 0: an even one has one list; an odd one, which is joint, has two, and a quorum is one of both"},
	{"cluster", kindHex, "identifies the cluster: drawn from its first list of members and their disks"},
	{"disk", kindHex, "drawn with the writer's data directory; a member is its disk"},
	{"member_ids", kindIDs, "the ID of each of members; of IDs member order is made, and none is given twice"},
	{"next", kindAddresses, "the list to which a joint membership leads"},
	{"next_ids", kindIDs, "the ID of each of next"},
	{"ids", kindDecimal, "how many IDs were given so far; RN and LN have one entry for each"},
	{"floor", kindDecimal, "at least each ballot number used before this membership; nodes that end the same change may have different ones"},
	{"round", kindEpoch, "of the choice of the next membership: NUMBER and the member that proposes"},
	{"awaited", kindAddresses, "the members of which the writer does not know yet that they go by the joint membership alone, or are buried"},
	{"ask", kindDecimal, "counts what the sender of JOINED has asked"},
}

// keySet is a set of keys, a bit for each in the order of keys.
type keySet uint64

var keyBit = func() map[string]keySet {
	bits := make(map[string]keySet, len(keys))
	for i, k := range keys {
		bits[k.name] = 1 << i
	}
	return bits
}()

func setOf(names ...string) keySet {
	var set keySet
	for _, name := range names {
		bit, ok := keyBit[name]
		if !ok {
			panic("logs: the schema has no key " + name)
		}
		set |= bit
	}
	return set
}

// names lists the keys of a set, in the schema's order.
func (s keySet) names() []string {
	var names []string
	for i, k := range keys {
		if s&(1<<i) != 0 {
			names = append(names, k.name)
		}
	}
	return names
}

// shape says which keys the lines of one event have, beside those of every line.
type shape struct {
	event    string
	level    string
	required keySet
	optional keySet
	oneOf    keySet // exactly one of these; empty: no such choice
	meaning  string
}

// everyLine are the keys that each line has.
var everyLine = setOf("time", "level", "node", "event", "message")

// The keys of lines about a lock. A line shows LN and Q where the token is at the
// writer, or in the message; on some events that is always so.
var (
	aboutLock    = setOf("lock", "request_numbers")
	tokenMayShow = setOf("last_granted", "queue")
	aboutToken   = aboutLock | tokenMayShow | setOf("epoch", "hop", "fence")
	roundState   = setOf("request_numbers", "last_granted", "queue")
	shareKeys    = setOf("limit", "limit_by", "shares")
	lockOnly     = setOf("lock")
	carriedKeys  = setOf("run", "kept_hold", "owner")
	knownKeys    = setOf("known_run", "known_kept")
	noteKeys     = setOf("run", "kept_hold") // one of them
)

var shapes = []shape{
	{Awaited, "info", setOf("found", "reason"), 0, 0, "the process looks for its members (--discover), or waits to be added to them (--join), and has not started as a node; written when what it waits for changes, and each 10 s"},
	{NodeStarted, "info", setOf("members", "incarnation", "version", "session"), setOf("local_batch", "evidence", "found_by", "disk", "membership", "cluster"), 0, "the first line of each process, but for members_awaited; a file may hold several runs, appended. With membership, the process had that on disk, and members has the address of each ID; of one that was removed long ago, removed-ID"},
	{NodeStopped, "info", 0, 0, 0, "the last line of a clean run"},
	{NodeFailed, "error", setOf("reason"), 0, 0, "the last line of a process that cannot go on, for example because its data directory cannot be written"},
	{PeerConnected, "info", setOf("peer"), 0, 0, "the writer's stream to the peer is accepted"},
	{PeerLost, "info", setOf("peer", "reason"), 0, 0, "the writer's stream to the peer ended; written once, not at each attempt"},
	{PeerRefused, "warn", setOf("reason"), 0, setOf("peer", "remote"), "the writer refused a stream, call or connection, or a connection ended with the certificate that it began with, or the peer refused the writer's stream"},
	{LogGap, "warn", setOf("missing"), 0, 0, "so many lines of this process, which belong here, could not be written"},
	{SocketRemade, "warn", setOf("reason"), 0, 0, "somebody removed the file of the socket for clients; the node made it again"},
	{SocketLost, "warn", setOf("reason"), 0, 0, "that file was removed or replaced, and cannot be made again for now: clients find the node by its port alone"},
	{Draining, "info", setOf("reason"), 0, 0, "the node takes no more requests and lets holders finish, since it is about to stop or somebody drains it; the reason says who"},
	{Undrained, "info", setOf("reason"), 0, 0, "it takes requests again"},

	{Request, "info", aboutLock | setOf("number"), tokenMayShow, 0, "a request begins; REQUEST is broadcast"},
	{RequestSent, "info", aboutLock | setOf("peer", "number"), tokenMayShow | setOf("repeat"), 0, "the writer hands REQUEST to the stream to one peer"},
	{RequestReceived, "info", aboutLock | setOf("peer", "number"), tokenMayShow, 0, "REQUEST came from a peer; RN already has its number"},
	{Ride, "info", aboutLock | setOf("number"), tokenMayShow, 0, "the writer leaves while others wait at it: its next request rides on the token and is not broadcast"},
	{PassedOver, "info", aboutLock | setOf("peer"), tokenMayShow, 0, "the peer is next to get the token but cannot be addressed: no stream, no known session, or no answer for a session's time to live"},
	{Withdraw, "info", aboutLock | setOf("number"), tokenMayShow, 0, "the last waiter for this request at the writer gave up; the request is not recalled"},
	{TokenMade, "info", aboutToken, shareKeys | carriedKeys, 0, "the token is made here, with hop 0"},
	{TokenSent, "info", aboutToken | setOf("peer", "session"), shareKeys | carriedKeys, 0, "the writer hands TOKEN to the stream to the peer; hop, LN and Q are the message's"},
	{TokenReceived, "info", aboutToken | setOf("peer"), shareKeys | carriedKeys, 0, "TOKEN came from the peer and is here now"},
	{TokenDropped, "info", aboutLock | setOf("epoch", "hop", "fence", "reason"), tokenMayShow | shareKeys | carriedKeys, 0, "the writer drops the token that was here, or that just came"},
	{Enter, "info", aboutToken, shareKeys | carriedKeys | setOf("number", "mode"), 0, "somebody at the writer enters the critical section; without number the token was here and no request was needed; with mode, others may be in beside it, and the token may go while it is in"},
	{Leave, "info", aboutToken, shareKeys | carriedKeys | setOf("mode"), 0, "the holder at the writer left; RN, LN and Q are those after the leave rule, unless it shared the lock (mode): then the token stays as it is"},
	{Lost, "info", aboutLock | setOf("fence"), tokenMayShow | setOf("mode"), 0, "the session lapsed while somebody at the writer was in the critical section"},
	{LockBroken, "warn", lockOnly | setOf("fence", "caller", "reason"), 0, 0, "somebody broke the lock: its holder is told; the holder leaves, or its hold expires"},
	{HoldExpired, "warn", lockOnly | setOf("fence", "caller", "reason"), setOf("times"), 0, "the holder was not heard of any more, or did not give the lock back when told; its hold ends"},
	{KeptHoldFreed, "warn", lockOnly | setOf("kept_hold", "caller", "reason"), 0, 0, "somebody says that this kept hold is over; if a member knows the hold, all are told"},
	{FilesChanged, "info", 0, 0, 0, "files of the node's settings, such as its certificate, have changed and were taken up"},
	{FilesRefused, "warn", setOf("reason"), 0, 0, "such files have changed and cannot be read: the node goes on with what it had"},
	{CertificateEnds, "warn", setOf("reason"), 0, 0, "the node's certificate ends soon, and with it all connections; written once a day in the last tenth of its life"},
	{RulesDiffer, "warn", setOf("peer"), 0, 0, "the peer has other rules of what clients may do (--allow): a client that is refused here may be let in there; written once for each difference"},
	{ClientRefused, "warn", setOf("caller", "reason"), 0, 0, "a client asked for what it may not do; written once a minute for each client"},

	{SessionStarted, "info", setOf("session"), 0, 0, "the session has begun: a quorum has granted the lease"},
	{SessionWarned, "info", setOf("session"), setOf("times"), 0, "the lease ends soon"},
	{SessionLapsed, "info", setOf("session", "reason"), setOf("times"), 0, "the lease ended, and every token here is dropped"},
	{SessionEnded, "info", setOf("session"), 0, 0, "the writer ended its session on purpose, by BYE"},
	{Guard, "info", setOf("peer", "session"), 0, 0, "the writer guards this session of the peer for the first time: it will not bury the peer for a while"},
	{Burial, "info", setOf("peer"), 0, 0, "the writer buries the peer: it answers none of its PINGs for a while"},
	{ByeReceived, "info", setOf("peer", "session"), 0, 0, "the peer ended its session on purpose"},

	{Probe, "info", lockOnly | setOf("number", "probe"), roundState | setOf("helper", "limit"), 0, "the writer looks for the token"},
	{ProbeSent, "info", lockOnly | setOf("peer", "number", "probe"), roundState | setOf("helper", "limit"), 0, "the writer hands the probe to the stream to one peer"},
	{ProbeReceived, "info", lockOnly | setOf("peer", "number", "probe"), roundState | setOf("helper", "limit"), 0, "a probe came; it counts as REQUEST with its number"},
	{Ballot, "info", lockOnly | setOf("number", "ballot", "distant"), roundState, 0, "the writer proposes to make the token anew"},
	{BallotSent, "info", lockOnly | setOf("peer", "number", "ballot", "distant"), roundState, 0, "the writer hands the ballot to the stream to one peer"},
	{BallotReceived, "info", lockOnly | setOf("peer", "number", "ballot", "distant"), roundState, 0, "a ballot came; it counts as REQUEST with its number"},
	{AnswerSent, "info", lockOnly | setOf("peer", "answer"), roundState | answerKeys | knownKeys, setOf("probe", "ballot"), "the writer hands an answer to the stream to the asker"},
	{AnswerReceived, "info", lockOnly | setOf("peer", "answer"), roundState | answerKeys | knownKeys, setOf("probe", "ballot"), "an answer came"},
	{RoundEnded, "info", lockOnly | setOf("reason"), roundState, setOf("probe", "ballot"), "the writer's probe or ballot failed"},
	{AbortSent, "info", lockOnly | setOf("peer", "ballot"), roundState, 0, "the writer gives up its ballot and releases the promises to it; handed to the stream to one peer"},
	{AbortReceived, "info", lockOnly | setOf("peer", "ballot"), roundState, 0, "the proposer gave up its ballot"},
	{LockForgotten, "info", lockOnly, roundState, 0, "the lock was idle for long and is forgotten"},

	{ShareEnter, "info", aboutLock | setOf("fence", "mode"), 0, 0, "somebody at the writer enters under its share, while the token is elsewhere; fence is the share's id"},
	{ShareLeave, "info", aboutLock | setOf("fence", "mode"), 0, 0, "somebody who shared the lock at the writer left, while the token is elsewhere"},
	{LimitSet, "info", lockOnly | setOf("limit", "caller"), 0, 0, "somebody has changed how many permits the lock has; written with evidence or without"},
	{RecallSent, "info", lockOnly | recallKeys, roundState | setOf("anyhow"), 0, "a token that waits for a share calls it in: the writer hands RECALL to the stream to the member that has the share, or to another that passes it on"},
	{RecallReceived, "info", lockOnly | recallKeys, roundState | setOf("anyhow"), 0, "RECALL came: nobody more enters under the share"},
	{DoneSent, "info", lockOnly | recallKeys | setOf("kept"), roundState, 0, "the writer hands DONE to the stream to the recaller, or to the member that passed RECALL on"},
	{DoneReceived, "info", lockOnly | recallKeys | setOf("kept"), roundState, 0, "DONE came: if the token is here with that share, so many permits of it are left, and with 0 it is struck"},

	{Leader, "info", lockOnly | sayKeys, roundState | setOf("value", "over", "reason"), 0, "the writer believes from now on that the holder at the peer, which may be the writer, leads and says the value; with a reason nobody said so: the leader is in doubt, or with over its session is over, or it was not said again on a new stream. Without evidence, only where a term begins, ends or is in doubt"},
	{SaySent, "info", lockOnly | sayKeys | setOf("session"), roundState | setOf("value", "over"), 0, "the holder at the writer says a value, or with over gives the lock back: the writer hands SAY to the stream to one peer; session is the writer's"},
	{SayReceived, "info", lockOnly | sayKeys | setOf("session"), roundState | setOf("value", "over"), 0, "SAY came from the peer"},

	{Witnessing, "info", lockOnly, setOf("epoch", "owner"), noteKeys, "a run or a kept hold is about to begin at the writer, or was ended there, and a quorum is to remember it; epoch is that of the writer's token"},
	{WitnessSent, "info", lockOnly | setOf("peer"), roundState | setOf("epoch", "owner"), noteKeys, "the writer hands WITNESS, which says what is to be remembered, to the stream to one peer; it is repeated until enough have answered"},
	{WitnessReceived, "info", lockOnly | setOf("peer"), roundState | setOf("epoch", "owner"), noteKeys, "WITNESS came from the peer"},
	{WitnessAnswerSent, "info", lockOnly | setOf("peer", "answer"), roundState | knownKeys | setOf("epoch"), noteKeys, "the writer hands its answer to WITNESS to the stream to the asker; run or kept_hold, and epoch, are those that were asked about; nack: a promise to a ballot above the epoch stands against it"},
	{WitnessAnswerReceived, "info", lockOnly | setOf("peer", "answer"), roundState | knownKeys | setOf("epoch"), noteKeys, "an answer to WITNESS came"},
	{NoteStoring, "info", lockOnly | setOf("serial"), carriedKeys, 0, "the writer puts on disk what it remembers of the lock"},
	{NotesStored, "info", setOf("serial"), 0, 0, "all notes up to this one are on disk"},
	{NoteForgotten, "info", lockOnly, 0, 0, "the writer forgets what it remembers of the lock's runs and kept holds, since that is as old as was asked for"},
	{Ran, "info", lockOnly | setOf("run"), 0, 0, "a waiter at the writer is not let in, since its tick needs no run, or was passed over; run is what forbids it"},
	{RunNoted, "info", lockOnly | setOf("run"), 0, 0, "a quorum remembers that the run, which ended at the writer, is done"},
	{RunNotNoted, "warn", lockOnly | setOf("run", "reason"), 0, 0, "that is not known, and never will be"},
	{Keeping, "warn", lockOnly | setOf("kept_hold"), setOf("owner"), 0, "the token is at the writer and carries a kept hold that nobody has any more: nobody gets the lock before the hold is freed or adopted"},
	{Unkept, "info", lockOnly | setOf("kept_hold"), 0, 0, "the token, which is at the writer, carries this kept hold no longer: it was freed, or is adopted now"},
	{Freed, "info", lockOnly | setOf("kept_hold"), 0, 0, "a quorum remembers that this kept hold is over, as somebody at the writer asked for"},
	{NotFreed, "warn", lockOnly | setOf("kept_hold", "reason"), 0, 0, "that is not known, or the node knows no such hold"},

	{MembershipAdopted, "info", setOf("membership", "cluster", "members", "member_ids", "ids", "floor"), setOf("next", "next_ids"), 0, "the writer goes by this membership from now on; of one that was on disk at the start, the line is written right after node_started"},
	{ChangeProposed, "info", setOf("membership", "round", "members"), setOf("ids", "caller"), 0, "the writer proposes another list in place of this membership's; without a caller, one that a member accepted before"},
	{MembersJoining, "info", setOf("membership", "awaited"), setOf("ask"), 0, "the writer asks all members whether they go by this joint membership alone, so that its second list can take the place of both"},
	{MemberDeparted, "info", setOf("membership", "session"), 0, 0, "the writer, which is not in the second list, has ended its session: nobody enters there any more; it goes on giving votes"},
	{NodeRemoved, "info", setOf("membership"), 0, 0, "the writer is in no list any more, and ends; its data directory will not start again"},
	{MembershipSent, "info", setOf("peer", "membership"), 0, 0, "the writer hands MEMBERSHIP, which tells its own, to the stream to one peer"},
	{MembershipReceived, "info", setOf("peer", "membership"), 0, 0, "MEMBERSHIP came from the peer"},
	{ChooseSent, "info", choiceKeys, 0, 0, "the writer hands CHOOSE, which asks for a promise, to the stream to one peer; membership is the one that is to change"},
	{ChooseReceived, "info", choiceKeys, 0, 0, "CHOOSE came from the peer"},
	{ChooseAnswerSent, "info", choiceKeys | setOf("answer"), 0, 0, "the writer hands its answer to CHOOSE to the stream to the proposer"},
	{ChooseAnswerReceived, "info", choiceKeys | setOf("answer"), 0, 0, "an answer to CHOOSE came"},
	{AcceptSent, "info", choiceKeys, setOf("members", "ids"), 0, "the writer hands ACCEPT, which proposes the list, to the stream to one peer"},
	{AcceptReceived, "info", choiceKeys, setOf("members", "ids"), 0, "ACCEPT came from the peer"},
	{AcceptAnswerSent, "info", choiceKeys | setOf("answer"), 0, 0, "the writer hands its answer to ACCEPT to the stream to the proposer"},
	{AcceptAnswerReceived, "info", choiceKeys | setOf("answer"), 0, 0, "an answer to ACCEPT came"},
	{JoinedSent, "info", joinedKeys, setOf("distant"), 0, "the writer hands JOINED, which asks whether the joint membership can be completed, to the stream to one peer"},
	{JoinedReceived, "info", joinedKeys, setOf("distant"), 0, "JOINED came from the peer"},
	{JoinedAnswerSent, "info", joinedKeys | setOf("answer"), setOf("buried"), 0, "the writer hands its answer to JOINED to the stream to the asker"},
	{JoinedAnswerReceived, "info", joinedKeys | setOf("answer"), setOf("buried"), 0, "an answer to JOINED came"},
	{SyncSent, "info", setOf("peer", "membership"), 0, 0, "the writer hands SYNC, which asks for notes, to the stream to one peer"},
	{SyncReceived, "info", setOf("peer", "membership"), 0, 0, "SYNC came from the peer"},
	{SyncAnswerSent, "info", setOf("peer", "membership"), 0, 0, "the writer hands notes that SYNC asked for to the stream to the asker"},
	{SyncAnswerReceived, "info", setOf("peer", "membership"), 0, 0, "notes that SYNC asked for came"},
}

var (
	answerKeys = setOf("number", "waiting", "buried", "buriable", "limit", "limit_by", "share")
	recallKeys = setOf("peer", "share", "recaller")
	sayKeys    = setOf("peer", "fence", "count")
	choiceKeys = setOf("peer", "membership", "round")
	joinedKeys = setOf("peer", "membership", "ask")
)

var shapeOf = func() map[string]*shape {
	byEvent := make(map[string]*shape, len(shapes))
	for i := range shapes {
		byEvent[shapes[i].event] = &shapes[i]
	}
	return byEvent
}()
