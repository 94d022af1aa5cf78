package broadcast

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// anyMessage draws messages as a member of a cluster may send them to another.
func anyMessage(members int, from, to token.Member) *rapid.Generator[token.Message] {
	lock := rapid.StringN(1, -1, maxNameBytes)
	member := rapid.Map(rapid.IntRange(0, members-1), func(i int) token.Member { return token.Member(i) })
	list := rapid.Custom(func(t *rapid.T) []token.Member {
		list := rapid.SliceOfNDistinct(member, 0, members, rapid.ID[token.Member]).Draw(t, "list")
		if len(list) == 0 {
			return nil
		}
		return list
	})
	session := rapid.Map(rapid.Uint64Range(1, maxSession), func(s uint64) token.Session { return token.Session(s) })
	number := rapid.Custom(func(t *rapid.T) token.Number {
		return token.Number{Session: session.Draw(t, "session"), Count: rapid.Uint64Range(1, maxSession).Draw(t, "count")}
	})
	epochBy := func(t *rapid.T, by token.Member) token.Epoch {
		return token.Epoch{Number: rapid.Uint64Range(1, maxBallot).Draw(t, "epoch"), Proposer: by}
	}
	incarnation := rapid.Custom(func(t *rapid.T) (i token.Incarnation) {
		copy(i[:], rapid.SliceOfN(rapid.Byte(), len(i), len(i)).Draw(t, "incarnation"))
		return i
	})
	stamp := rapid.Map(rapid.Int64(), func(s int64) token.Time { return token.Time(s) })
	return rapid.Custom(func(t *rapid.T) token.Message {
		m := token.Message{Kind: token.MessageKind(rapid.IntRange(int(token.Request), int(token.Abort)).Draw(t, "kind"))}
		if m.Kind == token.Request || m.Kind == token.TokenMessage || m.Kind >= token.Probe {
			m.Lock = lock.Draw(t, "lock")
		}
		switch m.Kind {
		case token.Request:
			m.Number = number.Draw(t, "number")
		case token.TokenMessage:
			m.Session = session.Draw(t, "session")
			m.Token = &token.Token{
				Epoch:       epochBy(t, member.Draw(t, "proposer")),
				Hop:         rapid.Uint64Min(1).Draw(t, "hop"),
				LastGranted: rapid.SliceOfN(number, members, members).Draw(t, "LN"),
				Queue:       list.Draw(t, "Q"),
			}
			m.Token.Fence = token.Fence(m.Token.Epoch.Number<<token.FenceBits + uint64(rapid.Uint32Max(token.MaxFencesPerEpoch-1).Draw(t, "fence")))
		case token.Ping:
			m.Incarnation, m.Session = incarnation.Draw(t, "i"), session.Draw(t, "s")
			m.Begun, m.Stamp = rapid.Bool().Draw(t, "begun"), stamp.Draw(t, "stamp")
		case token.Pong:
			m.Incarnation, m.Stamp = incarnation.Draw(t, "i"), stamp.Draw(t, "stamp")
		case token.Busy:
			m.Locks = rapid.SliceOfN(lock, 1, 5).Draw(t, "locks")
		case token.Clear:
			m.Incarnation = incarnation.Draw(t, "i")
		case token.Bye:
			m.Session = session.Draw(t, "s")
		case token.Known:
			m.Session = min(session.Draw(t, "s"), maxKnown)
			m.Incarnation = incarnation.Draw(t, "i")
		case token.Probe:
			m.Number, m.Probe = number.Draw(t, "number"), rapid.Uint64Min(1).Draw(t, "probe")
			m.Helper = rapid.OneOf(member, rapid.Just(token.NoMember)).Draw(t, "helper")
		case token.ProbeAnswer:
			m.Probe, m.Members = rapid.Uint64Min(1).Draw(t, "probe"), list.Draw(t, "buriable")
			m.Answer = rapid.SampledFrom([]token.Answer{token.Hold, token.Recent, token.None}).Draw(t, "answer")
			m.InUse = rapid.Bool().Draw(t, "busy")
		case token.Ballot:
			m.Number, m.Ballot, m.Members = number.Draw(t, "number"), epochBy(t, from), list.Draw(t, "distant")
		case token.BallotAnswer:
			m.Answer = rapid.SampledFrom([]token.Answer{token.Hold, token.Outbid, token.TooLow, token.Promise}).Draw(t, "answer")
			m.Ballot, m.Highest = epochBy(t, to), epochBy(t, member.Draw(t, "by"))
			if m.Answer == token.Outbid || m.Answer == token.TooLow {
				m.Highest.Number = max(m.Highest.Number, m.Ballot.Number)
			}
			m.Number, m.Waiting, m.Members = number.Draw(t, "number"), rapid.Bool().Draw(t, "waiting"), list.Draw(t, "buried")
		case token.Abort:
			m.Ballot = epochBy(t, from)
		}
		return m
	})
}

