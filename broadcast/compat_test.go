package broadcast

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// In a rolling upgrade, members of two versions speak to each other. The files in
// testdata/frames hold frames as released versions send them, and stay unchanged: a version
// that no longer understands one of them cannot be rolled out beside that release. Where the
// version of the protocol differs, HELLO is refused, and the rest is read as it was meant. A
// new release adds its own file by
//
//	go test ./broadcast -run TestFramesOfEarlierVersions -record testdata/frames/VERSION.txt
var recordFrames = flag.String("record", "", "write the frames of this version to `FILE`")

// compatMembers is the member list of the recorded frames. Member 0 sends, 1 receives.
var compatMembers = []string{"127.0.0.1:7401", "127.0.0.1:7402", "node3.example:7400"}

// compatHello is the recorded HELLO.
var compatHello = token.Hello{Incarnation: compatIncarnation, Boot: 5, Counter: 2, Floor: 7, KnownSession: 3, KnownOf: compatIncarnation, Remembers: true}

var compatIncarnation = token.Incarnation{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}

// compatFrame is a frame and the messages that must be read from it. The names of frames that
// not all versions know begin with one of the words below.
type compatFrame struct {
	name     string
	messages []token.Message
}

const sharedFrame, valueFrame, noteFrame, membersFrame = "shared: ", "value: ", "note: ", "members: "

// since returns the first version that knows a frame.
func since(name string) uint32 {
	switch {
	case strings.HasPrefix(name, membersFrame):
		return 5
	case strings.HasPrefix(name, noteFrame):
		return 4
	case strings.HasPrefix(name, sharedFrame), strings.HasPrefix(name, valueFrame):
		return 3
	}
	return 2
}

