package wire

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"conch/internal/verify/messages"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// testDecoder decodes one member's messages to another, at a time when every ballot number
// that fits a fence is plausible.
func testDecoder(members int, from, self token.Member) Decoder {
	return Decoder{Members: members, Changes: true, Self: self, From: from, MaxBallot: func() uint64 { return MaxBallot }}
}

// Messages arrive as they were sent, in as few frames as are surely short enough.
func TestMessagesPassTheWireUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(2, 6).Draw(t, "members")
		d := testDecoder(members, 0, 1)
		sent := rapid.SliceOf(messages.Any(members, d.From, d.Self)).Draw(t, "messages")
		wire, err := AppendFrame(nil, sent)
		if err != nil {
			t.Fatal(err)
		}
		frame := ReceivedFrame{Decoder: d}
		if err := errors.Join(frame.Decode(wire), frame.Err); err != nil {
			t.Fatal(err)
		}
		got := frame.Messages
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

// frameBytes is the length of a frame of messages.
func frameBytes(t *testing.T, messages ...token.Message) int {
	t.Helper()
	wire, err := AppendFrame(nil, messages)
	if err != nil {
		t.Fatal(err)
	}
	return len(wire)
}

func TestMessageBytesAreNotExceeded(t *testing.T) {
	const most = math.MaxUint64
	name := strings.Repeat("x", maxNameBytes)
	longRun := &token.Run{RunMark: token.RunMark{Tick: -1, Fence: most, State: token.RunDone}, Until: -1, About: strings.Repeat("x", token.MaxAboutBytes)}
	longKept := &token.KeptHold{
		Fence: most, Over: true, Owner: strings.Repeat("x", token.MaxOwnerBytes), Until: -1, About: strings.Repeat("x", token.MaxAboutBytes),
	}
	longList := slices.Repeat([]token.Listed{{ID: token.MaxIDs, Address: strings.Repeat("x", MaxAddressBytes), Disk: token.Disk{1}}}, token.MaxListed)
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
				{Kind: token.TokenMessage, Lock: name, Session: most, Token: &token.Token{
					Epoch: token.Epoch{Number: most, Proposer: token.Member(members - 1)}, Hop: most, Fence: most,
					LastGranted: slices.Repeat([]token.Number{largest}, members), Queue: all,
					Limit: token.Unlimited, LimitBy: token.Member(members - 1), LimitAt: most,
					Shares: slices.Repeat([]token.Share{{Member: token.Member(members - 1), Session: most, ID: most, Permits: math.MaxUint32}}, members),
					Run:    &longRun.RunMark, Kept: longKept,
				}},
				{Kind: token.Done, Lock: name, Recaller: token.Member(members - 1), Kept: math.MaxUint32,
					Share: token.Share{Member: token.Member(members - 1), Session: most, ID: most, Permits: math.MaxUint32}},
				{Kind: token.BallotAnswer, Lock: name, Ballot: token.Epoch{Number: most}, Answer: token.Promise,
					Highest: token.Epoch{Number: most}, Number: largest, Waiting: true, Members: all,
					Share: token.Share{Session: most, ID: most, Permits: math.MaxUint32},
					Limit: token.Unlimited, LimitBy: token.Member(members - 1), LimitAt: most,
					Note: &token.Note{Run: longRun, Kept: longKept}},
				{Kind: token.Witness, Lock: name, Note: &token.Note{Run: longRun, Kept: longKept, Epoch: token.Epoch{Number: most}}},
				{Kind: token.WitnessAnswer, Lock: name, Answer: token.NoDisk, Highest: token.Epoch{Number: most},
					Note: &token.Note{Run: longRun, Kept: longKept, Epoch: token.Epoch{Number: most},
						About: token.NoteID{Run: longRun.RunMark, KeptFence: most, Over: true}}},
				{Kind: token.MembershipMessage, Change: &token.Change{Membership: &token.Membership{
					Version: most, Cluster: token.Cluster{1}, Members: longList, Next: longList, IDs: token.MaxIDs, Floor: most,
				}}},
				{Kind: token.ChooseAnswer, Change: &token.Change{
					Version: most, Round: token.Epoch{Number: most, Proposer: token.MaxIDs}, Promised: token.Epoch{Number: most, Proposer: token.MaxIDs},
					Accepted: token.Epoch{Number: most, Proposer: token.MaxIDs}, Next: longList, IDs: token.MaxIDs,
				}},
				{Kind: token.JoinedAnswer, Members: all, Change: &token.Change{Version: most, Ask: most, Joined: true, Highest: most}},
				{Kind: token.SyncAnswer, Change: &token.Change{Version: most, After: name, More: true, Notes: slices.Repeat([]token.LockNotes{
					{Lock: name, Notes: token.Notes{Run: *longRun, Kept: *longKept}},
				}, notesPerAnswer)}},
				{Kind: token.Busy, Locks: slices.Repeat([]string{name}, 1024)},
				{Kind: token.Busy, Locks: slices.Repeat([]string{"x"}, 1024)},
			} {
				size := frameBytes(t, m)
				if bound := bound(&m); size > bound || bound > MaxFrameBytes/2 {
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
	for _, test := range []struct {
		name     string
		messages []token.Message
		frames   int
	}{
		{"one", []token.Message{request}, 1},
		{"a few", slices.Repeat([]token.Message{request}, 800), 1},
		{"many", slices.Repeat([]token.Message{request}, 8000), 8},
		{"long ones", slices.Repeat([]token.Message{busy}, 3), 3},
		{"one beyond half a frame", []token.Message{request, huge, request}, 3},
	} {
		frames := 0
		for rest := test.messages; len(rest) > 0; frames++ {
			k := Fit(rest)
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

// wrong is a message that is right except for one thing.
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

// rightShared is a token with a share.
func rightShared() *peerv1.Token {
	t := rightToken()
	t.Limit, t.LimitBy, t.LimitAt = 3, 2, 1
	t.Shares = []*peerv1.Share{{Member: 2, Session: 1, Id: 1<<token.FenceBits + 1, Permits: 2}}
	return t
}

func rightRecall() *peerv1.Recall {
	return &peerv1.Recall{Lock: "cs", Share: &peerv1.Share{Member: 1, Session: 1, Id: 1, Permits: 1}, Recaller: 2}
}

func TestDecodeRefusesNonsenseAboutShares(t *testing.T) {
	tok := func(change func(*peerv1.Token)) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Token{Token: wrong(rightShared, change)}}
	}
	recall := func(change func(*peerv1.Recall)) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Recall{Recall: wrong(rightRecall, change)}}
	}
	done := func(change func(*peerv1.Done)) *peerv1.Message {
		right := func() *peerv1.Done { return &peerv1.Done{Lock: "cs", Share: rightRecall().Share, Recaller: 2, Kept: 1} }
		return &peerv1.Message{Kind: &peerv1.Message_Done{Done: wrong(right, change)}}
	}
	vote := func(change func(*peerv1.BallotAnswer)) *peerv1.Message {
		right := func() *peerv1.BallotAnswer {
			v := rightBallotAnswer()
			v.Share, v.Limit, v.LimitAt = &peerv1.Share{Member: 0, Session: 1, Id: 1, Permits: 1}, 3, 1
			return v
		}
		return &peerv1.Message{Kind: &peerv1.Message_BallotAnswer{BallotAnswer: wrong(right, change)}}
	}
	probe := func(change func(*peerv1.Probe)) *peerv1.Message {
		right := func() *peerv1.Probe {
			return &peerv1.Probe{Lock: "cs", Number: &peerv1.Number{Session: 1, Count: 1}, Probe: 1, Limit: 4, LimitAt: 1}
		}
		return &peerv1.Message{Kind: &peerv1.Message_Probe{Probe: wrong(right, change)}}
	}
	held := func(change func(*peerv1.ProbeAnswer)) *peerv1.Message {
		right := func() *peerv1.ProbeAnswer {
			return &peerv1.ProbeAnswer{Lock: "cs", Probe: 1, Kind: peerv1.ProbeAnswer_KIND_HOLD, Limit: 4, LimitAt: 1}
		}
		return &peerv1.Message{Kind: &peerv1.Message_ProbeAnswer{ProbeAnswer: wrong(right, change)}}
	}
	d := testDecoder(3, 0, 1)
	for _, test := range []struct {
		says string
		wire *peerv1.Message
	}{
		{"limit 65536; want at most 65535", tok(func(t *peerv1.Token) { t.Limit = 65536 })},
		{"no limit, said by member 2", tok(func(t *peerv1.Token) { t.Limit, t.LimitAt, t.Shares = 0, 0, nil })},
		{"limit 0 of age 1; want both or neither", tok(func(t *peerv1.Token) { t.Limit, t.LimitBy, t.Shares = 0, 0, nil })},
		{"limit 3 of age 0; want both or neither", tok(func(t *peerv1.Token) { t.LimitAt = 0 })},
		{"ballot 549755813888; want at most", tok(func(t *peerv1.Token) { t.LimitAt = 1 << 63 })},
		{"wants the limit 65536; want at most 65535", probe(func(p *peerv1.Probe) { p.Limit = 65536 })},
		{"wants the limit 4294967295", probe(func(p *peerv1.Probe) { p.Limit = math.MaxUint32 })},
		{"wants no limit, and knows one", probe(func(p *peerv1.Probe) { p.Limit = 0 })},
		{"ballot 549755813888; want at most", probe(func(p *peerv1.Probe) { p.LimitAt = 1 << 63 })},
		{"a limit without a token", held(func(p *peerv1.ProbeAnswer) { p.Kind = peerv1.ProbeAnswer_KIND_NONE })},
		{"limit 65536; want at most 65535", held(func(p *peerv1.ProbeAnswer) { p.Limit = 65536 })},
		{"limit 4 of age 0", held(func(p *peerv1.ProbeAnswer) { p.LimitAt = 0 })},
		{"ballot 549755813888; want at most", held(func(p *peerv1.ProbeAnswer) { p.LimitAt = 1 << 63 })},
		{"the limit: member 3; want 0 to 2", tok(func(t *peerv1.Token) { t.LimitBy = 3 })},
		{"1 shares and no limit", tok(func(t *peerv1.Token) { t.Limit, t.LimitBy, t.LimitAt = 0, 0, 0 })},
		{"4 shares; want at most 3", tok(func(t *peerv1.Token) { t.Shares = slices.Repeat(t.Shares, 4) })},
		{"two shares of member 2", tok(func(t *peerv1.Token) { t.Shares = slices.Repeat(t.Shares, 2) })},
		{"share: member 3; want 0 to 2", tok(func(t *peerv1.Token) { t.Shares[0].Member = 3 })},
		{"share: member 4294967295; want 0 to 2", tok(func(t *peerv1.Token) { t.Shares[0].Member = math.MaxUint32 })},
		{"session 0; want 1", tok(func(t *peerv1.Token) { t.Shares[0].Session = 0 })},
		{"a share without a fence", tok(func(t *peerv1.Token) { t.Shares[0].Id = 0 })},
		{"want none above it", tok(func(t *peerv1.Token) { t.Shares[0].Id = t.Fence + 1 })},
		{"a share of 0 permits; want 1 to 65535", tok(func(t *peerv1.Token) { t.Shares[0].Permits = 0 })},
		{"a share of 65536 permits; want 1 to 65535", tok(func(t *peerv1.Token) { t.Shares[0].Permits = 65536 })},
		{"RECALL: bad lock name", recall(func(r *peerv1.Recall) { r.Lock = "" })},
		{"RECALL: a share without a fence", recall(func(r *peerv1.Recall) { r.Share = nil })},
		{"ballot 549755813888; want at most", recall(func(r *peerv1.Recall) { r.Share.Id = 1 << 63 })},
		{"recaller: member 3", recall(func(r *peerv1.Recall) { r.Recaller = 3 })},
		{"member 1 recalls its own share", recall(func(r *peerv1.Recall) { r.Recaller = 1 })},
		{"DONE: bad lock name", done(func(d *peerv1.Done) { d.Lock = "" })},
		{"DONE: a share without a fence", done(func(d *peerv1.Done) { d.Share = nil })},
		{"65536 permits kept; want at most 65535", done(func(d *peerv1.Done) { d.Kept = 65536 })},
		{"member 1 recalls its own share", done(func(d *peerv1.Done) { d.Recaller = 1 })},
		{"the share of member 1; want the sender's, 0", vote(func(v *peerv1.BallotAnswer) { v.Share.Member = 1 })},
		{"a share and no limit", vote(func(v *peerv1.BallotAnswer) { v.Limit, v.LimitAt = 0, 0 })},
		{"limit 3 of age 0", vote(func(v *peerv1.BallotAnswer) { v.LimitAt = 0 })},
		{"a share or a limit without a promise", vote(func(v *peerv1.BallotAnswer) { v.Kind = peerv1.BallotAnswer_KIND_HOLD })},
		{"limit 4294967294; want at most 65535", vote(func(v *peerv1.BallotAnswer) { v.Limit = math.MaxUint32 - 1 })},
	} {
		m, err := d.message(test.wire)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("decode %v = %+v, %v; want an error of one line with %q", test.wire, m, err, test.says)
		}
	}
	for _, right := range []*peerv1.Message{
		tok(func(*peerv1.Token) {}), recall(func(*peerv1.Recall) {}), done(func(*peerv1.Done) {}), vote(func(*peerv1.BallotAnswer) {}),
		probe(func(*peerv1.Probe) {}), probe(func(p *peerv1.Probe) { p.LimitAt = 0 }), held(func(*peerv1.ProbeAnswer) {}),
	} {
		if _, err := d.message(right); err != nil {
			t.Errorf("decode %v: %v; want no error", right, err)
		}
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
		{"a second HELLO", &peerv1.Message{Kind: &peerv1.Message_Hello{Hello: &peerv1.Hello{}}}},
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
		d.Changes = false
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

// FuzzDecode: any bytes from a member are refused, or make sense to the algorithm, which
// takes them without a panic.
func FuzzDecode(f *testing.F) {
	const members = 3
	for seed := range 50 {
		m := messages.Any(members, 0, 1).Example(seed)
		wire, err := AppendFrame(nil, []token.Message{m})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		frame := ReceivedFrame{Decoder: testDecoder(members, 0, 1)}
		if frame.Decode(wire) != nil || frame.Err != nil {
			return
		}
		messages := frame.Messages
		for i := range messages {
			bound := bound(&messages[i])
			if size := proto.Size(encode(&messages[i])); size > bound {
				t.Errorf("message of %d bytes; want at most %d", size, bound)
			}
		}
		membership := token.NewMembership([]string{"a:1", "b:1", "c:1"})
		for i := range membership.Members {
			membership.Members[i].Disk = token.Disk{byte(i + 1)}
		}
		membership.Cluster = token.Cluster{1}
		node, err := token.New(0, token.Config{
			Self: 1, Membership: membership, Disk: membership.Members[1].Disk, Session: 1, TTL: token.MinTTL,
			IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock, FencesPerEpoch: token.MaxFencesPerEpoch,
			Remembers: true, MaxNotes: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := node.ReceiveHello(0, 0, token.Hello{Boot: 1, Membership: membership, Disk: membership.Members[0].Disk}); err != nil {
			t.Fatal(err)
		}
		node.PeerUp(0, 0)
		for _, m := range messages {
			node.Receive(1, 0, m)
			node.Effects()
			if m.Kind == token.MembershipMessage && m.Change.Membership.IDs > node.InspectMembership().Membership.IDs {
				return // the driver ends the stream
			}
		}
	})
}
