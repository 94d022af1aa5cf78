package clientwire_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"conch/internal/clientwire"
	"conch/internal/frames"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

var clientMessages = []frames.ClientMessage{
	{Kind: frames.Acquire, ID: 1, Lock: "x"},
	{Kind: frames.Acquire, ID: 2, Lock: "y", Try: true},
	{Kind: frames.Acquire, ID: 3, Lock: "z", ResumeFence: 9},
	{Kind: frames.Acquire, ID: 4, Lock: "z", Limit: token.Unlimited},
	{Kind: frames.Acquire, ID: 4, Lock: "z", Limit: token.MaxPermits, Try: true},
	{Kind: frames.Withdraw, ID: 4},
	{Kind: frames.Release, ID: 5, Lock: "x", Fence: 7},
	{Kind: frames.Ping, Stamp: 11},
	{Kind: frames.Say, ID: 6, Lock: "x", Fence: 7, Number: 8, Value: "here"},
	{Kind: frames.Release, ID: 5, Lock: "x", Fence: 7, Lost: true},
	{Kind: frames.Acquire, ID: 1, Lock: "x", Run: &runs.Request{Tick: 9}},
	{Kind: frames.Acquire, ID: 1, Lock: "x", Try: true, Run: &runs.Request{Tick: 9, Skip: true, Plain: true, Remember: 10}},
	{Kind: frames.Acquire, ID: 1, Lock: "x", Keep: &runs.Keep{}},
	{Kind: frames.Acquire, ID: 1, Lock: "x", Try: true, Keep: &runs.Keep{Owner: "o", Adopt: true}},
	{Kind: frames.EndRun, ID: 1, Lock: "x", Fence: 7, Run: &runs.Request{Tick: 9}, End: &runs.End{ExitCode: -1, Text: "no"}, Lasted: 11},
}

var nodeMessages = []frames.NodeMessage{
	{Kind: frames.Granted, ID: 1, Fence: 2, HadPing: true, Stamp: 3, Session: 4, Remaining: 5},
	{Kind: frames.Granted, ID: 1, Fence: 2, Session: 4},
	{Kind: frames.Refused, ID: 2, Refusal: frames.Refusal{Code: frames.CodeForbidden, Text: "no"}},
	{Kind: frames.Withdrawn, ID: 3},
	{Kind: frames.Warned, ID: 4, Reason: frames.Break, Remaining: 6, Text: "stuck"},
	{Kind: frames.Lost, ID: 5, Reason: frames.ClientLease, Text: "why"},
	{Kind: frames.Released, ID: 6, Lock: "x", Fence: 7, Outcome: frames.OutcomeNotHeld},
	{Kind: frames.Pong, Stamp: 8, Session: 9, Remaining: 10},
	{Kind: frames.Said, ID: 7, Number: 8},
	{Kind: frames.RunEnded, ID: 7, Fence: 8, RunOutcome: frames.RunNoted},
	{Kind: frames.RunEnded, ID: 7, Fence: 8, RunOutcome: frames.RunLost},
	{Kind: frames.RunEnded, ID: 7, Fence: 8, Refusal: frames.Refusal{Code: frames.CodeForbidden, Text: "no"}},
	{Kind: frames.Refused, ID: 2, Refusal: frames.Refusal{Code: frames.CodeRan, Text: "ran", Run: &runs.Run{
		RunMark: token.RunMark{Tick: 9, Fence: 7, State: token.RunDone}, Until: 1000,
		Record: runs.Record{
			Host: "h", PID: 1, User: "u", Command: "c", Identity: "i", Member: "m", Began: 100, Ended: 200, ExitCode: -3, Text: "t",
		},
	}}},
	{Kind: frames.Said, ID: 7, Number: 9, Refusal: frames.Refusal{Code: frames.CodeTooManyValues, Text: "too many"}},
}

// onWire sends a message over the wire, so that nothing but what is encoded comes back.
func onWire[M proto.Message](t *testing.T, sent, got M) M {
	t.Helper()
	data, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	return got
}

func equal[M any](a, b M) bool { return reflect.DeepEqual(a, b) }

func TestClientMessagesComeBackAsTheyWent(t *testing.T) {
	for n := range len(clientMessages) + 1 {
		frame := onWire(t, clientwire.ClientFrame(clientMessages[:n]), new(clientv1.ClientFrame))
		got, err := clientwire.ClientMessages(nil, frame)
		if err != nil || !slices.EqualFunc(got, clientMessages[:n], equal[frames.ClientMessage]) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, clientMessages[:n])
		}
	}
}