// testDecoder decodes what a member says to another, at a time when every ballot that a
// fence has room for makes sense.
func testDecoder(members int, from, self token.Member) decoder {
	return decoder{members: members, self: self, from: from, mostBallot: func() uint64 { return maxBallot }}
}

// What a member says comes to the other as it was said, in as few frames as are
// sure to be short enough.
func TestMessagesPassTheWireUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(2, 6).Draw(t, "members")
		d := testDecoder(members, 0, 1)
		sent := rapid.SliceOf(anyMessage(members, d.from, d.self)).Draw(t, "messages")
		wire, err := appendFrame(nil, sent)
		if err != nil {
			t.Fatal(err)
		}
		frame := receivedFrame{decoder: d}
		if err := errors.Join(frame.decode(wire), frame.err); err != nil {
			t.Fatal(err)
		}
		got := frame.messages
		want := slices.DeleteFunc(slices.Clone(sent), func(m token.Message) bool { return m.Kind == token.KeepAlive })
		if len(got) != len(want) {
			t.Fatalf("%d messages; want %d", len(got), len(want))
		}
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Errorf("message %+v; want %+v", got[i], want[i])
			}
		}
	})
}

// frameBytes is how long the frame of some messages is.
func frameBytes(t *testing.T, messages ...token.Message) int {
	t.Helper()
	wire, err := appendFrame(nil, messages)
	if err != nil {
		t.Fatal(err)
	}
	return len(wire)
}

func TestMessageBytesAreNotExceeded(t *testing.T) {
	const most = math.MaxUint64
	name := strings.Repeat("x", maxNameBytes)
	for _, members := range []int{1, 3, 1024} {
		largest := token.Number{Session: most, Count: most}
		all := make([]token.Member, members)
		for i := range all {
			all[i] = token.Member(i)
		}
		t.Run("", func(t *testing.T) {
			for _, m := range []token.Message{
				{Kind: token.TokenMessage, Lock: name, Session: most, Token: &token.Token{
					Epoch: token.Epoch{Number: most, Proposer: token.Member(members - 1)}, Hop: most, Fence: most,
					LastGranted: slices.Repeat([]token.Number{largest}, members), Queue: all,
				}},
				{Kind: token.BallotAnswer, Lock: name, Ballot: token.Epoch{Number: most}, Answer: token.Promise,
					Highest: token.Epoch{Number: most}, Number: largest, Waiting: true, Members: all},
				{Kind: token.Busy, Locks: slices.Repeat([]string{name}, 1024)},
				{Kind: token.Busy, Locks: slices.Repeat([]string{"x"}, 1024)},
			} {
				size := frameBytes(t, m)
				if bound := (messageBytes{members}).bound(&m); size > bound || bound > MaxFrameBytes/2 {
					t.Errorf("%v of %d members: %d bytes; want at most %d, and those at most %d",
						m.Kind, members, size, bound, MaxFrameBytes/2)
				}
			}
		})
	}
}

