package stepper

// Rule is what a step of the algorithm obeys, for those who learn it.
type Rule struct {
	ID     string `json:"id"`
	Source string `json:"source"` // where it is from
	Text   string `json:"text"`
}

// The rules' names.
const (
	ruleAsk       = "ask"
	ruleRequest   = "request"
	ruleEnter     = "enter"
	ruleLeave     = "leave"
	rulePass      = "pass"
	ruleRide      = "ride"
	ruleWithdraw  = "withdraw"
	ruleSession   = "session"
	ruleLapse     = "lapse"
	ruleAddressed = "addressed"
	rulePassOver  = "pass-over"
	ruleStart     = "start"
	ruleStreams   = "streams"
	ruleProbe     = "probe"
	ruleBallot    = "ballot"
	rulePromise   = "promise"
	ruleBury      = "bury"
	ruleMake      = "make"
	ruleEnd       = "end"
	ruleShare     = "share"
	ruleUnder     = "under-share"
	ruleRecall    = "recall"
	ruleDone      = "done"
	ruleLimit     = "limit"
	ruleDuplicate = "duplicate"
)

const (
	fromPaper    = "Suzuki–Kasami 1985"
	fromSessions = "Sessions"
	fromRounds   = "Rounds"
	fromShares   = "Shares"
	fromSetting  = "Setting"
)

// ruleTexts holds the rules in the order in which they are shown.
var ruleTexts = []Rule{
	{ruleAsk, fromPaper, "Asking, without the token: raise RN[i] by one and send REQUEST(i, RN[i]) to all others."},
	{ruleRequest, fromPaper, "On REQUEST(j, n): RN[j] becomes the higher of RN[j] and n. If the token is here, idle, and RN[j] is above LN[j], send it to j."},
	{ruleEnter, fromPaper, "The token has come: enter the critical section. Each grant raises the fence by one, which is ours: a resource can refuse a holder that overslept."},
	{ruleLeave, fromPaper, "Leaving: LN[i] becomes RN[i]; append to Q every j that is not in it and has RN[j] above LN[j], from the next member around; send the token to the head of Q."},
	{rulePass, fromPaper, "The token goes from node to node in one message, and carries LN and Q."},
	{ruleRide, fromPaper, "Whoever leaves while more clients wait at the same node appends itself to Q and sends no REQUEST: its next request rides on the token."},
	{ruleWithdraw, fromPaper, "A request whose client gave up is not recalled: the token comes, and goes on at once."},
	{ruleSession, fromSessions, "A node asks for, holds or passes a token only inside a session: a lease from a quorum of members, which it renews by heartbeats every quarter of T. Here T is 2 s."},
	{ruleLapse, fromSessions, "A lapse is final: whoever finds its lease over drops every token it has and tells its clients; its next session has a higher number."},
	{ruleAddressed, fromSessions, "The token is addressed to a node and its session. Where that session is over, the token is dropped."},
	{rulePassOver, fromSessions, "A head of Q that cannot be addressed is passed over. RN above LN brings it back."},
	{ruleStart, fromSessions, "After its start a node guards nobody, buries nobody and begins no session until T has passed, or everybody else has told it that they have no session."},
	{ruleStreams, fromSetting, "A stream delivers in order and at most once, and loses what is on it when it ends. A new one begins with the requests that are still out. A lost token is not sent again: a round finds it missing."},
	{ruleProbe, fromRounds, "Who waits without a sign of the token asks everybody where it is. Only if each says NONE, or is silent and could be buried by a quorum, a ballot follows. A probe counts as a REQUEST, too."},
	{ruleBallot, fromRounds, "A ballot asks every member to promise: take no token below this number any more. It names the members who are out of reach."},
	{rulePromise, fromRounds, "Who has the token answers HOLD; who promised or knows something as high, refuses; anyone else promises, and says whether it waits."},
	{ruleBury, fromRounds, "Who promises also buries the members out of reach whose guard is over: for T it answers no heartbeat of theirs, so that they have no session."},
	{ruleMake, fromRounds, "Once every member has promised or is buried by a quorum, nothing of the old token is left, and the proposer makes a new one: LN and Q from what the members told, the fence far above all before."},
	{ruleEnd, fromRounds, "A round that meets the token, a higher promise, a lapse or its time limit ends, and takes the promises back."},
	{ruleShare, fromShares, "Readers, and the holders of permits, may be in beside each other. Whoever shares the lock enters when the token is here, nobody is in alone, and a permit is free. The node writes its share into the token, which goes on at once, while its clients are in."},
	{ruleUnder, fromShares, "Without the token, a node lets its clients in under the share that it has, as far as its permits go and unless it was recalled. This takes no message."},
	{ruleRecall, fromShares, "Whoever wants the lock alone waits, with the token, until it carries no share of others; whoever wants a permit, until one is free. Meanwhile RECALL goes to all who have a share: they let in nobody more."},
	{ruleDone, fromShares, "DONE says how many are still in under a share that was recalled. The token's share gets as small as that; with 0 it is struck."},
	{ruleLimit, fromShares, "The first to share a lock says how: readers, or so many permits. Whoever wants another limit is refused."},
	{ruleDuplicate, fromSetting, "No network that the algorithm is made for does this. See what the checks say."},
}