func TestNodeMessagesComeBackAsTheyWent(t *testing.T) {
	for n := range len(nodeMessages) + 1 {
		frame := onWire(t, clientwire.NodeFrame(nodeMessages[:n]), new(clientv1.NodeFrame))
		got, err := clientwire.NodeMessages(nil, frame)
		if err != nil || !slices.EqualFunc(got, nodeMessages[:n], equal[frames.NodeMessage]) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, nodeMessages[:n])
		}
	}
}

// Decoding appends, and leaves what was there.
func TestDecodingAppends(t *testing.T) {
	first := frames.ClientMessage{Kind: frames.Withdraw, ID: 99}
	got, err := clientwire.ClientMessages([]frames.ClientMessage{first}, clientwire.ClientFrame(clientMessages))
	if err != nil || len(got) != 1+len(clientMessages) || got[0] != first {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWarningsOfSeveralHoldsAreSeveralMessages(t *testing.T) {
	frame := &clientv1.NodeFrame{Messages: []*clientv1.NodeMessage{
		{Kind: &clientv1.NodeMessage_Warned{Warned: &clientv1.Warned{
			Ids: []uint64{1, 2}, Reason: clientv1.Reason_REASON_BREAK, LeaseRemainingNs: 5, Text: "stuck",
		}}},
		{Kind: &clientv1.NodeMessage_Lost{Lost: &clientv1.Lost{Ids: []uint64{3, 4}, Reason: clientv1.Reason_REASON_LAPSE}}},
	}}
	want := []frames.NodeMessage{
		{Kind: frames.Warned, ID: 1, Reason: frames.Break, Remaining: 5, Text: "stuck"},
		{Kind: frames.Warned, ID: 2, Reason: frames.Break, Remaining: 5, Text: "stuck"},
		{Kind: frames.Lost, ID: 3, Reason: frames.Lapse},
		{Kind: frames.Lost, ID: 4, Reason: frames.Lapse},
	}
	got, err := clientwire.NodeMessages(nil, frame)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// A request of a mode that there is not is refused; the stream stays open.
func TestBadModeIsARefusal(t *testing.T) {
	acquire := func(mode clientv1.Acquire_Mode, resume uint64) frames.ClientMessage {
		got, err := clientwire.ClientMessages(nil, &clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{
			{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: 1, Lock: "x", Mode: mode, ResumeFence: resume}}},
		}})
		if err != nil || len(got) != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
		return got[0]
	}
	for _, mode := range []clientv1.Acquire_Mode{clientv1.Acquire_MODE_UNSPECIFIED, 77, -1} {
		if got := acquire(mode, 0).Refusal; got.Code != frames.CodeInvalidField || !strings.Contains(got.Text, "Acquire.mode is") {
			t.Errorf("mode %d: refusal %+v", mode, got)
		}
		if got := acquire(mode, 9).Refusal; got != (frames.Refusal{}) {
			t.Errorf("mode %d of a resumption, where it does not matter: refusal %+v", mode, got)
		}
	}
}

// What goes with a plain Acquire only, or makes no sense, is refused; the stream stays open.
func TestBadRequestsForRunsAreRefused(t *testing.T) {
	run := func(a *clientv1.Acquire) *clientv1.ClientMessage {
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireRun{AcquireRun: &clientv1.AcquireRun{Acquire: a}}}
	}
	kept := func(a *clientv1.Acquire) *clientv1.ClientMessage {
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireKept{AcquireKept: &clientv1.AcquireKept{Acquire: a}}}
	}
	for want, m := range map[string]*clientv1.ClientMessage{
		"AcquireRun.acquire.limit is 4294967295, want 0": run(&clientv1.Acquire{Mode: 1, Limit: 1<<32 - 1}),
		"AcquireRun.acquire.resume_fence is 7, want 0":   run(&clientv1.Acquire{Mode: 1, ResumeFence: 7}),
		"AcquireKept.acquire.limit is 3, want 0":         kept(&clientv1.Acquire{Mode: 2, Limit: 3}),
		"AcquireKept.acquire.resume_fence is 7, want 0":  kept(&clientv1.Acquire{ResumeFence: 7}),
		"Acquire.mode is 0":                              kept(nil),
		"EndRun.ran_ns is -1, want 0 or more":            {Kind: &clientv1.ClientMessage_EndRun{EndRun: &clientv1.EndRun{RanNs: -1}}},
	} {
		got, err := clientwire.ClientMessages(nil, &clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{m}})
		if err != nil || len(got) != 1 || got[0].Refusal.Code != frames.CodeInvalidField || !strings.Contains(got[0].Refusal.Text, want) || got[0].ResumeFence != 0 {
			t.Errorf("%v: %+v, %v; want a refusal with %q", m, got, err, want)
		}
	}
}

