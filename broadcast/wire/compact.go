package wire

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// REQUEST and TOKEN are nearly all the traffic of a busy cluster, and making the generated
// types is half the cost of a message. So the fields of these two are written and read here
// one by one. The writers produce the bytes that the generated code would. The readers take
// only what these writers produce; any other frame, and any error in it, goes through the
// generated code.

// Numbers of fields in peer.proto.
const (
	frameMessages = 1

	messageRequest = 7
	messageToken   = 8

	numberSession = 1
	numberCount   = 2

	ballotNumber   = 1
	ballotProposer = 2

	requestLock   = 1
	requestNumber = 2

	tokenLock        = 1
	tokenSession     = 2
	tokenEpoch       = 3
	tokenHop         = 4
	tokenFence       = 5
	tokenLastGranted = 6
	tokenQueue       = 7
	tokenLimit       = 8
	tokenLimitBy     = 9
	tokenShares      = 10
	tokenLimitAt     = 11
	tokenRun         = 12
	tokenKept        = 13

	runTick  = 1
	runFence = 2
	runState = 3

	keptFence = 1
	keptOver  = 2
	keptOwner = 3
	keptUntil = 4
	keptAbout = 5

	shareMember  = 1
	shareSession = 2
	shareID      = 3
	sharePermits = 4
)

// open begins a field of unknown length and returns its position; shut ends it.
func open(b []byte, field protowire.Number) (_ []byte, at int) {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return append(b, 0), len(b) + 1
}

// shut writes the length of the field whose content begins at at. If the byte that open
// left is too short, the content moves up.
func shut(b []byte, at int) []byte {
	length := len(b) - at
	if more := protowire.SizeVarint(uint64(length)) - 1; more > 0 {
		b = append(b, make([]byte, more)...)
		copy(b[at+more:], b[at:at+length])
	}
	protowire.AppendVarint(b[:at-1], uint64(length))
	return b
}

func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendNumber(b []byte, field protowire.Number, n token.Number) []byte {
	b, at := open(b, field)
	b = appendUint(b, numberSession, uint64(n.Session))
	b = appendUint(b, numberCount, n.Count)
	return shut(b, at)
}

// appendRequest appends a frame of one REQUEST. Concatenated frames are one frame.
func appendRequest(b []byte, m *token.Message) []byte {
	b, frame := open(b, frameMessages)
	b, message := open(b, messageRequest)
	b = appendString(b, requestLock, m.Lock)
	b = appendNumber(b, requestNumber, m.Number)
	return shut(shut(b, message), frame)
}

// appendToken appends a frame of one TOKEN.
func appendToken(b []byte, m *token.Message) []byte {
	t := m.Token
	b, frame := open(b, frameMessages)
	b, message := open(b, messageToken)
	b = appendString(b, tokenLock, m.Lock)
	b = appendUint(b, tokenSession, uint64(m.Session))
	b, epoch := open(b, tokenEpoch)
	b = appendUint(b, ballotNumber, t.Epoch.Number)
	b = appendUint(b, ballotProposer, uint64(uint32(t.Epoch.Proposer)))
	b = shut(b, epoch)
	b = appendUint(b, tokenHop, t.Hop)
	b = appendUint(b, tokenFence, uint64(t.Fence))
	for _, n := range t.LastGranted {
		b = appendNumber(b, tokenLastGranted, n)
	}
	if len(t.Queue) > 0 {
		var queue int
		b, queue = open(b, tokenQueue)
		for _, j := range t.Queue {
			b = protowire.AppendVarint(b, uint64(uint32(j)))
		}
		b = shut(b, queue)
	}
	b = appendUint(b, tokenLimit, uint64(t.Limit))
	b = appendUint(b, tokenLimitBy, uint64(uint32(t.LimitBy)))
	for i := range t.Shares {
		b = appendShare(b, tokenShares, &t.Shares[i])
	}
	b = appendUint(b, tokenLimitAt, uint64(t.LimitAt))
	if t.Run != nil {
		b = appendMark(b, t.Run)
	}
	if t.Kept != nil {
		b = appendKept(b, t.Kept)
	}
	return shut(shut(b, message), frame)
}

