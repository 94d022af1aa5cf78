package broadcast

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// FuzzHello: any first frame of a stream is refused with a reason of bounded length, or it
// is a member's and the algorithm takes it.
func FuzzHello(f *testing.F) {
	members := []string{"127.0.0.1:7401", "127.0.0.1:7402", "node3.example:7400"}
	d := fixedDriver(1, members)
	right := func(change func(*peerv1.Hello)) []byte {
		h := &peerv1.Hello{
			Version: ProtocolVersion, Member: members[0], Incarnation: make([]byte, len(token.Incarnation{})),
			Boot: 5, Counter: 1, Members: members, Ttl: int64(d.ttl), Floor: 7, KnownSession: 3,
		}
		change(h)
		wire, err := proto.Marshal(&peerv1.Frame{Messages: []*peerv1.Message{{Kind: &peerv1.Message_Hello{Hello: h}}}})
		if err != nil {
			f.Fatal(err)
		}
		return wire
	}
	for _, change := range []func(*peerv1.Hello){
		func(*peerv1.Hello) {},
		func(h *peerv1.Hello) { h.Version = 99 },
		func(h *peerv1.Hello) { h.Member = members[1] },
		func(h *peerv1.Hello) { h.Member = strings.Repeat("x", 1000) },
		func(h *peerv1.Hello) { h.Members = members[:2] },
		func(h *peerv1.Hello) { h.Members = []string{members[1], members[0], members[2]} },
		func(h *peerv1.Hello) { h.Members = make([]string, 100) },
		func(h *peerv1.Hello) { h.Members = append([]string{strings.Repeat("é", 100)}, members...) },
		func(h *peerv1.Hello) { h.Ttl = -1 },
		func(h *peerv1.Hello) { h.Incarnation = nil },
		func(h *peerv1.Hello) { h.Boot, h.Counter, h.Floor = math.MaxUint64, math.MaxUint64, math.MaxUint64 },
	} {
		f.Add(right(change))
	}
	for _, m := range []*token.Membership{compatUnborn(), compatMembership(2), compatMembership(3)} {
		f.Add(right(func(h *peerv1.Hello) {
			*h = peerv1.Hello{
				Version: ProtocolVersion, Member: members[0], Incarnation: h.Incarnation, Boot: 5, Ttl: h.Ttl,
				Disk: make([]byte, 16), Membership: wire.EncodeMembership(m), ReceiverDisk: make([]byte, 16),
			}
		}))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wire []byte) {
		var frame peerv1.Frame
		if proto.Unmarshal(wire, &frame) != nil {
			return
		}
		hello := firstOf(&frame).GetHello()
		if hello == nil {
			return
		}
		from, h, refusal := d.checkHello(hello)
		if refusal != nil {
			if from == d.self || len(refusal.reason) > 4096 || !utf8.ValidString(refusal.reason) {
				t.Errorf("of member %d, refused with %d bytes: %q", from, len(refusal.reason), refusal.reason)
			}
			return
		}
		if from != 0 && from != 2 {
			t.Fatalf("taken from member %d", from)
		}
		node, err := token.New(0, token.Config{
			Self: 1, Members: len(members), Session: 1, TTL: token.MinTTL,
			IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock, FencesPerEpoch: token.MaxFencesPerEpoch,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := node.ReceiveHello(0, from, h.hello); err != nil {
			t.Error(err)
		}
		node.Effects()
	})
}

// TestHelloOfManyMembersFits: the longest list that package hosts allows fits.
func TestHelloOfManyMembersFits(t *testing.T) {
	d := fixedDriver(0, slices.Repeat([]string{strings.Repeat("x", 259)}, 1024))
	if size := proto.Size(d.helloFrame(0, token.Hello{})); size > wire.MaxFrameBytes {
		t.Errorf("HELLO of %d bytes; want at most %d", size, wire.MaxFrameBytes)
	}
}
