package wire

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// Decoder checks what a peer sends and converts it to messages of the algorithm. A message
// that passes makes sense by itself, in this cluster; whether it is true, the decoder
// cannot know.
type Decoder struct {
	// Members is how many members the cluster has; if they change, above each ID that the
	// sender may name. A decoded MEMBERSHIP raises it.
	Members int
	// Changes: the members may change.
	Changes bool
	// Self is the member that decodes, From the one that sends.
	Self, From token.Member
	// MaxBallot returns the highest ballot number that is plausible now.
	MaxBallot func() uint64
}

// Messages decodes the messages that follow HELLO. It returns none if one is wrong.
func (d *Decoder) Messages(messages []*peerv1.Message) ([]token.Message, error) {
	decoded := make([]token.Message, len(messages))
	for i, m := range messages {
		var err error
		if decoded[i], err = d.message(m); err != nil {
			return nil, fmt.Errorf("message %d of %d in a frame: %w", i+1, len(messages), err)
		}
	}
	return decoded, nil
}

func (d *Decoder) message(wire *peerv1.Message) (m token.Message, err error) {
	switch kind := wire.GetKind().(type) {
	case *peerv1.Message_Ping:
		m, err = d.ping(kind.Ping)
	case *peerv1.Message_Pong:
		m, err = d.pong(kind.Pong)
	case *peerv1.Message_Busy:
		m, err = d.busy(kind.Busy)
	case *peerv1.Message_Clear:
		m, err = d.clear(kind.Clear)
	case *peerv1.Message_Bye:
		m, err = d.bye(kind.Bye)
	case *peerv1.Message_Known:
		m, err = d.known(kind.Known)
	case *peerv1.Message_Request:
		m, err = d.request(kind.Request)
	case *peerv1.Message_Token:
		m, err = d.token(kind.Token)
	case *peerv1.Message_Probe:
		m, err = d.probe(kind.Probe)
	case *peerv1.Message_ProbeAnswer:
		m, err = d.probeAnswer(kind.ProbeAnswer)
	case *peerv1.Message_Ballot:
		m, err = d.ballot(kind.Ballot)
	case *peerv1.Message_BallotAnswer:
		m, err = d.ballotAnswer(kind.BallotAnswer)
	case *peerv1.Message_Abort:
		m, err = d.abort(kind.Abort)
	case *peerv1.Message_Recall:
		m, err = d.recall(kind.Recall)
	case *peerv1.Message_Done:
		m, err = d.done(kind.Done)
	case *peerv1.Message_Say:
		m, err = d.say(kind.Say)
	case *peerv1.Message_Witness:
		m, err = d.witness(kind.Witness)
	case *peerv1.Message_WitnessAnswer:
		m, err = d.witnessAnswer(kind.WitnessAnswer)
	case *peerv1.Message_Hello:
		return token.Message{}, errors.New("a second HELLO")
	default:
		var ok bool
		if m, ok, err = d.change(wire); !ok {
			return token.Message{}, errors.New("a message without a kind that this version knows")
		}
	}
	if err != nil {
		return token.Message{}, fmt.Errorf("%v: %w", m.Kind, err)
	}
	return m, nil
}

func (d *Decoder) request(w *peerv1.Request) (token.Message, error) {
	m := token.Message{Kind: token.Request, Lock: w.GetLock(), Number: decodeNumber(w.GetNumber())}
	return m, cmp.Or(CheckName(m.Lock), checkRequested(m.Number))
}

func (d *Decoder) token(w *peerv1.Token) (token.Message, error) {
	m := token.Message{Kind: token.TokenMessage, Lock: w.GetLock(), Session: token.Session(w.GetSession())}
	t := &token.Token{
		Epoch: decodeEpoch(w.GetEpoch()),
		Hop:   w.GetHop(),
		Fence: token.Fence(w.GetFence()),
	}
	switch {
	case m.Session == 0:
		return m, errors.New("addressed to session 0")
	case t.Hop == 0:
		return m, errors.New("hop 0; want from 1")
	case len(w.GetLastGranted()) > d.Members || len(w.GetLastGranted()) < d.Members && !d.Changes:
		return m, fmt.Errorf("%d numbers last granted; want %d", len(w.GetLastGranted()), d.Members)
	}
	// A token that was made before the latest members came has none for them.
	t.LastGranted = make([]token.Number, d.Members)
	for i, n := range w.GetLastGranted() {
		t.LastGranted[i] = decodeNumber(n)
		if err := checkNumber(t.LastGranted[i]); err != nil {
			return m, fmt.Errorf("last granted: %w", err)
		}
	}
	switch {
	case uint64(t.Fence)>>token.FenceBits != t.Epoch.Number:
		return m, fmt.Errorf("fence %d in epoch %d; want one whose high %d bits are the epoch", t.Fence, t.Epoch.Number, 64-token.FenceBits)
	case uint64(t.Fence)&token.MaxFencesPerEpoch == token.MaxFencesPerEpoch: // such a token is dropped, and not sent
		return m, fmt.Errorf("fence %d, which is the last of its epoch; want one that leaves another", t.Fence)
	}
	var err error
	t.Queue, err = d.list("queue", w.GetQueue())
	m.Token = t
	return m, cmp.Or(CheckName(m.Lock), checkSession(m.Session), d.checkEpoch(t.Epoch), err, d.shares(t, w), d.carried(t, w))
}