// compatFrames are the recorded frames, except HELLO. They contain each kind of message,
// with a value in each field.
var compatFrames = []compatFrame{
	{"KEEP-ALIVE", nil},
	{"PING", []token.Message{{Kind: token.Ping, Incarnation: compatIncarnation, Session: 6, Begun: true, Stamp: 1234567890}}},
	{"PONG", []token.Message{{Kind: token.Pong, Incarnation: compatIncarnation, Stamp: 1234567890}}},
	{"BUSY", []token.Message{{Kind: token.Busy, Locks: []string{"deploy", "nächtlich"}}}},
	{"CLEAR", []token.Message{{Kind: token.Clear, Incarnation: compatIncarnation}}},
	{"BYE", []token.Message{{Kind: token.Bye, Session: 6}}},
	{"KNOWN", []token.Message{{Kind: token.Known, Session: 6, Incarnation: compatIncarnation}}},
	{"REQUEST", []token.Message{{Kind: token.Request, Lock: "nächtlich", Number: token.Number{Session: 6, Count: 300}}}},
	{"TOKEN", []token.Message{{
		Kind: token.TokenMessage, Lock: "deploy", Session: 9,
		Token: &token.Token{
			Epoch: token.Epoch{Number: 1000, Proposer: 2}, Hop: 17, Fence: 1000<<token.FenceBits + 41,
			LastGranted: []token.Number{{Session: 6, Count: 299}, {Session: 9, Count: 1}, {Session: 4, Count: 70000}},
			Queue:       []token.Member{2, 0},
		},
	}}},
	{"TOKEN with an empty queue", []token.Message{{
		Kind: token.TokenMessage, Lock: "deploy", Session: 9,
		Token: &token.Token{
			Epoch: token.Epoch{Number: 1000, Proposer: 0}, Hop: 1, Fence: 1000 << token.FenceBits,
			LastGranted: []token.Number{{Session: 6, Count: 299}, {}, {}},
		},
	}}},
	{"PROBE", []token.Message{{Kind: token.Probe, Lock: "deploy", Number: token.Number{Session: 6, Count: 300}, Probe: 8, Helper: 1}}},
	{"PROBE without a helper", []token.Message{{Kind: token.Probe, Lock: "deploy", Number: token.Number{Session: 6, Count: 300}, Probe: 9, Helper: token.NoMember}}},
	{"PROBE-ANSWER hold", []token.Message{{Kind: token.ProbeAnswer, Lock: "deploy", Probe: 8, Answer: token.Hold, InUse: true, Members: []token.Member{2}}}},
	{"PROBE-ANSWER recent", []token.Message{{Kind: token.ProbeAnswer, Lock: "deploy", Probe: 8, Answer: token.Recent}}},
	{"PROBE-ANSWER none", []token.Message{{Kind: token.ProbeAnswer, Lock: "deploy", Probe: 8, Answer: token.None, Members: []token.Member{2}}}},
	{"BALLOT", []token.Message{{
		Kind: token.Ballot, Lock: "deploy", Number: token.Number{Session: 6, Count: 300},
		Ballot: token.Epoch{Number: 1001, Proposer: 0}, Members: []token.Member{2},
	}}},
	{"BALLOT-ANSWER hold", []token.Message{compatAnswer(token.Hold, 0)}},
	{"BALLOT-ANSWER outbid", []token.Message{compatAnswer(token.Outbid, 1005)}},
	{"BALLOT-ANSWER too low", []token.Message{compatAnswer(token.TooLow, 1006)}},
	{"BALLOT-ANSWER promise", []token.Message{compatAnswer(token.Promise, 1)}},
	{"ABORT", []token.Message{{Kind: token.Abort, Lock: "deploy", Ballot: token.Epoch{Number: 1001, Proposer: 0}}}},
	{sharedFrame + "TOKEN", []token.Message{{
		Kind: token.TokenMessage, Lock: "deploy", Session: 9,
		Token: &token.Token{
			Epoch: token.Epoch{Number: 1000, Proposer: 2}, Hop: 17, Fence: 1000<<token.FenceBits + 41,
			LastGranted: []token.Number{{Session: 6, Count: 299}, {Session: 9, Count: 1}, {Session: 4, Count: 70000}},
			Limit:       300, LimitBy: 2, LimitAt: 1000<<token.FenceBits + 40,
			Shares: []token.Share{
				{Member: 0, Session: 6, ID: 1000<<token.FenceBits + 40, Permits: 200},
				{Member: 2, Session: 9, ID: 1000<<token.FenceBits + 41, Permits: 1},
			},
		},
	}}},
	{sharedFrame + "TOKEN without shares", []token.Message{{
		Kind: token.TokenMessage, Lock: "deploy", Session: 9,
		Token: &token.Token{
			Epoch: token.Epoch{Number: 1000, Proposer: 0}, Hop: 1, Fence: 1000 << token.FenceBits,
			LastGranted: []token.Number{{Session: 6, Count: 299}, {}, {}},
			Limit:       token.Unlimited, LimitAt: 1000 << token.FenceBits,
		},
	}}},
	{sharedFrame + "BALLOT-ANSWER promise", []token.Message{sharedAnswer()}},
	{sharedFrame + "RECALL", []token.Message{{
		Kind: token.Recall, Lock: "deploy", Recaller: 2, Anyhow: true,
		Share: token.Share{Member: 1, Session: 9, ID: 1000<<token.FenceBits + 41, Permits: 5},
	}}},
	{sharedFrame + "DONE", []token.Message{{
		Kind: token.Done, Lock: "deploy", Recaller: 1, Kept: 4,
		Share: token.Share{Member: 0, Session: 9, ID: 1000<<token.FenceBits + 41, Permits: 5},
	}}},
	{sharedFrame + "PROBE that sets a limit", []token.Message{{
		Kind: token.Probe, Lock: "deploy", Number: token.Number{Session: 6, Count: 300}, Probe: 8, Helper: token.NoMember,
		Limit: 301, LimitAt: 1000<<token.FenceBits + 40,
	}}},
	{sharedFrame + "PROBE-ANSWER hold", []token.Message{{
		Kind: token.ProbeAnswer, Lock: "deploy", Probe: 8, Answer: token.Hold, InUse: true,
		Limit: 301, LimitAt: 1000<<token.FenceBits + 41,
	}}},
	{valueFrame + "SAY", []token.Message{{
		Kind: token.Say, Lock: "deploy",
		Saying: &token.Saying{Session: 9, Fence: 1000<<token.FenceBits + 41, Count: 300, Value: "at https://a.example/, since noon"},
	}}},
	{valueFrame + "SAY over", []token.Message{{
		Kind: token.Say, Lock: "deploy",
		Saying: &token.Saying{Session: 9, Fence: 1000<<token.FenceBits + 41, Count: 301, None: true},
	}}},
	{noteFrame + "TOKEN", []token.Message{{
		Kind: token.TokenMessage, Lock: "deploy", Session: 9,
		Token: &token.Token{
			Epoch: token.Epoch{Number: 1000, Proposer: 2}, Hop: 17, Fence: 1000<<token.FenceBits + 41,
			LastGranted: []token.Number{{Session: 6, Count: 299}, {Session: 9, Count: 1}, {Session: 4, Count: 70000}},
			Run:         &compatRun(token.RunBegun).RunMark, Kept: compatKept(false),
		},
	}}},
	{noteFrame + "BALLOT-ANSWER promise", []token.Message{notedAnswer()}},
	{noteFrame + "WITNESS of a run", []token.Message{{
		Kind: token.Witness, Lock: "deploy", Note: &token.Note{Run: compatRun(token.RunVoid), Epoch: token.Epoch{Number: 1000, Proposer: 2}},
	}}},
	{noteFrame + "WITNESS of a kept hold", []token.Message{{
		Kind: token.Witness, Lock: "deploy", Note: &token.Note{Kept: compatKept(true)},
	}}},
	{noteFrame + "WITNESS-ANSWER noted", []token.Message{compatWitness(token.Noted, 0)}},
	{noteFrame + "WITNESS-ANSWER outbid", []token.Message{compatWitness(token.Outbid, 1005)}},
	{noteFrame + "WITNESS-ANSWER full", []token.Message{compatWitness(token.Full, 0)}},
	{noteFrame + "WITNESS-ANSWER no disk", []token.Message{{
		Kind: token.WitnessAnswer, Lock: "deploy", Answer: token.NoDisk,
		Note: &token.Note{About: token.NoteID{KeptFence: 1000<<token.FenceBits + 41, Over: true}},
	}}},
	{membersFrame + "MEMBERSHIP", []token.Message{{Kind: token.MembershipMessage, Change: &token.Change{Membership: compatMembership(3)}}}},
	{membersFrame + "MEMBERSHIP of one list", []token.Message{{Kind: token.MembershipMessage, Change: &token.Change{Membership: compatMembership(2)}}}},
	{membersFrame + "CHOOSE", []token.Message{{Kind: token.Choose, Change: &token.Change{Version: 2, Round: token.Epoch{Number: 7}}}}},
	{membersFrame + "CHOOSE-ANSWER", []token.Message{{Kind: token.ChooseAnswer, Change: &token.Change{
		Version: 2, Round: token.Epoch{Number: 7, Proposer: 1}, Promised: token.Epoch{Number: 9, Proposer: 2},
	}}}},
	{membersFrame + "CHOOSE-ANSWER with a proposal", []token.Message{{Kind: token.ChooseAnswer, Change: &token.Change{
		Version: 2, Round: token.Epoch{Number: 7, Proposer: 1}, Promised: token.Epoch{Number: 7, Proposer: 1},
		Accepted: token.Epoch{Number: 3, Proposer: 2}, Next: compatMembership(3).Next, IDs: 4,
	}}}},
	{membersFrame + "ACCEPT", []token.Message{{Kind: token.Accept, Change: &token.Change{
		Version: 2, Round: token.Epoch{Number: 7}, Next: compatMembership(3).Next, IDs: 4,
	}}}},
	{membersFrame + "ACCEPT-ANSWER", []token.Message{{Kind: token.AcceptAnswer, Change: &token.Change{
		Version: 2, Round: token.Epoch{Number: 7, Proposer: 1}, Promised: token.Epoch{Number: 7, Proposer: 1},
	}}}},
	{membersFrame + "JOINED", []token.Message{{Kind: token.Joined, Members: []token.Member{2}, Change: &token.Change{Version: 3, Ask: 300}}}},
	{membersFrame + "JOINED-ANSWER", []token.Message{{
		Kind: token.JoinedAnswer, Members: []token.Member{2}, Change: &token.Change{Version: 3, Ask: 300, Joined: true, Highest: 1000},
	}}},
	{membersFrame + "SYNC", []token.Message{{Kind: token.Sync, Change: &token.Change{Version: 3, After: "nächtlich"}}}},
	{membersFrame + "SYNC-ANSWER", []token.Message{{Kind: token.SyncAnswer, Change: &token.Change{
		Version: 3, After: "deploy", More: true, Notes: []token.LockNotes{
			{Lock: "nightly", Notes: token.Notes{Run: *compatRun(token.RunDone), Kept: *compatKept(true)}},
			{Lock: "nächtlich", Notes: token.Notes{Kept: *compatKept(false)}},
		},
	}}}},
	{"several in one frame", []token.Message{
		{Kind: token.Request, Lock: "a", Number: token.Number{Session: 6, Count: 1}},
		{Kind: token.Ping, Incarnation: compatIncarnation, Session: 6, Stamp: -1},
		{Kind: token.Request, Lock: "b", Number: token.Number{Session: 6, Count: 1}},
	}},
}

