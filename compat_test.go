package conch_test

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
)

// Clients and nodes of two versions speak to each other. The files in testdata/frames hold
// messages of released versions, and stay unchanged. A new release adds its own file by
//
//	go test . -run TestFramesOfEarlierVersions -record testdata/frames/VERSION.txt
var recordFrames = flag.String("record", "", "write the frames of this version to `FILE`")

const compatMember = "127.0.0.1:7401"

var compatIncarnation = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}

var compatClient = &clientv1.Client{Host: "machine", Pid: 4711, User: "alice", Command: "./backup --all", Identity: "alice"}

// said is one recorded message, and what must be read from it.
type said struct {
	name    string
	message proto.Message
}

func byClient(name string, messages ...*clientv1.ClientMessage) said {
	return said{name, &clientv1.ClientFrame{Messages: messages}}
}

func byNode(name string, messages ...*clientv1.NodeMessage) said {
	return said{name, &clientv1.NodeFrame{Messages: messages}}
}

// compatFrames are the recorded messages, each with a value in each of its fields.
var compatFrames = []said{
	byClient("client HELLO", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{Version: 1, Incarnation: compatIncarnation, Client: compatClient}}}),
	byClient("client ACQUIRE wait", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: 7, Lock: "nächtlich", Mode: clientv1.Acquire_MODE_WAIT}}}),
	byClient("client ACQUIRE try", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: 8, Lock: "nächtlich", Mode: clientv1.Acquire_MODE_TRY}}}),
	byClient("client ACQUIRE second wait", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: 10, Lock: "nächtlich", Mode: clientv1.Acquire_MODE_WAIT}}}),
	byClient("client ACQUIRE resume", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: 9, Lock: "other", Mode: clientv1.Acquire_MODE_WAIT, ResumeFence: 1000<<32 + 41}}}),
	byClient("client WITHDRAW", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Withdraw{Withdraw: &clientv1.Withdraw{Id: 10}}}),
	byClient("client RELEASE", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Release{Release: &clientv1.Release{Id: 7, Lock: "nächtlich", Fence: 1000<<32 + 41}}}),
	byClient("client PING", &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: 1234567890}}}),
	byNode("node WELCOME", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Welcome{Welcome: &clientv1.Welcome{Version: 1, Member: compatMember, TtlNs: 2e9}}}),
	byNode("node GRANTED", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Granted{Granted: &clientv1.Granted{Id: 7, Fence: 1000<<32 + 41, Stamp: 1234567890, HadPing: true, Session: 6, LeaseRemainingNs: 19e8}}}),
	byNode("node REFUSED", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Refused{Refused: &clientv1.Refused{Id: 8, Error: &clientv1.Error{Code: clientv1.Code_CODE_BUSY, Message: "in use"}}}}),
	byNode("node WITHDRAWN", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Withdrawn{Withdrawn: &clientv1.Withdrawn{Id: 8}}}),
	byNode("node WARNED", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Warned{Warned: &clientv1.Warned{Ids: []uint64{7, 9}, Reason: clientv1.Reason_REASON_BREAK, LeaseRemainingNs: 5e8, Text: "it hangs"}}}),
	byNode("node LOST", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Lost{Lost: &clientv1.Lost{Ids: []uint64{7}, Reason: clientv1.Reason_REASON_NODE_LEAVING, Text: "it stops"}}}),
	byNode("node RELEASED", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Released{Released: &clientv1.Released{Id: 7, Lock: "nächtlich", Fence: 1000<<32 + 41, Outcome: clientv1.Released_OUTCOME_RELEASED}}}),
	byNode("node PONG", &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Pong{Pong: &clientv1.Pong{Stamp: 1234567890, Session: 6, LeaseRemainingNs: 19e8}}}),
	{"STATUS request", &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE}},
	{"STATUS response", &clientv1.StatusResponse{
		AnsweredBy: compatMember, Members: []string{compatMember, "b:1"}, Quorum: 2, TtlNs: 2e9,
		Statuses: []*clientv1.MemberStatus{{
			Member: compatMember, Version: "v0.1.0", Incarnation: compatIncarnation, UpNs: 1e9, Session: 6, LeaseRemainingNs: 19e8,
			Clients: 3, Holds: 2, Waits: 1, Locks: 10, MaxLocks: 1e6,
			Peers: []*clientv1.PeerStatus{{Member: "b:1", Sends: true, Receives: true, SilentNs: 1e6, RoundTripNs: 2e5}},
		}},
		Missing: []*clientv1.Missing{{Member: "b:1", Reason: "no answer"}},
	}},
	{"LIST request", &clientv1.ListLocksRequest{Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: "nächtlich"}},
	{"LIST response", &clientv1.ListLocksResponse{
		Lock: &clientv1.LockStatus{
			Lock: "nächtlich", Waiting: 1,
			Holder:    &clientv1.Holder{Member: compatMember, Client: compatClient, Fence: 41, HeldNs: 1e9, LeaseRemainingNs: 19e8, Ending: clientv1.Reason_REASON_LAPSE},
			Waiters:   []*clientv1.Waiter{{Member: "b:1", Client: compatClient, WaitedNs: 5e8, Ahead: 1}},
			Token:     &clientv1.TokenStatus{Member: compatMember, EpochNumber: 1000, EpochProposer: 1, Hop: 17, Fence: 41, Queue: []string{"b:1"}, LastGranted: []*clientv1.RequestNumber{{Session: 6, Count: 299}}, BatchLeft: 3},
			Obstacles: []*clientv1.Obstacle{{Kind: clientv1.Obstacle_KIND_HELD, Member: compatMember, Text: "held"}},
			Views:     []*clientv1.LockView{{Member: compatMember, RequestNumbers: []*clientv1.RequestNumber{{Session: 6, Count: 300}}, Requesting: true, Waiting: 1, Searching: true, LocalBatch: 4}},
		},
		Missing: []*clientv1.Missing{{Member: "b:1", Reason: "no answer"}},
	}},
	{"WATCH request", &clientv1.WatchRequest{Scope: clientv1.Scope_SCOPE_NODE, Lock: "nächtlich"}},
	{"WATCH response", &clientv1.WatchResponse{Lock: &clientv1.LockStatus{Lock: "nächtlich"}, Missing: []*clientv1.Missing{{Member: "b:1", Reason: "no answer"}}}},
	{"BREAK request", &clientv1.BreakRequest{Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: "nächtlich", Fence: 41, Reason: "it hangs", Caller: compatClient}},
	{"BREAK response", &clientv1.BreakResponse{Holder: &clientv1.Holder{Member: compatMember, Fence: 41}}},
}