func TestBurstIsCutIntoFramesThatAreAccepted(t *testing.T) {
	request := token.Message{Kind: token.Request, Lock: strings.Repeat("x", maxNameBytes), Number: token.Number{Session: 1, Count: 1}}
	busy := token.Message{Kind: token.Busy, Locks: slices.Repeat([]string{request.Lock}, 1024)}
	huge := token.Message{Kind: token.Busy, Locks: slices.Repeat([]string{request.Lock}, 2048)}
	budget := messageBytes{members: 3}
	for _, test := range []struct {
		name     string
		messages []token.Message
		frames   int
	}{
		{"one", []token.Message{request}, 1},
		{"a few", slices.Repeat([]token.Message{request}, 800), 1},
		{"many", slices.Repeat([]token.Message{request}, 8000), 10},
		{"long ones", slices.Repeat([]token.Message{busy}, 3), 3},
		{"one beyond half a frame", []token.Message{request, huge, request}, 3},
	} {
		frames := 0
		for rest := test.messages; len(rest) > 0; frames++ {
			k := budget.fit(rest)
			if size := frameBytes(t, rest[:k]...); size > MaxFrameBytes {
				t.Errorf("%s: frame of %d bytes; want at most %d", test.name, size, MaxFrameBytes)
			}
			rest = rest[k:]
		}
		if frames != test.frames {
			t.Errorf("%s: %d frames; want %d", test.name, frames, test.frames)
		}
	}
}

// TestHelloOfManyMembersFits: the longest list that package hosts lets through.
func TestHelloOfManyMembersFits(t *testing.T) {
	d := &Driver{members: slices.Repeat([]string{strings.Repeat("x", 259)}, 1024)}
	if size := proto.Size(d.helloFrame(token.Hello{})); size > MaxFrameBytes {
		t.Errorf("HELLO of %d bytes; want at most %d", size, MaxFrameBytes)
	}
}

// wrong is a message that is right but for one thing.
func wrong[M any](right func() M, change func(M)) M {
	m := right()
	change(m)
	return m
}

func rightToken() *peerv1.Token {
	return &peerv1.Token{
		Lock: "cs", Session: 1, Epoch: &peerv1.BallotNumber{Number: 1, Proposer: 2}, Hop: 1, Fence: 1<<token.FenceBits + 1,
		LastGranted: []*peerv1.Number{{}, {}, {}}, Queue: []uint32{0, 2},
	}
}

func rightBallotAnswer() *peerv1.BallotAnswer {
	return &peerv1.BallotAnswer{
		Lock: "cs", Ballot: &peerv1.BallotNumber{Number: 1, Proposer: 1}, Kind: peerv1.BallotAnswer_KIND_PROMISE,
		Number: &peerv1.Number{Session: 1, Count: 1}, Waiting: true,
	}
}