func compatAnswer(answer token.Answer, highest uint64) token.Message {
	m := token.Message{
		Kind: token.BallotAnswer, Lock: "deploy", Answer: answer, Ballot: token.Epoch{Number: 1001, Proposer: 1},
		Highest: token.Epoch{Number: highest, Proposer: 2}, Number: token.Number{Session: 6, Count: 12}, Waiting: true,
	}
	if answer == token.Promise {
		m.Members = []token.Member{2}
	}
	return m
}

func sharedAnswer() token.Message {
	m := compatAnswer(token.Promise, 1)
	m.Share = token.Share{Member: 0, Session: 6, ID: 1000<<token.FenceBits + 41, Permits: 1}
	m.Limit, m.LimitBy, m.LimitAt = token.Unlimited, 1, 1000<<token.FenceBits+40
	return m
}

func compatRun(state token.RunState) *token.Run {
	return &token.Run{
		RunMark: token.RunMark{Tick: 1790000000, Fence: 1000<<token.FenceBits + 41, State: state},
		Until:   1793024000, About: `{"host":"a.example","exit":0}`,
	}
}

func compatKept(over bool) *token.KeptHold {
	return &token.KeptHold{Fence: 1000<<token.FenceBits + 40, Over: over, Owner: "nächtlich", Until: 1793024000, About: `{"host":"b.example"}`}
}