// A state of a later version is none that this one knows.
func TestUnknownStateOfARun(t *testing.T) {
	if got := clientwire.Run(&clientv1.RunRecord{Tick: 1, State: 99}); got.State != 0 || got.Tick != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestWhatAClientMayNotSay(t *testing.T) {
	for want, m := range map[string]*clientv1.ClientMessage{
		"<nil>, want Acquire":               {},
		"_Hello, want Acquire":              {Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{}}},
		"got Ping.stamp -1, want 0 or more": {Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: -1}}},
	} {
		_, err := clientwire.ClientMessages(nil, &clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{m}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v; want an error with %q", m, err, want)
		}
	}
}

func TestWhatANodeMayNotSay(t *testing.T) {
	for want, m := range map[string]*clientv1.NodeMessage{
		"<nil>, want Granted":                    {},
		"_Welcome, want Granted":                 {Kind: &clientv1.NodeMessage_Welcome{Welcome: &clientv1.Welcome{}}},
		"got Granted.stamp -1":                   {Kind: &clientv1.NodeMessage_Granted{Granted: &clientv1.Granted{Stamp: -1}}},
		"got Granted.lease_remaining_ns -2":      {Kind: &clientv1.NodeMessage_Granted{Granted: &clientv1.Granted{LeaseRemainingNs: -2}}},
		"got Refused.error.code 256":             {Kind: &clientv1.NodeMessage_Refused{Refused: &clientv1.Refused{Error: &clientv1.Error{Code: 256}}}},
		"got Refused.error.code -1":              {Kind: &clientv1.NodeMessage_Refused{Refused: &clientv1.Refused{Error: &clientv1.Error{Code: -1}}}},
		"got Said.error.code 256":                {Kind: &clientv1.NodeMessage_Said{Said: &clientv1.Said{Error: &clientv1.Error{Code: 256}}}},
		"got Warned.reason 0, want 1 to 4":       {Kind: &clientv1.NodeMessage_Warned{Warned: &clientv1.Warned{Ids: []uint64{1}}}},
		"got Warned.lease_remaining_ns -1":       {Kind: &clientv1.NodeMessage_Warned{Warned: &clientv1.Warned{Reason: 1, LeaseRemainingNs: -1}}},
		"got Lost.reason 5, want 1 to 4":         {Kind: &clientv1.NodeMessage_Lost{Lost: &clientv1.Lost{Ids: []uint64{1}, Reason: 5}}},
		"got Released.outcome 0, want 1 to 3":    {Kind: &clientv1.NodeMessage_Released{Released: &clientv1.Released{}}},
		"got RunEnded.outcome 0, want 1 to 3":    {Kind: &clientv1.NodeMessage_RunEnded{RunEnded: &clientv1.RunEnded{}}},
		"got RunEnded.error.code 256":            {Kind: &clientv1.NodeMessage_RunEnded{RunEnded: &clientv1.RunEnded{Error: &clientv1.Error{Code: 256}}}},
		"got Pong.stamp -1, want 0 or more":      {Kind: &clientv1.NodeMessage_Pong{Pong: &clientv1.Pong{Stamp: -1}}},
		"got Pong.lease_remaining_ns -1, want 0": {Kind: &clientv1.NodeMessage_Pong{Pong: &clientv1.Pong{LeaseRemainingNs: -1}}},
	} {
		_, err := clientwire.NodeMessages(nil, &clientv1.NodeFrame{Messages: []*clientv1.NodeMessage{m}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v; want an error with %q", m, err, want)
		}
	}
}

// The numbers of package frames are those of the protocol.
func TestNumbersAreThoseOfTheProtocol(t *testing.T) {
	codes := map[frames.Code]clientv1.Code{
		frames.CodeInvalidName:  clientv1.Code_CODE_INVALID_NAME,
		frames.CodeInvalidID:    clientv1.Code_CODE_INVALID_ID,
		frames.CodeInvalidField: clientv1.Code_CODE_INVALID_FIELD,
		frames.CodeBusy:         clientv1.Code_CODE_BUSY,
		frames.CodeNoSession:    clientv1.Code_CODE_NO_SESSION,
		frames.CodeNodeLeaving:  clientv1.Code_CODE_NODE_LEAVING,
		frames.CodeTooManyWaits: clientv1.Code_CODE_TOO_MANY_WAITS,
		frames.CodeForbidden:    clientv1.Code_CODE_FORBIDDEN,
		frames.CodeTooManyNames: clientv1.Code_CODE_TOO_MANY_NAMES,
		frames.CodeOtherLimit:   clientv1.Code_CODE_OTHER_LIMIT,
		frames.CodeNotHeld:      clientv1.Code_CODE_NOT_HELD,

		frames.CodeTooManyValues: clientv1.Code_CODE_TOO_MANY_VALUES,
		frames.CodeRan:           clientv1.Code_CODE_RAN,
		frames.CodeInvalidTick:   clientv1.Code_CODE_INVALID_TICK,
		frames.CodeNotesFull:     clientv1.Code_CODE_NOTES_FULL,
		frames.CodeNoNotes:       clientv1.Code_CODE_NO_NOTES,
	}
	for code, want := range codes {
		if clientv1.Code(code) != want {
			t.Errorf("code %d; want %v, which is %d", code, want, want)
		}
	}
	reasons := map[frames.Reason]clientv1.Reason{
		frames.Lapse: clientv1.Reason_REASON_LAPSE, frames.Break: clientv1.Reason_REASON_BREAK,
		frames.NodeLeaving: clientv1.Reason_REASON_NODE_LEAVING, frames.ClientLease: clientv1.Reason_REASON_CLIENT_LEASE,
	}
	for reason, want := range reasons {
		if clientv1.Reason(reason) != want {
			t.Errorf("reason %d; want %v, which is %d", reason, want, want)
		}
	}
	outcomes := map[frames.Outcome]clientv1.Released_Outcome{
		frames.OutcomeReleased:    clientv1.Released_OUTCOME_RELEASED,
		frames.OutcomeEndedBefore: clientv1.Released_OUTCOME_ENDED_BEFORE,
		frames.OutcomeNotHeld:     clientv1.Released_OUTCOME_NOT_HELD,
	}
	for outcome, want := range outcomes {
		if clientv1.Released_Outcome(outcome) != want {
			t.Errorf("outcome %d; want %v, which is %d", outcome, want, want)
		}
	}
	runOutcomes := map[frames.RunOutcome]clientv1.RunEnded_Outcome{
		frames.RunNoted: clientv1.RunEnded_OUTCOME_NOTED, frames.RunNotNoted: clientv1.RunEnded_OUTCOME_NOT_NOTED,
		frames.RunLost: clientv1.RunEnded_OUTCOME_LOST,
	}
	for outcome, want := range runOutcomes {
		if clientv1.RunEnded_Outcome(outcome) != want {
			t.Errorf("outcome %d of a run; want %v, which is %d", outcome, want, want)
		}
	}
	states := map[token.RunState]clientv1.RunRecord_State{
		token.RunBegun: clientv1.RunRecord_STATE_BEGUN, token.RunVoid: clientv1.RunRecord_STATE_VOID, token.RunDone: clientv1.RunRecord_STATE_DONE,
	}
	for state, want := range states {
		if clientv1.RunRecord_State(state) != want {
			t.Errorf("state %d of a run; want %v, which is %d", state, want, want)
		}
	}
	// The bounds of what is decoded are those of the protocol, too.
	for enum, want := range map[protoreflect.Enum]int{
		clientv1.Reason(0): len(reasons) + 1, clientv1.Released_Outcome(0): len(outcomes) + 1, clientv1.Acquire_Mode(0): 3,
		clientv1.RunEnded_Outcome(0): len(runOutcomes) + 1, clientv1.RunRecord_State(0): len(states) + 1,
	} {
		if got := enum.Descriptor().Values().Len(); got != want {
			t.Errorf("%s has %d values, and package clientwire knows %d", enum.Descriptor().Name(), got, want)
		}
	}
}

// Encoding allocates the frame and one block for each message of the usual kinds;
// decoding into room that is there allocates nothing.
func TestAllocations(t *testing.T) {
	grant := []frames.NodeMessage{{Kind: frames.Released, ID: 1, Lock: "x", Fence: 1, Outcome: 1}, {Kind: frames.Granted, ID: 2, Fence: 3, Session: 1}}
	ask := []frames.ClientMessage{{Kind: frames.Release, ID: 1, Lock: "x", Fence: 1}, {Kind: frames.Acquire, ID: 2, Lock: "x"}}
	nodeFrame := clientwire.NodeFrame(grant)
	clientFrame := clientwire.ClientFrame(ask)
	nodeRoom, clientRoom := make([]frames.NodeMessage, 0, 8), make([]frames.ClientMessage, 0, 8)
	for name, step := range map[string]struct {
		run  func()
		want float64
	}{
		"NodeFrame":   {func() { nodeFrame = clientwire.NodeFrame(grant) }, 3},
		"ClientFrame": {func() { clientFrame = clientwire.ClientFrame(ask) }, 3},
		"NodeMessages": {func() {
			if _, err := clientwire.NodeMessages(nodeRoom, nodeFrame); err != nil {
				t.Error(err)
			}
		}, 0},
		"ClientMessages": {func() {
			if _, err := clientwire.ClientMessages(clientRoom, clientFrame); err != nil {
				t.Error(err)
			}
		}, 0},
	} {
		if got := testing.AllocsPerRun(100, step.run); got > step.want {
			t.Errorf("%s: %v allocations, want %v", name, got, step.want)
		}
	}
}
