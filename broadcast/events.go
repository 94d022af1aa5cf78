package broadcast

import (
	"cmp"
	"fmt"

	"github.com/rs/zerolog"

	"conch/token"
)

// effect writes the line for an effect, if there is one for its kind.
func (l *eventLog) effect(e *token.Effect) {
	switch {
	case l.evidence:
		l.step(e)
	case !l.quiet:
		l.incident(e)
	}
}

// incident writes a line for an effect that an operator wants to hear of, with evidence or
// without: sessions, losses, leaders, kept holds, and members that leave or are buried.
func (l *eventLog) incident(e *token.Effect) {
	switch e.Kind {
	case token.Revoke, token.Began, token.Lapsed, token.Gone, token.Buried:
		l.lease(e)
	case token.Led:
		if e.Fence != 0 || e.Message.Saying.None || e.Reason != "" {
			l.leader(e)
		}
	case token.Keeping:
		// While several members wait for the lock, the token comes here again and again.
		if l.told[e.Lock] != e.Fence {
			l.told[e.Lock] = e.Fence
			l.keeping(e)
		}
	case token.Unkept:
		delete(l.told, e.Lock)
		l.keeping(e)
	case token.Store:
		if e.Notes.Kept.Over {
			delete(l.told, e.Lock)
		}
	case token.Freed:
		l.keeping(e)
	case token.RunNoted:
		if e.Reason != "" {
			l.runNoted(e)
		}
	case token.Received:
		if e.Message.Kind == token.Bye {
			l.message(e, receivedEvents[:])
		}
	default:
		l.memberStep(e)
	}
}

// step writes a line for each step of the algorithm, and for each incident.
func (l *eventLog) step(e *token.Effect) {
	switch e.Kind {
	case token.Send:
		l.message(e, sentEvents[:])
	case token.Received:
		l.message(e, receivedEvents[:])
	case token.Grant, token.Left, token.Made:
		l.tokenHere(e)
	case token.Dropped:
		l.dropped(e)
	case token.Asked:
		l.own(e, "request", "request begins")
	case token.Rode:
		l.own(e, "ride", "next request rides on the token")
	case token.Withdrew:
		l.own(e, "withdraw", "nobody here waits any more")
	case token.PassedOver:
		line := l.about(e, "passed_over")
		l.state(line, e)
		line.Msg("peer cannot be addressed, passed over")
	case token.Probed, token.Balloted, token.Ended, token.Forgot:
		l.round(e)
	case token.Led:
		l.leader(e)
	default:
		if !l.noteStep(e) && !l.memberStep(e) {
			l.lease(e)
		}
	}
}

// own writes a line about the node's own request.
func (l *eventLog) own(e *token.Effect, event, text string) {
	line := l.about(e, event)
	l.number(line, e.Number)
	l.state(line, e)
	line.Msg(text)
}

// state adds what the node knew about the lock.
func (l *eventLog) state(line *zerolog.Event, e *token.Effect) {
	l.numbers(line, "request_numbers", e.State.RequestNumbers)
	l.tokenState(line, e.State.LastGranted, e.State.Queue)
}

// tokenHere writes a line about the token at this node. The token may have changed since;
// the effect has its hop and fence as they were.
func (l *eventLog) tokenHere(e *token.Effect) {
	switch {
	case e.Kind == token.Grant && e.Fence == 0:
		return // see limitSet
	case e.Message.Token == nil:
		l.underShare(e)
		return
	}
	var line *zerolog.Event
	var text string
	switch e.Kind {
	case token.Grant:
		line, text = l.about(e, "enter"), "entered the critical section"
		if e.Number != (token.Number{}) { // else the token was here, and nobody asked
			l.number(line, e.Number)
		}
	case token.Left:
		line, text = l.about(e, "leave"), "left the critical section"
	default:
		line, text = l.about(e, "token_made"), "token made"
	}
	l.mode(line, e.Limit)
	l.token(line, e.Message.Token.Epoch, e.Hop, e.Fence)
	l.state(line, e)
	l.shares(line, e.Message.Token)
	l.carried(line, e.Message.Token)
	line.Msg(text)
}

// dropped writes a line about a destroyed token.
func (l *eventLog) dropped(e *token.Effect) {
	t := e.Message.Token
	line := l.about(e, "token_dropped")
	l.token(line, t.Epoch, t.Hop, t.Fence)
	l.numbers(line, "request_numbers", e.State.RequestNumbers)
	l.tokenState(line, t.LastGranted, t.Queue)
	l.shares(line, t)
	l.carried(line, t)
	line.Str("reason", e.Reason).Msg("token dropped")
}

