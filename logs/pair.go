package logs

import (
	"cmp"
	"slices"
)

// pairKey is what a send and its receive have in common. It names both ends, so
// that all sends with one key are of one node, and all receives too.
type pairKey struct {
	message  string // the event of the send, without "_sent"
	lock     string
	from, to string
	number   Number
	epoch    Epoch
	count    uint64 // hop, probe, kept, count or membership
	fence    uint64 // of what a leader says; or ask
	share    Share
	recaller string
	note     string // what WITNESS and its answer are about; or answer
}

// send and receive events, by the message that they are about.
var (
	sends = map[string]string{
		MembershipSent: "membership", ChooseSent: "choose", ChooseAnswerSent: "choose-answer", AcceptSent: "accept",
		AcceptAnswerSent: "accept-answer", JoinedSent: "joined", JoinedAnswerSent: "joined-answer", SyncSent: "sync",
		SyncAnswerSent: "sync-answer", RequestSent: "request", TokenSent: "token", ProbeSent: "probe",
		BallotSent: "ballot", AnswerSent: "answer", AbortSent: "abort", RecallSent: "recall",
		DoneSent: "done", SaySent: "say", WitnessSent: "witness", WitnessAnswerSent: "witness-answer",
	}
	receives = map[string]string{
		MembershipReceived: "membership", ChooseReceived: "choose", ChooseAnswerReceived: "choose-answer", AcceptReceived: "accept",
		AcceptAnswerReceived: "accept-answer", JoinedReceived: "joined", JoinedAnswerReceived: "joined-answer", SyncReceived: "sync",
		SyncAnswerReceived: "sync-answer", RequestReceived: "request", TokenReceived: "token", ProbeReceived: "probe",
		BallotReceived: "ballot", AnswerReceived: "answer", AbortReceived: "abort", RecallReceived: "recall",
		DoneReceived: "done", SayReceived: "say", WitnessReceived: "witness", WitnessAnswerReceived: "witness-answer",
	}
)

// Sent reports whether the event is a message's sending.
func (e *Event) Sent() bool { return sends[e.Kind] != "" }

// Received reports whether the event is a message's receipt.
func (e *Event) Received() bool { return receives[e.Kind] != "" }

func (e *Event) pairKey() pairKey {
	k := pairKey{lock: e.Lock, from: e.Node, to: e.Peer}
	if k.message = sends[e.Kind]; k.message == "" {
		k.message = receives[e.Kind]
		k.from, k.to = e.Peer, e.Node
	}
	switch k.message {
	case "request":
		k.number = e.Number
	case "token":
		k.epoch, k.count = e.Epoch, e.Hop
	case "recall", "done":
		k.share, k.recaller, k.count = e.Shared.Share, e.Shared.Recaller, e.Shared.Kept
	case "say":
		k.fence, k.count = e.Fence, e.Count
	case "witness":
		k.note, k.epoch = e.Noted.about(), e.Epoch
	case "witness-answer":
		k.note, k.epoch = e.Answer+" "+e.Noted.about(), e.Epoch
	default:
		k.epoch, k.count = e.Ballot, e.Probe
		if n := e.Listing; n != nil {
			k.epoch, k.count, k.fence, k.note = n.Round, n.Version, n.Ask, e.Answer
		}
	}
	return k
}

// pair finds the send of each receive.
//
// Several sends have one key where a request was repeated on a new stream, and the
// streams lost some of them. Streams are FIFO and an older one is silenced by a
// newer, so the i-th receive is at the earliest of the i-th send: pairing these two
// states nothing false, even if it was a later copy that came.
func (r *Run) pair() {
	pending := make(map[pairKey][]*Event) // sends not yet paired, in order
	numbered := 0
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if e.Sent() {
				k := e.pairKey()
				pending[k] = append(pending[k], e)
			}
			numbered++
		}
	}
	var orphans []*Event
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if !e.Received() {
				continue
			}
			k := e.pairKey()
			queue := pending[k]
			if len(queue) == 0 {
				orphans = append(orphans, e)
				continue
			}
			if !r.certain(queue[0]) {
				continue
			}
			e.Cause, queue[0].Receipt = queue[0], e
			pending[k] = queue[1:]
		}
	}
	r.pairDropped(pending)
	r.reportOrphans(orphans)
	r.findUnreceived()
}

// certain reports whether a sending is the first of its message for certain. Where lines
// of the sender are missing, a message that is sent again on new streams, which are
// requests, probes and answers to them, and values, or again and again, which are RECALL and DONE,
// WITNESS and its answers, and what changes the members, may have been sent before: then a
// receipt need not have happened after the sending that is there.
func (r *Run) certain(sent *Event) bool {
	switch sent.Kind {
	case RequestSent:
		return !sent.Repeat || !r.partialBefore(sent.Life)
	case RecallSent, DoneSent, SaySent, WitnessSent, WitnessAnswerSent:
		return !r.partialBefore(sent.Life)
	}
	return !sent.Has("probe") && sent.Listing == nil || !r.partialBefore(sent.Life)
}

