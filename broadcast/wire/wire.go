package wire

import (
	"errors"
	"fmt"
	"unicode/utf8"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// MaxFrameBytes is the size of the longest accepted frame. It has room for the HELLO of a
// thousand members with the longest names.
const MaxFrameBytes = 1 << 20

// maxNameBytes is the length of the longest lock name.
const maxNameBytes = 255

// ErrName is wrapped by the error for a lock name that is empty, too long, or not UTF-8.
var ErrName = errors.New("bad lock name")

// CheckName refuses a name that no lock can have; the error wraps [ErrName].
func CheckName(lock string) error {
	switch {
	case lock == "":
		return fmt.Errorf("%w: it is empty; want 1 to %d bytes", ErrName, maxNameBytes)
	case len(lock) > maxNameBytes:
		return fmt.Errorf("%w: it has %d bytes; want 1 to %d", ErrName, len(lock), maxNameBytes)
	case !utf8.ValidString(lock):
		return fmt.Errorf("%w: %q is not UTF-8", ErrName, lock)
	}
	return nil
}

// ErrValue is wrapped by the error for a leader's value that is too long, or not UTF-8.
var ErrValue = errors.New("bad value")

// CheckValue refuses a value that no leader can say; the error wraps [ErrValue].
func CheckValue(value string) error {
	switch {
	case len(value) > token.MaxValueBytes:
		return fmt.Errorf("%w: it has %d bytes; want at most %d", ErrValue, len(value), token.MaxValueBytes)
	case !utf8.ValidString(value):
		return fmt.Errorf("%w: it is not UTF-8", ErrValue)
	}
	return nil
}

// bound returns a size on the wire that m does not exceed, more cheaply than by encoding it. A
// message has a name, some numbers of up to ten bytes, and what is counted here.
func bound(m *token.Message) int {
	n := 512 + 5*len(m.Members)
	if t := m.Token; t != nil {
		n += 24*len(t.LastGranted) + 5*len(t.Queue) + 40*len(t.Shares)
	}
	if m.Saying != nil {
		n += len(m.Saying.Value)
	}
	n += noteBytes(m) + changeBytes(m)
	for _, lock := range m.Locks {
		n += len(lock) + 4
	}
	return n
}

// Fit returns how many of the first messages go into one frame: as many as fit into half of
// the longest frame, but at least one.
func Fit(messages []token.Message) int {
	room := MaxFrameBytes / 2
	for i := range messages {
		if room -= bound(&messages[i]); room < 0 {
			return max(i, 1)
		}
	}
	return len(messages)
}

// encode converts a message of the algorithm to one of the wire.
func encode(m *token.Message) *peerv1.Message {
	switch m.Kind {
	case token.Request:
		return &peerv1.Message{Kind: &peerv1.Message_Request{Request: &peerv1.Request{
			Lock:   m.Lock,
			Number: encodeNumber(m.Number),
		}}}
	case token.TokenMessage:
		return &peerv1.Message{Kind: &peerv1.Message_Token{Token: encodeToken(m)}}
	case token.Ping:
		return &peerv1.Message{Kind: &peerv1.Message_Ping{Ping: &peerv1.Ping{
			Incarnation: m.Incarnation[:],
			Session:     uint64(m.Session),
			Begun:       m.Begun,
			Stamp:       int64(m.Stamp),
		}}}
	case token.Pong:
		return &peerv1.Message{Kind: &peerv1.Message_Pong{Pong: &peerv1.Pong{
			Incarnation: m.Incarnation[:],
			Stamp:       int64(m.Stamp),
		}}}
	case token.Busy:
		return &peerv1.Message{Kind: &peerv1.Message_Busy{Busy: &peerv1.Busy{Locks: m.Locks}}}
	case token.Clear:
		return &peerv1.Message{Kind: &peerv1.Message_Clear{Clear: &peerv1.Clear{Incarnation: m.Incarnation[:]}}}
	case token.Known:
		return &peerv1.Message{Kind: &peerv1.Message_Known{Known: &peerv1.Known{Session: uint64(m.Session), Incarnation: m.Incarnation[:]}}}
	case token.Bye:
		return &peerv1.Message{Kind: &peerv1.Message_Bye{Bye: &peerv1.Bye{Session: uint64(m.Session)}}}
	default:
		return encodeRound(m)
	}
}

// encodeRound converts the messages of a round to those of the wire.
func encodeRound(m *token.Message) *peerv1.Message {
	switch m.Kind {
	case token.Probe:
		return &peerv1.Message{Kind: &peerv1.Message_Probe{Probe: &peerv1.Probe{
			Lock:   m.Lock,
			Number: encodeNumber(m.Number),
			Probe:  m.Probe,
			Helper: uint32(m.Helper + 1),

			Limit:   uint32(m.Limit),
			LimitAt: uint64(m.LimitAt),
		}}}
	case token.ProbeAnswer:
		return &peerv1.Message{Kind: &peerv1.Message_ProbeAnswer{ProbeAnswer: &peerv1.ProbeAnswer{
			Lock:     m.Lock,
			Probe:    m.Probe,
			Kind:     probeAnswers[m.Answer],
			Busy:     m.InUse,
			Buriable: encodeMembers(m.Members),
			Limit:    uint32(m.Limit),
			LimitAt:  uint64(m.LimitAt),
		}}}
	case token.Ballot:
		return &peerv1.Message{Kind: &peerv1.Message_Ballot{Ballot: &peerv1.Ballot{
			Lock:    m.Lock,
			Number:  encodeNumber(m.Number),
			Ballot:  encodeEpoch(m.Ballot),
			Distant: encodeMembers(m.Members),
		}}}
	case token.BallotAnswer:
		return &peerv1.Message{Kind: &peerv1.Message_BallotAnswer{BallotAnswer: &peerv1.BallotAnswer{
			Lock:    m.Lock,
			Ballot:  encodeEpoch(m.Ballot),
			Kind:    ballotAnswers[m.Answer],
			Highest: encodeEpoch(m.Highest),
			Number:  encodeNumber(m.Number),
			Waiting: m.Waiting,
			Buried:  encodeMembers(m.Members),
			Share:   encodeShare(m.Share),
			Limit:   uint32(m.Limit),
			LimitBy: uint32(m.LimitBy),
			LimitAt: uint64(m.LimitAt),
			Run:     encodeRun(noteOf(m).Run),
			Kept:    encodeKept(noteOf(m).Kept),
		}}}
	case token.Abort:
		return &peerv1.Message{Kind: &peerv1.Message_Abort{Abort: &peerv1.Abort{
			Lock:   m.Lock,
			Ballot: encodeEpoch(m.Ballot),
		}}}
	case token.Recall:
		return &peerv1.Message{Kind: &peerv1.Message_Recall{Recall: &peerv1.Recall{
			Lock:     m.Lock,
			Share:    encodeShare(m.Share),
			Recaller: uint32(m.Recaller),
			Anyhow:   m.Anyhow,
		}}}
	case token.Done:
		return &peerv1.Message{Kind: &peerv1.Message_Done{Done: &peerv1.Done{
			Lock:     m.Lock,
			Share:    encodeShare(m.Share),
			Recaller: uint32(m.Recaller),
			Kept:     m.Kept,
		}}}
	case token.Say:
		return &peerv1.Message{Kind: &peerv1.Message_Say{Say: &peerv1.Say{
			Lock:    m.Lock,
			Session: uint64(m.Saying.Session),
			Fence:   uint64(m.Saying.Fence),
			Count:   m.Saying.Count,
			Value:   m.Saying.Value,
			Over:    m.Saying.None,
		}}}
	case token.Witness, token.WitnessAnswer:
		return encodeWitness(m)
	default:
		return encodeChange(m)
	}
}

// The answers to a probe and to a ballot, and their form on the wire.
var (
	probeAnswers = map[token.Answer]peerv1.ProbeAnswer_Kind{
		token.Hold:   peerv1.ProbeAnswer_KIND_HOLD,
		token.Recent: peerv1.ProbeAnswer_KIND_RECENT,
		token.None:   peerv1.ProbeAnswer_KIND_NONE,
	}
	ballotAnswers = map[token.Answer]peerv1.BallotAnswer_Kind{
		token.Hold:    peerv1.BallotAnswer_KIND_HOLD,
		token.Outbid:  peerv1.BallotAnswer_KIND_NACK_BALLOT,
		token.TooLow:  peerv1.BallotAnswer_KIND_NACK_FLOOR,
		token.Promise: peerv1.BallotAnswer_KIND_PROMISE,
	}
)

func encodeToken(m *token.Message) *peerv1.Token {
	t := m.Token
	numbers := make([]peerv1.Number, len(t.LastGranted))
	lastGranted := make([]*peerv1.Number, len(t.LastGranted))
	for i, n := range t.LastGranted {
		lastGranted[i] = &numbers[i]
		lastGranted[i].Session, lastGranted[i].Count = uint64(n.Session), n.Count
	}
	var shares []*peerv1.Share
	for i := range t.Shares {
		shares = append(shares, encodeShare(t.Shares[i]))
	}
	return &peerv1.Token{
		Lock:        m.Lock,
		Session:     uint64(m.Session),
		Epoch:       encodeEpoch(t.Epoch),
		Hop:         t.Hop,
		Fence:       uint64(t.Fence),
		LastGranted: lastGranted,
		Queue:       encodeMembers(t.Queue),
		Limit:       uint32(t.Limit),
		LimitBy:     uint32(t.LimitBy),
		LimitAt:     uint64(t.LimitAt),
		Shares:      shares,
		Run:         encodeMark(t.Run),
		Kept:        encodeKept(t.Kept),
	}
}

// encodeShare encodes a share; nil if there is none.
func encodeShare(s token.Share) *peerv1.Share {
	if s == (token.Share{}) {
		return nil
	}
	return &peerv1.Share{Member: uint32(s.Member), Session: uint64(s.Session), Id: uint64(s.ID), Permits: s.Permits}
}

func encodeNumber(n token.Number) *peerv1.Number {
	return &peerv1.Number{Session: uint64(n.Session), Count: n.Count}
}

func encodeEpoch(e token.Epoch) *peerv1.BallotNumber {
	return &peerv1.BallotNumber{Number: e.Number, Proposer: uint32(e.Proposer)}
}

func encodeMembers(list []token.Member) []uint32 {
	if len(list) == 0 {
		return nil
	}
	encoded := make([]uint32, len(list))
	for i, m := range list {
		encoded[i] = uint32(m)
	}
	return encoded
}