func notedAnswer() token.Message {
	m := compatAnswer(token.Promise, 1)
	m.Note = &token.Note{Run: compatRun(token.RunDone), Kept: compatKept(true)}
	return m
}

// compatMembership is one of the cluster of compatMembers, whose second member is replaced
// in version 3.
func compatMembership(version uint64) *token.Membership {
	m := token.NewMembership(compatMembers)
	for i := range m.Members {
		m.Members[i].Disk = token.Disk{byte(i + 1), 15: 255}
	}
	m.Version, m.Cluster, m.Floor = version, token.Cluster{1, 2, 3, 15: 4}, 1000
	if m.Joint() {
		m.IDs++
		m.Next = []token.Listed{m.Members[0], m.Members[2], {ID: 3, Address: compatMembers[1], Disk: token.Disk{4, 15: 255}}}
	}
	return m
}

// changingHello is the recorded HELLO of members that change.
func changingHello() token.Hello {
	h := compatHello
	h.Membership = compatMembership(3)
	h.Disk, h.Receiver = h.Membership.Members[0].Disk, h.Membership.Members[1].Disk
	return h
}

// changingDriver checks HELLOs as the second member of such a cluster.
func changingDriver(self token.Member, m *token.Membership) *Driver {
	d := fixedDriver(self, compatMembers)
	d.roster.Store(newRoster(self, diskOf(m, self), m, nil))
	return d
}