// partialBefore reports whether lines of a process are missing for certain, or of an earlier
// one of its node, which counts its probes from 1 as well.
func (r *Run) partialBefore(life *Life) bool {
	for i := life.Index; i >= 0 && r.Lives[i].Node == life.Node; i-- {
		if r.Lives[i].partial() {
			return true
		}
	}
	return false
}

// pairDropped pairs the sending of a token with the line that says that it was
// dropped as it came.
func (r *Run) pairDropped(pending map[pairKey][]*Event) {
	arrived := make(map[tokenPosition]*Event) // tokens still on their way, by position
	for k, queue := range pending {
		if k.message == "token" && len(queue) > 0 {
			arrived[queue[0].tokenPosition(k.to)] = queue[0]
		}
	}
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if e.Kind != TokenDropped {
				continue
			}
			if sent := arrived[e.tokenPosition(e.Node)]; sent != nil && sent.Receipt == nil {
				e.Cause, sent.Receipt = sent, e
			}
		}
	}
}

// tokenPosition is where a token is after a hop.
type tokenPosition struct {
	lock  string
	epoch Epoch
	hop   uint64
	node  string
}

// tokenPosition is the position that a line gives its token, which is at a node.
func (e *Event) tokenPosition(node string) tokenPosition {
	return tokenPosition{lock: e.Lock, epoch: e.Epoch, hop: e.Hop, node: node}
}

// reportOrphans reports receives without a send. Those from a member whose file is
// missing altogether go without saying.
//
// A request that names a session of which its asker's file has no trace comes from
// a process that is not in the files: they are of different runs.
func (r *Run) reportOrphans(orphans []*Event) {
	traces := make(map[string]map[uint64]bool) // sessions by node
	partial, quiet := make(map[string]bool), make(map[string]bool)
	for _, life := range r.Lives {
		partial[life.Node] = partial[life.Node] || life.partial()
		quiet[life.Node] = quiet[life.Node] || life.quiet()
		known := traces[life.Node]
		if known == nil {
			known = make(map[uint64]bool)
			traces[life.Node] = known
		}
		for _, e := range life.Events {
			switch e.Kind {
			case NodeStarted, SessionStarted, SessionLapsed, SessionEnded:
				known[e.Session] = true
			case Request, Ride, Enter, RequestSent:
				known[e.Number.Session] = true
			}
		}
	}
	for _, e := range orphans {
		known := traces[e.Peer]
		switch {
		case known == nil || quiet[e.Peer]: // said once for the whole file
		case e.Kind == RequestReceived && !known[e.Number.Session] && !partial[e.Peer]:
			r.Findings = append(r.Findings, found(Foreign, e,
				"%s received a request of session %d of %s, but the files have no such session of %s: they are of different runs; give the files of one run, whole", e.Node, e.Number.Session, e.Peer, e.Peer))
		default:
			r.Findings = append(r.Findings, found(Gap, e,
				"%s received what %s did not send by its own lines: a line is missing from the file of %s; give it as the node wrote it", e.Node, e.Peer, e.Peer))
		}
	}
}

// findUnreceived reports messages that must have come, since a later one on the
// same stream came, and of whose receipt there is no line.
//
// Only REQUEST and TOKEN are judged, whose receipt is always logged, and only
// those sent once: of a repeated message it is open which copy came.
func (r *Run) findUnreceived() {
	type stream struct{ from, to string }
	copies := make(map[pairKey]int)
	judged := func(e *Event) bool { return e.Kind == RequestSent || e.Kind == TokenSent }
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if judged(e) {
				copies[e.pairKey()]++
			}
		}
	}
	for _, life := range r.Lives {
		waiting := make(map[stream][]*Event) // sent on the present stream, no receipt
		for _, e := range life.Events {
			s := stream{e.Node, e.Peer}
			switch {
			case e.Kind == PeerLost || e.Kind == PeerConnected:
				delete(waiting, s)
			case !judged(e) || copies[e.pairKey()] > 1 || !r.present(e.Peer) || !r.certain(e):
			case e.Receipt == nil:
				waiting[s] = append(waiting[s], e)
			default:
				for _, lost := range waiting[s] {
					r.Findings = append(r.Findings, found(Gap, lost,
						"came to %s for certain, since what %s sent there next came (%s), but no line says so: a line is missing from the file of %s", e.Peer, e.Node, e.Receipt.Position(), e.Peer))
				}
				delete(waiting, s)
			}
		}
	}
}

// present reports whether the files have lines of a node, for each of its messages.
func (r *Run) present(node string) bool {
	at, found := slices.BinarySearchFunc(r.Lives, node, func(l *Life, node string) int { return cmp.Compare(l.Node, node) })
	for ; found && at < len(r.Lives) && r.Lives[at].Node == node; at++ {
		if r.Lives[at].quiet() {
			return false
		}
	}
	return found
}