func appendMark(b []byte, r *token.RunMark) []byte {
	b, at := open(b, tokenRun)
	b = appendUint(b, runTick, uint64(r.Tick))
	b = appendUint(b, runFence, uint64(r.Fence))
	b = appendUint(b, runState, uint64(r.State))
	return shut(b, at)
}

func appendKept(b []byte, k *token.KeptHold) []byte {
	b, at := open(b, tokenKept)
	b = appendUint(b, keptFence, uint64(k.Fence))
	if k.Over {
		b = appendUint(b, keptOver, 1)
	}
	if k.Owner != "" {
		b = appendString(b, keptOwner, k.Owner)
	}
	b = appendUint(b, keptUntil, uint64(k.Until))
	if k.About != "" {
		b = appendString(b, keptAbout, k.About)
	}
	return shut(b, at)
}

func appendShare(b []byte, field protowire.Number, s *token.Share) []byte {
	b, at := open(b, field)
	b = appendUint(b, shareMember, uint64(uint32(s.Member)))
	b = appendUint(b, shareSession, uint64(s.Session))
	b = appendUint(b, shareID, uint64(s.ID))
	b = appendUint(b, sharePermits, uint64(s.Permits))
	return shut(b, at)
}

// scratch is memory for decoded values, reused for the next message.
type scratch struct {
	request peerv1.Request
	token   peerv1.Token
	run     peerv1.RunMark
	number  peerv1.Number
	epoch   peerv1.BallotNumber
	name    string // of the latest lock
}

// decodeCompact decodes a frame of nothing but REQUESTs and TOKENs, written as above, that
// make sense. A TOKEN that carries a kept hold is rare, and left to the generated code.
func (f *ReceivedFrame) decodeCompact(data []byte) (messages []token.Message, ok bool) {
	for len(data) > 0 {
		entry, ok := part(&data, frameMessages)
		if !ok {
			return nil, false
		}
		m, ok := f.decodeEntry(entry)
		if !ok {
			return nil, false
		}
		messages = append(messages, m)
	}
	return messages, true
}

func (f *ReceivedFrame) decodeEntry(entry []byte) (m token.Message, ok bool) {
	s := &f.scratch
	var err error
	switch {
	case begins(entry, messageRequest):
		content, whole := part(&entry, messageRequest)
		if !whole || len(entry) > 0 || !s.readRequest(content) {
			return m, false
		}
		m, err = f.Decoder.request(&s.request)
	case begins(entry, messageToken):
		content, whole := part(&entry, messageToken)
		if !whole || len(entry) > 0 || !s.readToken(content, f.Decoder.Members) {
			return m, false
		}
		m, err = f.Decoder.token(&s.token)
	default:
		return m, false
	}
	return m, err == nil
}

// readName takes the name of a lock off the front.
func (s *scratch) readName(b *[]byte, field protowire.Number) (name string, ok bool) {
	content, ok := part(b, field)
	if !ok || len(content) > maxNameBytes {
		return "", false
	}
	if string(content) != s.name {
		s.name = string(content)
	}
	return s.name, true
}

// readNumber takes a request number off the front.
func readNumber(b *[]byte, field protowire.Number, n *peerv1.Number) bool {
	content, ok := part(b, field)
	n.Session, n.Count = integer(&content, numberSession), integer(&content, numberCount)
	return ok && len(content) == 0
}

func (s *scratch) readRequest(b []byte) (ok bool) {
	r := &s.request
	if r.Lock, ok = s.readName(&b, requestLock); !ok {
		return false
	}
	r.Number = &s.number
	return readNumber(&b, requestNumber, r.Number) && len(b) == 0
}

func (s *scratch) readToken(b []byte, members int) (ok bool) {
	t := &s.token
	if t.Lock, ok = s.readName(&b, tokenLock); !ok {
		return false
	}
	t.Session = integer(&b, tokenSession)
	epoch, ok := part(&b, tokenEpoch)
	t.Epoch = &s.epoch
	s.epoch.Number = integer(&epoch, ballotNumber)
	proposer := integer(&epoch, ballotProposer)
	s.epoch.Proposer = uint32(proposer)
	if !ok || len(epoch) > 0 || proposer != uint64(s.epoch.Proposer) {
		return false
	}
	t.Hop, t.Fence = integer(&b, tokenHop), integer(&b, tokenFence)
	return s.readLastGranted(&b, members) && s.readQueue(&b, members) && s.readShares(&b, members) && s.readRun(&b) && len(b) == 0
}