func compatWitness(answer token.Answer, highest uint64) token.Message {
	m := token.Message{
		Kind: token.WitnessAnswer, Lock: "deploy", Answer: answer,
		Note: &token.Note{
			Run: compatRun(token.RunDone), Kept: compatKept(true), Epoch: token.Epoch{Number: 1000, Proposer: 2},
			About: token.NoteID{Run: compatRun(token.RunBegun).RunMark},
		},
	}
	if highest != 0 {
		m.Highest = token.Epoch{Number: highest, Proposer: 1}
	}
	return m
}

// fixedDriver is a driver that checks HELLOs, and does nothing else.
func fixedDriver(self token.Member, members []string) *Driver {
	d := &Driver{self: self, ttl: 2 * time.Second, mostBallot: func() uint64 { return wire.MaxBallot }}
	d.roster.Store(fixedRoster(self, members))
	return d
}

func compatDriver() *Driver {
	return fixedDriver(1, compatMembers)
}

// record writes the frames as this version sends them.
func record(file string) error {
	var text bytes.Buffer
	sender := fixedDriver(0, compatMembers)
	hello, err := proto.Marshal(sender.helloFrame(1, compatHello))
	if err != nil {
		return err
	}
	fmt.Fprintf(&text, "%x HELLO\n", hello)
	if hello, err = proto.Marshal(changingDriver(0, compatMembership(3)).helloFrame(1, changingHello())); err != nil {
		return err
	}
	fmt.Fprintf(&text, "%x %s\n", hello, membersFrame+"HELLO")
	for _, f := range compatFrames {
		encoded, err := wire.AppendFrame(nil, f.messages)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x %s\n", encoded, f.name)
	}
	return os.WriteFile(file, text.Bytes(), 0o600)
}

// readFrames reads a file of recorded frames: HEX NAME a line.
func readFrames(t *testing.T, file string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	frames := make(map[string][]byte)
	for line := range strings.Lines(string(text)) {
		encoded, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		wire, err := hex.DecodeString(encoded)
		if err != nil || name == "" || frames[name] != nil {
			t.Fatalf("%s: got the line %q, want HEX NAME, each name once (%v)", file, line, err)
		}
		frames[name] = wire
	}
	return frames
}