// lease writes a line about sessions.
func (l *eventLog) lease(e *token.Effect) {
	switch e.Kind {
	case token.Revoke:
		l.lost(e.Lock, e.Fence, e.Limit, e.State.RequestNumbers)
	case token.Began:
		l.session("session_started", e.Session).Msg("session begins")
	case token.Lapsed:
		l.session("session_lapsed", e.Session).Str("reason", l.whyLapsed(e)).Str("times", l.times()).Msg("session lapsed")
	case token.Gone:
		switch e.Reason {
		case token.ReasonRemoved:
			l.removed()
		case token.ReasonStranger: // the driver fails
		default:
			l.session("session_ended", e.Session).Msg("session ended on purpose")
		}
	case token.Guarded:
		line := l.session("guard", e.Session)
		line.Str("peer", l.address(e.Peer)).Msg("session of peer guarded")
	case token.Buried:
		l.info("burial").Str("peer", l.address(e.Peer)).Msg("peer buried")
	}
}

// whyLapsed says why a session is over, and what to do about it.
func (l *eventLog) whyLapsed(e *token.Effect) string {
	if e.Reason != token.ReasonUsed {
		return "lease ran out"
	}
	return fmt.Sprintf("%s says that another process of this node had session %d: was an older copy of %s put in its place, "+
		"or does a second node run under this address? stop that one; this one goes on above that number",
		l.address(e.Peer), e.Known, cmp.Or(l.memory, "this machine's clock"))
}

// round writes a line about a round of this node, or about a forgotten lock.
func (l *eventLog) round(e *token.Effect) {
	switch e.Kind {
	case token.Probed:
		line := l.about(e, "probe")
		l.probe(line, &e.Message)
		l.state(line, e)
		line.Msg("search for the token begins")
	case token.Balloted:
		line := l.about(e, "ballot")
		l.ballot(line, &e.Message)
		l.state(line, e)
		line.Msg("ballot begins")
	case token.Ended:
		line := l.about(e, "round_ended")
		l.epoch(line, "ballot", e.Message.Ballot)
		line.Str("reason", e.Reason).Msg("round came to nothing")
	case token.Forgot:
		l.about(e, "lock_forgotten").Msg("lock forgotten")
	}
}

// eventText is the name of an event, and the message of its lines.
type eventText struct {
	event, text string
}

// The events of sent and received messages. The other messages come all the time and have
// no lines.
var (
	sentEvents = [...]eventText{
		token.Request:      {"request_sent", "request sent"},
		token.TokenMessage: {"token_sent", "token sent"},
		token.Probe:        {"probe_sent", "probe sent"},
		token.ProbeAnswer:  {"answer_sent", "answer sent"},
		token.Ballot:       {"ballot_sent", "ballot sent"},
		token.BallotAnswer: {"answer_sent", "answer sent"},
		token.Abort:        {"abort_sent", "abort sent"},
		token.Recall:       {"recall_sent", "recall sent"},
		token.Done:         {"done_sent", "done sent"},
		token.Say:          {"say_sent", "value sent"},

		token.Witness:       {"witness_sent", "note sent to be remembered"},
		token.WitnessAnswer: {"witness_answer_sent", "answer about a note sent"},

		token.MembershipMessage: {"membership_sent", "own membership sent"},
		token.Choose:            {"choose_sent", "promise asked for, to choose the next members"},
		token.ChooseAnswer:      {"choose_answer_sent", "answer about the next members sent"},
		token.Accept:            {"accept_sent", "proposal of the next members sent"},
		token.AcceptAnswer:      {"accept_answer_sent", "answer to a proposal sent"},
		token.Joined:            {"joined_sent", "member asked whether it has joined"},
		token.JoinedAnswer:      {"joined_answer_sent", "told whether this member has joined"},
		token.Sync:              {"sync_sent", "notes asked for"},
		token.SyncAnswer:        {"sync_answer_sent", "notes sent"},
	}
	receivedEvents = [...]eventText{
		token.Request:      {"request_received", "request received"},
		token.TokenMessage: {"token_received", "token received"},
		token.Bye:          {"bye_received", "peer leaves on purpose"},
		token.Probe:        {"probe_received", "probe received"},
		token.ProbeAnswer:  {"answer_received", "answer received"},
		token.Ballot:       {"ballot_received", "ballot received"},
		token.BallotAnswer: {"answer_received", "answer received"},
		token.Abort:        {"abort_received", "abort received"},
		token.Recall:       {"recall_received", "recall received"},
		token.Done:         {"done_received", "done received"},
		token.Say:          {"say_received", "value received"},

		token.Witness:       {"witness_received", "note received to be remembered"},
		token.WitnessAnswer: {"witness_answer_received", "answer about a note received"},

		token.MembershipMessage: {"membership_received", "membership of a peer received"},
		token.Choose:            {"choose_received", "asked for a promise, to choose the next members"},
		token.ChooseAnswer:      {"choose_answer_received", "answer about the next members received"},
		token.Accept:            {"accept_received", "proposal of the next members received"},
		token.AcceptAnswer:      {"accept_answer_received", "answer to a proposal received"},
		token.Joined:            {"joined_received", "asked whether this member has joined"},
		token.JoinedAnswer:      {"joined_answer_received", "told whether a member has joined"},
		token.Sync:              {"sync_received", "asked for notes"},
		token.SyncAnswer:        {"sync_answer_received", "notes received"},
	}
)