func TestDecodeRefusesNonsense(t *testing.T) {
	tok := func(change func(*peerv1.Token)) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Token{Token: wrong(rightToken, change)}}
	}
	vote := func(change func(*peerv1.BallotAnswer)) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_BallotAnswer{BallotAnswer: wrong(rightBallotAnswer, change)}}
	}
	request := func(lock string, number *peerv1.Number) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Request{Request: &peerv1.Request{Lock: lock, Number: number}}}
	}
	probe := func(p *peerv1.Probe) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Probe{Probe: p}}
	}
	ballot := func(b *peerv1.Ballot) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Ballot{Ballot: b}}
	}
	one := &peerv1.Number{Session: 1, Count: 1}
	for _, test := range []struct {
		says string
		wire *peerv1.Message
	}{
		{"without a kind", nil},
		{"without a kind", &peerv1.Message{}},
		{"a second HELLO", helloMessage(&peerv1.Hello{})},
		{"REQUEST: bad lock name: it is empty", request("", one)},
		{"bad lock name: it has 256 bytes; want 1 to 255", request(strings.Repeat("x", 256), one)},
		{`bad lock name: "\xff" is not UTF-8`, request("\xff", one)},
		{"request 0.0; want", request("cs", nil)},
		{"request 1.0; want", request("cs", &peerv1.Number{Session: 1})},
		{"request 0.1; want", request("cs", &peerv1.Number{Count: 1})},
		{"TOKEN: bad lock name", tok(func(t *peerv1.Token) { t.Lock = "" })},
		{"addressed to session 0", tok(func(t *peerv1.Token) { t.Session = 0 })},
		{"epoch 0", tok(func(t *peerv1.Token) { t.Epoch = nil })},
		{"proposer of the epoch: member 3; want 0 to 2", tok(func(t *peerv1.Token) { t.Epoch.Proposer = 3 })},
		{"member 4294967295; want 0 to 2", tok(func(t *peerv1.Token) { t.Epoch.Proposer = math.MaxUint32 })},
		{"hop 0", tok(func(t *peerv1.Token) { t.Hop = 0 })},
		{"2 numbers last granted; want 3", tok(func(t *peerv1.Token) { t.LastGranted = t.LastGranted[1:] })},
		{"queue: member 3; want 0 to 2", tok(func(t *peerv1.Token) { t.Queue[0] = 3 })},
		{"queue: member 2 twice", tok(func(t *peerv1.Token) { t.Queue[0] = 2 })},
		{"PING: session 0", &peerv1.Message{Kind: &peerv1.Message_Ping{Ping: &peerv1.Ping{}}}},
		{"PING: incarnation of 0 bytes; want 16", &peerv1.Message{Kind: &peerv1.Message_Ping{Ping: &peerv1.Ping{Session: 1}}}},
		{"PONG: incarnation of 17 bytes", &peerv1.Message{Kind: &peerv1.Message_Pong{Pong: &peerv1.Pong{Incarnation: make([]byte, 17)}}}},
		{"KNOWN: incarnation", &peerv1.Message{Kind: &peerv1.Message_Known{Known: &peerv1.Known{Session: 1}}}},
		{"CLEAR: incarnation", &peerv1.Message{Kind: &peerv1.Message_Clear{}}},
		{"BYE: session 0", &peerv1.Message{Kind: &peerv1.Message_Bye{}}},
		{"BUSY: bad lock name", &peerv1.Message{Kind: &peerv1.Message_Busy{Busy: &peerv1.Busy{Locks: []string{"cs", ""}}}}},
		{"PROBE: bad lock name", probe(&peerv1.Probe{Number: one})},
		{"PROBE: request 0.0", probe(&peerv1.Probe{Lock: "cs"})},
		{"helper: member 3; want 0 to 2", probe(&peerv1.Probe{Lock: "cs", Number: one, Probe: 1, Helper: 4})},
		{"PROBE-ANSWER: answer KIND_UNSPECIFIED", &peerv1.Message{Kind: &peerv1.Message_ProbeAnswer{ProbeAnswer: &peerv1.ProbeAnswer{Lock: "cs"}}}},
		{"PROBE-ANSWER: answer 9", &peerv1.Message{Kind: &peerv1.Message_ProbeAnswer{ProbeAnswer: &peerv1.ProbeAnswer{Lock: "cs", Kind: 9}}}},
		{"buriable: member 1 twice", &peerv1.Message{Kind: &peerv1.Message_ProbeAnswer{ProbeAnswer: &peerv1.ProbeAnswer{
			Lock: "cs", Probe: 1, Kind: peerv1.ProbeAnswer_KIND_NONE, Buriable: []uint32{1, 1}}}}},
		{"PROBE: probe 0", probe(&peerv1.Probe{Lock: "cs", Number: one})},
		{"PROBE-ANSWER: probe 0", &peerv1.Message{Kind: &peerv1.Message_ProbeAnswer{ProbeAnswer: &peerv1.ProbeAnswer{
			Lock: "cs", Kind: peerv1.ProbeAnswer_KIND_NONE}}}},
		{"session 18446744073709551615; want", &peerv1.Message{Kind: &peerv1.Message_Ping{Ping: &peerv1.Ping{Session: math.MaxUint64}}}},
		{"want a session and a count of at most", request("cs", &peerv1.Number{Session: 1, Count: math.MaxUint64})},
		{"ballot 549755813888; want at most", ballot(&peerv1.Ballot{Lock: "cs", Ballot: &peerv1.BallotNumber{Number: 1 << 39}})},
		{"ballot 549755813888; want at most 549755813887 by now: is the clock here or there wrong?", tok(func(t *peerv1.Token) { t.Epoch.Number, t.Fence = 1<<39, 1<<63 })},
		{"fence 33554431, which is the last of its epoch", tok(func(t *peerv1.Token) { t.Fence = 2<<token.FenceBits - 1 })},
		{"fence 1 in epoch 1", tok(func(t *peerv1.Token) { t.Fence = 1 })},
		{"BALLOT: ballot 0", ballot(&peerv1.Ballot{Lock: "cs"})},
		{"ballot by member 1; want by 0", ballot(&peerv1.Ballot{Lock: "cs", Ballot: &peerv1.BallotNumber{Number: 1, Proposer: 1}})},
		{"distant: member 7", ballot(&peerv1.Ballot{Lock: "cs", Ballot: &peerv1.BallotNumber{Number: 1}, Distant: []uint32{7}})},
		{"BALLOT-ANSWER: answer KIND_UNSPECIFIED", vote(func(v *peerv1.BallotAnswer) { v.Kind = 0 })},
		{"waits for request 1.0", vote(func(v *peerv1.BallotAnswer) { v.Number.Count = 0 })},
		{"ballot by member 0; want by 1", vote(func(v *peerv1.BallotAnswer) { v.Ballot.Proposer = 0 })},
		{"highest ballot: member 3", vote(func(v *peerv1.BallotAnswer) { v.Highest = &peerv1.BallotNumber{Proposer: 3} })},
		{"ballot 3 stands against ballot 4; want one that is not lower", vote(func(v *peerv1.BallotAnswer) {
			v.Kind, v.Ballot.Number, v.Highest = peerv1.BallotAnswer_KIND_NACK_FLOOR, 4, &peerv1.BallotNumber{Number: 3}
		})},
		{"ballot 549755813888; want at most", vote(func(v *peerv1.BallotAnswer) { v.Highest = &peerv1.BallotNumber{Number: 1 << 39} })},
		{"buried: member 4", vote(func(v *peerv1.BallotAnswer) { v.Buried = []uint32{4} })},
		{"ABORT: ballot 0", &peerv1.Message{Kind: &peerv1.Message_Abort{Abort: &peerv1.Abort{Lock: "cs"}}}},
	} {
		d := testDecoder(3, 0, 1)
		m, err := d.message(test.wire)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("decode %v = %+v, %v; want an error of one line with %q", test.wire, m, err, test.says)
		}
	}
	d := testDecoder(3, 0, 1)
	for _, right := range []*peerv1.Message{tok(func(*peerv1.Token) {}), vote(func(*peerv1.BallotAnswer) {}), request("cs", one)} {
		if _, err := d.message(right); err != nil {
			t.Errorf("decode %v: %v; want no error", right, err)
		}
	}
}

// FuzzDecode: whatever bytes a member sends, they are refused or make sense to the
// algorithm, which takes them without a panic.
func FuzzDecode(f *testing.F) {
	const members = 3
	for seed := range 50 {
		m := anyMessage(members, 0, 1).Example(seed)
		wire, err := appendFrame(nil, []token.Message{m})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		frame := receivedFrame{decoder: testDecoder(members, 0, 1)}
		if frame.decode(wire) != nil || frame.err != nil {
			return
		}
		messages := frame.messages
		for i := range messages {
			bound := messageBytes{members}.bound(&messages[i])
			if size := proto.Size(encode(&messages[i])); size > bound {
				t.Errorf("message of %d bytes; want at most %d", size, bound)
			}
		}
		node, err := token.New(0, token.Config{
			Self: 1, Members: members, Session: 1, TTL: token.MinTTL,
			IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock, FencesPerEpoch: token.MaxFencesPerEpoch,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := node.ReceiveHello(0, 0, token.Hello{Boot: 1}); err != nil {
			t.Fatal(err)
		}
		node.PeerUp(0, 0)
		for _, m := range messages {
			node.Receive(1, 0, m)
			node.Effects()
		}
	})
}