// TestFramesOfEarlierVersions: this version understands frames of earlier versions.
func TestFramesOfEarlierVersions(t *testing.T) {
	if *recordFrames != "" {
		if err := record(*recordFrames); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := os.ReadDir("testdata/frames")
	if err != nil || len(versions) == 0 {
		t.Fatalf("testdata/frames: got %d files (%v), want one for each earlier version", len(versions), err)
	}
	for _, version := range versions {
		t.Run(version.Name(), func(t *testing.T) {
			frames := readFrames(t, "testdata/frames/"+version.Name())
			spoken := checkRecordedHello(t, compatDriver(), compatHello, frames["HELLO"])
			if spoken >= since(membersFrame) {
				checkRecordedHello(t, changingDriver(1, compatMembership(3)), changingHello(), frames[membersFrame+"HELLO"])
			}
			for _, want := range compatFrames {
				encoded, recorded := frames[want.name]
				if !recorded {
					if spoken < since(want.name) {
						continue
					}
					t.Errorf("%s: not recorded", want.name)
					continue
				}
				got := wire.ReceivedFrame{Decoder: testDecoder(len(compatMembers), 0, 1)}
				if strings.HasPrefix(want.name, membersFrame) {
					got.Decoder.Changes, got.Decoder.Members = true, 4
				}
				if err := errors.Join(got.Decode(encoded), got.Err); err != nil {
					t.Errorf("%s: %v", want.name, err)
				} else if len(got.Messages)+len(want.messages) > 0 && !reflect.DeepEqual(got.Messages, want.messages) {
					t.Errorf("%s: read\n\t%+v\nwant\n\t%+v", want.name, got.Messages, want.messages)
				}
			}
		})
	}
}

// checkRecordedHello: a member of this version accepts the other's stream, if both speak the
// same version of the protocol. It returns the other's.
func checkRecordedHello(t *testing.T, d *Driver, want token.Hello, wire []byte) (version uint32) {
	t.Helper()
	var frame peerv1.Frame
	if err := proto.Unmarshal(wire, &frame); err != nil {
		t.Fatal(err)
	}
	version = firstOf(&frame).GetHello().GetVersion()
	from, greeting, refusal := d.checkHello(firstOf(&frame).GetHello())
	if version != ProtocolVersion {
		if want := fmt.Sprintf("protocol version %d; want %d", version, ProtocolVersion); refusal == nil || refusal.reason != want {
			t.Errorf("HELLO of version %d: %v; want it refused for %q", version, refusal, want)
		}
		return version
	}
	if refusal != nil {
		t.Fatalf("HELLO was refused: %s", refusal.reason)
	}
	if from != 0 || !reflect.DeepEqual(greeting.hello, want) {
		t.Errorf("HELLO: read member %d, %+v; want member 0, %+v", from, greeting.hello, want)
	}
	return version
}

// Members of version 1 numbered ballots in seconds, so their tokens mean something else.
// Members of version 2 would lose the shares that a token carries, and those of version 3 its
// run and its kept hold; version 4 knew no members that change. Their HELLO is refused, and the
// reason names both versions.
func TestHelloOfEarlierVersionsIsRefused(t *testing.T) {
	for version, file := range map[int]string{1: "testdata/version-1.txt", 2: "testdata/frames/0.1.0.txt", 3: "testdata/frames/version-3.txt", 4: "testdata/frames/version-4.txt"} {
		var frame peerv1.Frame
		if err := proto.Unmarshal(readFrames(t, file)["HELLO"], &frame); err != nil {
			t.Fatal(err)
		}
		_, _, refusal := compatDriver().checkHello(firstOf(&frame).GetHello())
		if want := fmt.Sprintf("protocol version %d; want %d", version, ProtocolVersion); refusal == nil || refusal.reason != want {
			t.Errorf("HELLO of version %d: %v; want it refused for %q", version, refusal, want)
		}
	}
}

// A lock that nobody shares has the same frames as in version 2, one without runs and kept
// holds the same as in version 3, and while no members change all are those of version 4, byte
// for byte.
func TestFramesWithoutNewerFieldsAreThoseOfEarlierVersions(t *testing.T) {
	for version, file := range map[uint32]string{2: "testdata/frames/0.1.0.txt", 3: "testdata/frames/version-3.txt", 4: "testdata/frames/version-4.txt"} {
		recorded := readFrames(t, file)
		for _, f := range compatFrames {
			if version < since(f.name) {
				continue
			}
			if got, err := wire.AppendFrame(nil, f.messages); err != nil || !bytes.Equal(got, recorded[f.name]) {
				t.Errorf("version %d: %s: %x, %v; want %x", version, f.name, got, err, recorded[f.name])
			}
		}
	}
}

// TestEachKindOfMessageIsRecorded fails if a kind of message is added without a recorded
// frame.
func TestEachKindOfMessageIsRecorded(t *testing.T) {
	recorded := make(map[token.MessageKind]bool)
	for _, f := range compatFrames {
		for _, m := range f.messages {
			recorded[m.Kind] = true
		}
	}
	kinds := (&peerv1.Message{}).ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	if got, want := len(recorded), kinds.Len()-1; got != want { // HELLO is recorded apart
		t.Errorf("%d kinds of messages are in compatFrames, and peer.proto has %d beside HELLO; add the others", got, want)
	}
}