func (d *Decoder) ping(w *peerv1.Ping) (token.Message, error) {
	m := token.Message{
		Kind:    token.Ping,
		Session: token.Session(w.GetSession()),
		Begun:   w.GetBegun(),
		Stamp:   token.Time(w.GetStamp()),
	}
	return m, cmp.Or(checkSession(m.Session), decodeIncarnation(&m.Incarnation, w.GetIncarnation()))
}

func (d *Decoder) pong(w *peerv1.Pong) (token.Message, error) {
	m := token.Message{Kind: token.Pong, Stamp: token.Time(w.GetStamp())}
	return m, decodeIncarnation(&m.Incarnation, w.GetIncarnation())
}

func (d *Decoder) busy(w *peerv1.Busy) (token.Message, error) {
	m := token.Message{Kind: token.Busy, Locks: w.GetLocks()}
	for _, lock := range m.Locks {
		if err := CheckName(lock); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (d *Decoder) clear(w *peerv1.Clear) (token.Message, error) {
	m := token.Message{Kind: token.Clear}
	return m, decodeIncarnation(&m.Incarnation, w.GetIncarnation())
}

func (d *Decoder) bye(w *peerv1.Bye) (token.Message, error) {
	m := token.Message{Kind: token.Bye, Session: token.Session(w.GetSession())}
	return m, checkSession(m.Session)
}

func (d *Decoder) known(w *peerv1.Known) (token.Message, error) {
	// Not refused if too high, as in HELLO.
	m := token.Message{Kind: token.Known, Session: token.Session(min(w.GetSession(), MaxKnownSession))}
	return m, decodeIncarnation(&m.Incarnation, w.GetIncarnation())
}

func (d *Decoder) probe(w *peerv1.Probe) (token.Message, error) {
	m := token.Message{
		Kind:   token.Probe,
		Lock:   w.GetLock(),
		Number: decodeNumber(w.GetNumber()),
		Probe:  w.GetProbe(),
		Helper: token.Member(w.GetHelper()) - 1,

		Limit:   token.Limit(w.GetLimit()),
		LimitAt: token.Fence(w.GetLimitAt()),
	}
	var err error
	if m.Helper != token.NoMember {
		err = d.checkMember("helper", m.Helper)
	}
	return m, cmp.Or(CheckName(m.Lock), checkRequested(m.Number), checkProbe(m.Probe), err, d.checkWanted(&m))
}

func (d *Decoder) probeAnswer(w *peerv1.ProbeAnswer) (token.Message, error) {
	m := token.Message{
		Kind:   token.ProbeAnswer,
		Lock:   w.GetLock(),
		Probe:  w.GetProbe(),
		Answer: answerOf(probeAnswers, w.GetKind()),
		InUse:  w.GetBusy(),

		Limit:   token.Limit(w.GetLimit()),
		LimitAt: token.Fence(w.GetLimitAt()),
	}
	if m.Answer == 0 {
		return m, fmt.Errorf("answer %v", w.GetKind())
	}
	var err error
	m.Members, err = d.list("buriable", w.GetBuriable())
	return m, cmp.Or(CheckName(m.Lock), checkProbe(m.Probe), err, d.checkHeld(&m))
}

func (d *Decoder) ballot(w *peerv1.Ballot) (token.Message, error) {
	m := token.Message{
		Kind:   token.Ballot,
		Lock:   w.GetLock(),
		Number: decodeNumber(w.GetNumber()),
		Ballot: decodeEpoch(w.GetBallot()),
	}
	var err error
	m.Members, err = d.list("distant", w.GetDistant())
	return m, cmp.Or(CheckName(m.Lock), checkNumber(m.Number), d.checkProposer(m.Ballot, d.From), err)
}

func (d *Decoder) ballotAnswer(w *peerv1.BallotAnswer) (token.Message, error) {
	m := token.Message{
		Kind:    token.BallotAnswer,
		Lock:    w.GetLock(),
		Ballot:  decodeEpoch(w.GetBallot()),
		Answer:  answerOf(ballotAnswers, w.GetKind()),
		Highest: decodeEpoch(w.GetHighest()),
		Number:  decodeNumber(w.GetNumber()),
		Waiting: w.GetWaiting(),
	}
	switch {
	case m.Answer == 0:
		return m, fmt.Errorf("answer %v", w.GetKind())
	case m.Waiting && m.Number.Count == 0:
		return m, fmt.Errorf("waits for request %v; want a count from 1", m.Number)
	case (m.Answer == token.Outbid || m.Answer == token.TooLow) && m.Highest.Number < m.Ballot.Number:
		return m, fmt.Errorf("ballot %d stands against ballot %d; want one that is not lower", m.Highest.Number, m.Ballot.Number)
	}
	var err error
	m.Members, err = d.list("buried", w.GetBuried())
	return m, cmp.Or(CheckName(m.Lock), checkNumber(m.Number), d.checkProposer(m.Ballot, d.Self), d.checkBallot(m.Highest.Number),
		d.checkMember("proposer of the highest ballot", m.Highest.Proposer), err, d.promised(&m, w), d.remembered(&m, w))
}

func (d *Decoder) abort(w *peerv1.Abort) (token.Message, error) {
	m := token.Message{Kind: token.Abort, Lock: w.GetLock(), Ballot: decodeEpoch(w.GetBallot())}
	return m, cmp.Or(CheckName(m.Lock), d.checkProposer(m.Ballot, d.From))
}

// list decodes a list of members without duplicates.
func (d *Decoder) list(what string, wire []uint32) ([]token.Member, error) {
	switch {
	case len(wire) == 0:
		return nil, nil
	case len(wire) > d.Members:
		return nil, fmt.Errorf("%s: %d members; want at most %d", what, len(wire), d.Members)
	}
	list := make([]token.Member, 0, len(wire))
	for _, w := range wire {
		m := token.Member(w)
		if err := d.checkMember(what, m); err != nil {
			return nil, err
		}
		if slices.Contains(list, m) {
			return nil, fmt.Errorf("%s: member %d twice", what, m)
		}
		list = append(list, m)
	}
	return list, nil
}

func (d *Decoder) checkMember(what string, m token.Member) error {
	if m < 0 || int(m) >= d.Members {
		return fmt.Errorf("%s: member %d; want 0 to %d", what, m, d.Members-1)
	}
	return nil
}

func (d *Decoder) checkEpoch(e token.Epoch) error {
	if e.Number == 0 {
		return errors.New("epoch 0; want from 1")
	}
	if err := d.checkBallot(e.Number); err != nil {
		return err
	}
	return d.checkMember("proposer of the epoch", e.Proposer)
}

// checkProposer checks a ballot that only one member can have proposed.
func (d *Decoder) checkProposer(b token.Epoch, by token.Member) error {
	switch {
	case b.Number == 0:
		return errors.New("ballot 0; want from 1")
	case b.Proposer != by:
		return fmt.Errorf("ballot by member %d; want by %d", b.Proposer, by)
	}
	return d.checkBallot(b.Number)
}

const (
	// MaxSession is more than clocks and counting reach, and leaves room above it.
	MaxSession = 1 << 62
	// MaxKnownSession is the highest session of its own that a peer can tell a node. The
	// node jumps above it, and then still has room for lapses.
	MaxKnownSession = MaxSession - 1<<40
	// MaxBallot is the highest number of a ballot whose fences fit a signed 64-bit
	// integer.
	MaxBallot = math.MaxInt64 >> token.FenceBits
)

// checkBallot checks the number of a ballot, or of an epoch, which may be 0.
func (d *Decoder) checkBallot(number uint64) error { return checkBallotBelow(number, d.MaxBallot()) }

func checkBallotBelow(number, most uint64) error {
	if number > most {
		return fmt.Errorf("ballot %d; want at most %d by now: is the clock here or there wrong?", number, most)
	}
	return nil
}

// checkNumber checks a request number, which may be zero for no request.
func checkNumber(n token.Number) error {
	if n.Session > MaxSession || n.Count > MaxSession {
		return fmt.Errorf("request %v; want a session and a count of at most %d", n, uint64(MaxSession))
	}
	return nil
}

// checkProbe checks the number of a probe.
func checkProbe(probe uint64) error {
	if probe == 0 {
		return errors.New("probe 0; want from 1")
	}
	return nil
}

// checkRequested checks the number of an actual request.
func checkRequested(n token.Number) error {
	if n.Session == 0 || n.Count == 0 {
		return fmt.Errorf("request %v; want a session and a count from 1", n)
	}
	return checkNumber(n)
}

func checkSession(s token.Session) error {
	if s == 0 || s > MaxSession {
		return fmt.Errorf("session %d; want 1 to %d", s, uint64(MaxSession))
	}
	return nil
}

func decodeNumber(n *peerv1.Number) token.Number {
	return token.Number{Session: token.Session(n.GetSession()), Count: n.GetCount()}
}

func decodeEpoch(b *peerv1.BallotNumber) token.Epoch {
	return token.Epoch{Number: b.GetNumber(), Proposer: token.Member(b.GetProposer())}
}

func decodeIncarnation(to *token.Incarnation, wire []byte) error {
	if len(wire) != len(to) {
		return fmt.Errorf("incarnation of %d bytes; want %d", len(wire), len(to))
	}
	copy(to[:], wire)
	return nil
}

// answerOf returns the answer with a form on the wire, 0 if there is none.
func answerOf[K comparable](forms map[token.Answer]K, wire K) token.Answer {
	for answer, form := range forms {
		if form == wire {
			return answer
		}
	}
	return 0
}