// TestFramesOfEarlierVersions: this version reads messages of earlier versions as they were
// meant.
func TestFramesOfEarlierVersions(t *testing.T) {
	if *recordFrames != "" {
		var text strings.Builder
		for _, f := range compatFrames {
			wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(f.message)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%x %s\n", wire, f.name)
		}
		if err := os.WriteFile(*recordFrames, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for version, frames := range readFrames(t) {
		for _, want := range compatFrames {
			got := want.message.ProtoReflect().New().Interface()
			wire, recorded := frames[want.name]
			if !recorded {
				t.Errorf("%s: %s is not recorded", version, want.name)
			} else if err := proto.Unmarshal(wire, got); err != nil {
				t.Errorf("%s: %s: %v", version, want.name, err)
			} else if !proto.Equal(got, want.message) {
				t.Errorf("%s: %s: read\n\t%v\nwant\n\t%v", version, want.name, got, want.message)
			}
		}
	}
}

// readFrames reads the recorded frames of all versions: HEX NAME a line.
func readFrames(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	files, err := os.ReadDir("testdata/frames")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata/frames: got %d files (%v), want one for each earlier version", len(files), err)
	}
	versions := make(map[string]map[string][]byte)
	for _, file := range files {
		text, err := os.ReadFile("testdata/frames/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		frames := make(map[string][]byte)
		for line := range strings.Lines(string(text)) {
			encoded, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			wire, err := hex.DecodeString(encoded)
			if err != nil || name == "" || frames[name] != nil {
				t.Fatalf("%s: got the line %q, want HEX NAME, each name once (%v)", file.Name(), line, err)
			}
			frames[name] = wire
		}
		versions[file.Name()] = frames
	}
	return versions
}

// usedDirectory returns a data directory whose node left in order. A node with a new one
// would wait for its time to live.
func usedDirectory(t *testing.T, address string) string {
	t.Helper()
	dir := t.TempDir()
	node, err := conch.Start(t.Context(), conch.Config{Listen: address, DataDir: dir, SessionTTL: conch.MinSessionTTL})
	if err != nil {
		t.Fatal(err)
	}
	hold, err := node.Lock(t.Context(), "a lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Unlock(); err != nil {
		t.Fatal(err)
	}
	stopNode(t, node)
	return dir
}

// TestNodeServesClientsOfEarlierVersions: a node answers recorded messages of earlier
// clients.
func TestNodeServesClientsOfEarlierVersions(t *testing.T) {
	for version, frames := range readFrames(t) {
		t.Run(version, func(t *testing.T) {
			// The recorded client sends one PING, so its lease must last.
			address := freeAddress()
			node, err := conch.Start(t.Context(), conch.Config{Listen: address, DataDir: usedDirectory(t, address), SessionTTL: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer stopNode(t, node)
			old := attach(t, node.Address(), frames)
			old.send("client HELLO", 0)
			if welcome := old.receive().GetWelcome(); welcome.GetVersion() != 1 || welcome.GetMember() != node.Address() {
				t.Fatalf("HELLO was answered by %v, want WELCOME of version 1 by %s", welcome, node.Address())
			}
			old.send("client PING", 0)
			if pong := old.receive().GetPong(); pong.GetStamp() != 1234567890 {
				t.Fatalf("PING was answered by %v, want PONG with its stamp", pong)
			}
			old.send("client ACQUIRE wait", 0)
			granted := old.receive().GetGranted()
			if granted.GetId() != 7 || granted.GetFence() == 0 {
				t.Fatalf("ACQUIRE was answered by %v, want GRANTED 7 with a fence", granted)
			}
			old.send("client ACQUIRE try", 0)
			if refused := old.receive().GetRefused(); refused.GetId() != 8 || refused.GetError().GetCode() != clientv1.Code_CODE_BUSY {
				t.Fatalf("a try was answered by %v, want REFUSED 8 since it is in use", refused)
			}
			old.send("client ACQUIRE resume", 0)
			if lost := old.receive().GetLost(); len(lost.GetIds()) != 1 || lost.GetIds()[0] != 9 {
				t.Fatalf("ACQUIRE of a hold that is not there was answered by %v, want LOST 9", lost)
			}
			old.send("client ACQUIRE second wait", 0)
			old.send("client WITHDRAW", 0)
			if withdrawn := old.receive().GetWithdrawn(); withdrawn.GetId() != 10 {
				t.Fatalf("WITHDRAW was answered by %v, want WITHDRAWN 10", withdrawn)
			}
			old.send("client RELEASE", granted.GetFence())
			old.send("client PING", 0)
			if released := old.receive().GetReleased(); released.GetId() != 7 || released.GetOutcome() != clientv1.Released_OUTCOME_RELEASED {
				t.Fatalf("RELEASE was answered by %v, want RELEASED 7", released)
			}
		})
	}
}

// earlier is a client of an earlier version.
type earlier struct {
	t      *testing.T
	frames map[string][]byte
	stream grpc.BidiStreamingClient[clientv1.ClientFrame, clientv1.NodeFrame]
	got    []*clientv1.NodeMessage
}

func attach(t *testing.T, address string, frames map[string][]byte) *earlier {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	stream, err := clientv1.NewLockServiceClient(conn).Attach(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &earlier{t: t, frames: frames, stream: stream}
}

// send sends a recorded frame; with a fence, in place of the recorded one.
func (e *earlier) send(name string, fence uint64) {
	e.t.Helper()
	var frame clientv1.ClientFrame
	if err := proto.Unmarshal(e.frames[name], &frame); err != nil {
		e.t.Fatal(err)
	}
	if fence != 0 {
		frame.GetMessages()[0].GetRelease().Fence = fence
	}
	if err := e.stream.Send(&frame); err != nil {
		e.t.Fatal(err)
	}
}

// receive returns the next message.
func (e *earlier) receive() *clientv1.NodeMessage {
	e.t.Helper()
	for len(e.got) == 0 {
		frame, err := e.stream.Recv()
		if err != nil {
			e.t.Fatal(err)
		}
		e.got = frame.GetMessages()
	}
	next := e.got[0]
	e.got = e.got[1:]
	return next
}