// message writes a line about a message that was sent or received.
func (l *eventLog) message(e *token.Effect, events []eventText) {
	m := &e.Message
	if int(m.Kind) >= len(events) || events[m.Kind].event == "" {
		return
	}
	line := l.about(e, events[m.Kind].event)
	if line == nil {
		return
	}
	switch m.Kind {
	case token.Request:
		l.number(line, m.Number)
		if e.Repeat {
			line.Bool("repeat", true)
		}
	case token.TokenMessage:
		l.tokenMoved(line, e)
		line.Msg(events[m.Kind].text)
		return
	case token.Bye:
		l.decimal(line, "session", uint64(m.Session))
	case token.Probe:
		l.probe(line, m)
	case token.Ballot:
		l.ballot(line, m)
	case token.ProbeAnswer:
		l.probeAnswer(line, m)
	case token.BallotAnswer:
		l.ballotAnswer(line, m)
	case token.Abort:
		l.epoch(line, "ballot", m.Ballot)
	case token.Recall, token.Done:
		l.recall(line, m)
	case token.Say:
		l.decimal(line, "session", uint64(m.Saying.Session))
		l.saying(line, m.Saying)
	case token.Witness:
		l.note(line, m)
	case token.WitnessAnswer:
		l.witnessAnswer(line, m)
	case token.MembershipMessage, token.Choose, token.ChooseAnswer, token.Accept, token.AcceptAnswer,
		token.Joined, token.JoinedAnswer, token.Sync, token.SyncAnswer:
		l.change(line, m)
	}
	l.state(line, e)
	line.Msg(events[m.Kind].text)
}

// tokenMoved adds a token that was sent or received.
func (l *eventLog) tokenMoved(line *zerolog.Event, e *token.Effect) {
	t := e.Message.Token
	if e.Kind == token.Received {
		t = &l.arrived
	}
	l.token(line, t.Epoch, t.Hop, t.Fence)
	if e.Kind == token.Send {
		l.decimal(line, "session", uint64(e.Message.Session))
	}
	l.numbers(line, "request_numbers", e.State.RequestNumbers)
	l.tokenState(line, t.LastGranted, t.Queue)
	l.shares(line, t)
	l.carried(line, t)
}

func (l *eventLog) probe(line *zerolog.Event, m *token.Message) {
	l.number(line, m.Number)
	l.decimal(line, "probe", m.Probe)
	if m.Helper != token.NoMember {
		line.Str("helper", l.address(m.Helper))
	}
	l.limit(line, "limit", m.Limit)
}

func (l *eventLog) ballot(line *zerolog.Event, m *token.Message) {
	l.number(line, m.Number)
	l.epoch(line, "ballot", m.Ballot)
	l.list(line, "distant", m.Members)
}

func (l *eventLog) probeAnswer(line *zerolog.Event, m *token.Message) {
	l.decimal(line, "probe", m.Probe)
	switch m.Answer {
	case token.Hold:
		line.Str("answer", "hold")
	case token.Recent:
		line.Str("answer", "recent")
	case token.None:
		line.Str("answer", "none")
	}
	l.list(line, "buriable", m.Members)
	l.limit(line, "limit", m.Limit)
}

func (l *eventLog) ballotAnswer(line *zerolog.Event, m *token.Message) {
	l.epoch(line, "ballot", m.Ballot)
	switch m.Answer {
	case token.Hold:
		line.Str("answer", "hold")
	case token.Outbid, token.TooLow:
		line.Str("answer", "nack")
	case token.Promise:
		line.Str("answer", "promise")
		l.number(line, m.Number)
		line.Bool("waiting", m.Waiting)
		l.list(line, "buried", m.Members)
		l.promised(line, m)
		l.known(line, m.Note)
	}
}