// readLastGranted takes request numbers off the front, at most one per member; more would
// make no sense.
func (s *scratch) readLastGranted(b *[]byte, members int) bool {
	list := s.token.LastGranted[:0]
	for begins(*b, tokenLastGranted) && len(list) < members {
		if k := len(list); k < cap(list) && list[:k+1][k] != nil {
			list = list[:k+1]
		} else {
			list = append(list, new(peerv1.Number))
		}
		if !readNumber(b, tokenLastGranted, list[len(list)-1]) {
			return false
		}
	}
	s.token.LastGranted = list
	return true
}

// readQueue takes the queue off the front. An empty queue is absent.
func (s *scratch) readQueue(b *[]byte, members int) bool {
	queue := s.token.Queue[:0]
	if begins(*b, tokenQueue) {
		content, ok := part(b, tokenQueue)
		if !ok {
			return false
		}
		for len(content) > 0 && len(queue) < members {
			v, n := protowire.ConsumeVarint(content)
			if n < 0 || v > math.MaxUint32 {
				return false
			}
			queue, content = append(queue, uint32(v)), content[n:]
		}
		if len(content) > 0 {
			return false
		}
	}
	s.token.Queue = queue
	return true
}

// readShares takes the limit and the shares off the front; all of them may be absent.
func (s *scratch) readShares(b *[]byte, members int) bool {
	t := &s.token
	limit, by := integer(b, tokenLimit), integer(b, tokenLimitBy)
	t.Limit, t.LimitBy = uint32(limit), uint32(by)
	if limit != uint64(t.Limit) || by != uint64(t.LimitBy) {
		return false
	}
	list := t.Shares[:0]
	for begins(*b, tokenShares) && len(list) < members {
		if k := len(list); k < cap(list) && list[:k+1][k] != nil {
			list = list[:k+1]
		} else {
			list = append(list, new(peerv1.Share))
		}
		if !readShare(b, list[len(list)-1]) {
			return false
		}
	}
	t.Shares = list
	t.LimitAt = integer(b, tokenLimitAt)
	return true
}

// readRun takes the latest run off the front; it may be absent.
func (s *scratch) readRun(b *[]byte) bool {
	s.token.Run = nil
	if !begins(*b, tokenRun) {
		return true
	}
	content, ok := part(b, tokenRun)
	s.run.Tick, s.run.Fence = int64(integer(&content, runTick)), integer(&content, runFence)
	state := integer(&content, runState)
	s.run.State = peerv1.RunState(uint8(state))
	s.token.Run = &s.run
	return ok && len(content) == 0 && state == uint64(uint8(state))
}

// readShare takes a share off the front.
func readShare(b *[]byte, share *peerv1.Share) bool {
	content, ok := part(b, tokenShares)
	member := integer(&content, shareMember)
	share.Session, share.Id = integer(&content, shareSession), integer(&content, shareID)
	permits := integer(&content, sharePermits)
	share.Member, share.Permits = uint32(member), uint32(permits)
	return ok && len(content) == 0 && member == uint64(share.Member) && permits == uint64(share.Permits)
}

// begins reports whether a bytes field with this number is next.
func begins(b []byte, field protowire.Number) bool {
	return len(b) > 0 && b[0] == byte(protowire.EncodeTag(field, protowire.BytesType))
}

// part takes a bytes field off the front.
func part(b *[]byte, field protowire.Number) (content []byte, ok bool) {
	if !begins(*b, field) {
		return nil, false
	}
	content, n := protowire.ConsumeBytes((*b)[1:])
	if n < 0 {
		return nil, false
	}
	*b = (*b)[1+n:]
	return content, true
}

// integer takes a number field off the front. It is 0 if another field comes, or if none
// can be read; then no other reader can read it, either.
func integer(b *[]byte, field protowire.Number) uint64 {
	if len(*b) == 0 || (*b)[0] != byte(protowire.EncodeTag(field, protowire.VarintType)) {
		return 0
	}
	v, n := protowire.ConsumeVarint((*b)[1:])
	if n < 0 {
		return 0
	}
	*b = (*b)[1+n:]
	return v
}
