package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"conch/internal/verify/messages"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// generated is what the generated code writes for messages.
func generated(t rapid.TB, messages []token.Message) []byte {
	t.Helper()
	frame := new(peerv1.Frame)
	for i := range messages {
		if messages[i].Kind != token.KeepAlive {
			frame.Messages = append(frame.Messages, encode(&messages[i]))
		}
	}
	wire, err := proto.Marshal(frame)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// Frames are written as the generated code would write them.
func TestFramesAreWrittenAsGeneratedCodeWritesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(2, 300).Draw(t, "members")
		sent := rapid.SliceOf(messages.Any(members, 0, 1)).Draw(t, "messages")
		got, err := AppendFrame(nil, sent)
		if want := generated(t, sent); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v\n%x; want\n%x", err, got, want)
		}
	})
}

// Frames of a busy cluster are read without the generated code. A token that carries a kept
// hold lies still.
func TestRequestsAndTokensAreReadFieldByField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(2, 300).Draw(t, "members")
		sent := rapid.SliceOf(messages.Any(members, 0, 1).Filter(func(m token.Message) bool {
			return m.Kind == token.Request || m.Kind == token.TokenMessage && m.Token.Kept == nil
		})).Draw(t, "messages")
		frame := ReceivedFrame{Decoder: testDecoder(members, 0, 1)}
		for range 2 { // the second time with memory of the first
			got, ok := frame.decodeCompact(generated(t, sent))
			if !ok || len(got) != len(sent) {
				t.Fatalf("%d messages, %v; want %d", len(got), ok, len(sent))
			}
			for i := range sent {
				if !reflect.DeepEqual(got[i], sent[i]) {
					t.Errorf("message %+v; want %+v", got[i], sent[i])
				}
			}
		}
	})
}

// A later decoding leaves earlier results unchanged.
func TestDecodedMessagesShareNoMemory(t *testing.T) {
	messages := func(lock string, n uint64) []token.Message {
		return []token.Message{
			{Kind: token.Request, Lock: lock, Number: token.Number{Session: 1, Count: n}},
			{Kind: token.TokenMessage, Lock: lock, Session: token.Session(n), Token: &token.Token{
				Epoch: token.Epoch{Number: n}, Hop: n, Fence: token.Fence(n << token.FenceBits),
				LastGranted: []token.Number{{Session: 1, Count: n}, {Session: 2, Count: n}},
				Queue:       []token.Member{token.Member(n % 2)},
			}},
		}
	}
	first, second := messages("a", 1), messages("b", 2)
	frame := ReceivedFrame{Decoder: testDecoder(2, 0, 1)}
	if err := errors.Join(frame.Decode(generated(t, first)), frame.Err); err != nil {
		t.Fatal(err)
	}
	got := frame.Messages
	if err := errors.Join(frame.Decode(generated(t, second)), frame.Err); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, first) || !reflect.DeepEqual(frame.Messages, second) {
		t.Errorf("got %+v and %+v; want %+v and %+v", got, frame.Messages, first, second)
	}
}

// oddities change a frame of a TOKEN in ways that protobuf allows or forbids.
func oddities(wire []byte) map[string][]byte {
	varint := func(field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
	}
	field := func(number protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	rest := wire
	entry, _ := part(&rest, frameMessages)
	rest = entry
	content, _ := part(&rest, messageToken)
	inside := func(extra []byte) []byte { // after the fields of the TOKEN
		return field(frameMessages, field(messageToken, slices.Concat(content, extra)))
	}
	return map[string][]byte{
		"an unknown field":            slices.Concat(wire, varint(99, 1)),
		"an unknown field inside":     inside(varint(99, 1)),
		"a hop once more":             inside(varint(tokenHop, 77)),
		"a queue that is not packed":  inside(varint(tokenQueue, 1)),
		"a queue entry beyond 32 bit": inside(field(tokenQueue, protowire.AppendVarint(nil, 1<<32+1))),
		"a field of another type":     inside(protowire.AppendFixed64(protowire.AppendTag(nil, tokenHop, protowire.Fixed64Type), 1)),
		"a number too many":           inside(field(tokenLastGranted, nil)),
		"two kinds":                   field(frameMessages, slices.Concat(entry, entry)),
		"nothing in it":               field(frameMessages, nil),
	}
}

// checkAlike checks that a frame means what the generated code reads from it.
func checkAlike(t *testing.T, wire []byte, members int) {
	t.Helper()
	d := testDecoder(members, 0, 1)
	again := d
	var frame peerv1.Frame
	var want []token.Message
	unreadable, wrong := proto.Unmarshal(wire, &frame), error(nil)
	if unreadable == nil {
		want, wrong = d.Messages(frame.GetMessages())
	}
	got := ReceivedFrame{Decoder: again}
	err := got.Decode(wire)
	if (err != nil) != (unreadable != nil) || (got.Err != nil) != (wrong != nil) {
		t.Fatalf("%x: %v, %v; want %v, %v", wire, err, got.Err, unreadable, wrong)
	}
	if len(got.Messages) != len(want) || len(want) > 0 && !reflect.DeepEqual(got.Messages, want) {
		t.Errorf("%x: %+v; want %+v", wire, got.Messages, want)
	}
}

func plainToken() []token.Message {
	return []token.Message{{Kind: token.TokenMessage, Lock: "cs", Session: 9, Token: &token.Token{
		Epoch: token.Epoch{Number: 1, Proposer: 2}, Hop: 3, Fence: 1 << token.FenceBits,
		LastGranted: []token.Number{{Session: 1, Count: 1}, {}, {Session: 1 << 60}},
	}}}
}

func TestFramesWrittenOtherwiseMeanTheSame(t *testing.T) {
	for name, wire := range oddities(generated(t, plainToken())) {
		t.Run(name, func(t *testing.T) { checkAlike(t, wire, 3) })
	}
}

// FuzzDecodeAlike: any bytes mean what the generated code reads from them.
func FuzzDecodeAlike(f *testing.F) {
	const members = 3
	for seed := range 50 {
		f.Add(generated(f, []token.Message{messages.Any(members, 0, 1).Example(seed)}))
	}
	for _, wire := range oddities(generated(f, plainToken())) {
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) { checkAlike(t, wire, members) })
}
