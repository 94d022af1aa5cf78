package broadcast

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"conch/logs"
	"conch/token"
)

// judge reads the nodes' logs with package logs and checks what they prove.
func judge(t *testing.T, members ...*member) {
	t.Helper()
	if report := logs.Check(runOf(t, members...)); report.Verdict() != logs.Holds {
		var table bytes.Buffer
		if err := report.WriteTable(&table); err != nil {
			t.Fatal(err)
		}
		t.Errorf("the logs do not show that all went well:\n%s", &table)
	}
}

// runOf reads the nodes' logs.
func runOf(t *testing.T, members ...*member) *logs.Run {
	t.Helper()
	var files []*logs.File
	for _, m := range members {
		for text := range bytes.Lines(m.log.bytes.Bytes()) {
			if err := logs.Validate(bytes.TrimSpace(text)); err != nil {
				t.Errorf("%s: line %s: %v", m.address, text, err)
			}
		}
		file, err := logs.Read(m.address, bytes.NewReader(m.log.bytes.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	run, err := logs.NewRun(files...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// settled waits until all nodes reach each other, are inside a session, and know the
// others' sessions.
func settled(t *testing.T, members []*member) {
	t.Helper()
	eventually(t, "all connected", func() bool { return connected(members...) })
	time.Sleep(2 * testTTL)
}

// contend lets callers of all nodes want some locks at the same time.
func contend(members []*member, locks, callers, rounds int) {
	var all sync.WaitGroup
	for _, m := range members {
		for caller := range callers {
			all.Go(func() {
				for round := range rounds {
					hold := m.acquire(fmt.Sprintf("lock %d", (caller+round)%locks))
					time.Sleep(time.Millisecond)
					m.release(hold)
				}
			})
		}
	}
	all.Wait()
}

func TestLogsProveWhatHappened(t *testing.T) {
	for _, test := range []struct{ nodes, locks, callers int }{{2, 1, 1}, {3, 1, 1}, {3, 1, 3}, {3, 4, 4}, {5, 2, 2}} {
		t.Run(fmt.Sprintf("%d nodes, %d locks, %d callers", test.nodes, test.locks, test.callers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var addresses []string
				for i := range test.nodes {
					addresses = append(addresses, fmt.Sprintf("node%d:7400", i))
				}
				members := newNetwork().startAll(t, addresses...)
				settled(t, members)
				contend(members, test.locks, test.callers, 6)
				stopAll(members)
				judge(t, members...)
			})
		})
	}
}

// Two nodes let in several of their own waiters in a row, up to their LocalBatch. The logs
// tell how many, and nobody went ahead more often.
func TestLogsProveBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, addresses := newNetwork(), []string{"a:1", "b:1", "c:1"}
		var members []*member
		for i, address := range addresses {
			members = append(members, w.startMember(t, address, setup{members: addresses, batch: 2 * i}))
		}
		settled(t, members)
		contend(members, 1, 5, 6)
		stopAll(members)
		judge(t, members...)
		for i, want := range []string{"", `"local_batch":"2"`, `"local_batch":"4"`} {
			first, _, _ := bytes.Cut(members[i].log.bytes.Bytes(), []byte("\n"))
			if got := bytes.Contains(first, []byte("local_batch")); got != (want != "") || !bytes.Contains(first, []byte(want)) {
				t.Errorf("the first line of %s is %s, want %s in it", members[i].address, first, want)
			}
		}
		if hops := bytes.Count(members[2].log.bytes.Bytes(), []byte(`"event":"token_received"`)); hops > 15 {
			t.Errorf("the token came to c:1 %d times for 30 entries, want 8 or so by batches of 4", hops)
		}
	})
}

// A node crashes while it holds the lock; its next process joins, and its log goes on
// in the same file.
func TestLogsProveARecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		contend(members, 1, 1, 2)
		members[0].acquire("lock 0")
		members[0].crash()
		contend(members[1:], 1, 1, 2)
		members[0] = w.startMember(t, "a:1", setup{members: []string{"a:1", "b:1", "c:1"}, log: members[0].log})
		settled(t, members)
		contend(members, 1, 1, 2)
		stopAll(members)
		judge(t, members...)
	})
}

func TestLogsProveALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := w.startAll(t, "a:1", "b:1", "c:1")
		settled(t, members)
		hold := members[0].acquire("lock 0")
		for _, other := range members[1:] {
			w.block("a:1", other.address)
			w.block(other.address, "a:1")
		}
		<-hold.Done()
		contend(members[1:], 1, 1, 1)
		for _, other := range members[1:] {
			w.unblock("a:1", other.address)
			w.unblock(other.address, "a:1")
		}
		settled(t, members)
		contend(members, 1, 1, 2)
		stopAll(members)
		judge(t, members...)
	})
}

// allEffects is an effect of each kind that has a line, as a node may issue them.
func allEffects() []token.Effect {
	one := token.Number{Session: 1, Count: 1}
	t := &token.Token{Epoch: token.Epoch{Number: 1}, Hop: 1, Fence: 1, LastGranted: []token.Number{one, {}}, Queue: []token.Member{1}}
	state := token.State{RequestNumbers: []token.Number{one, one}, LastGranted: t.LastGranted, Queue: t.Queue}
	var effects []token.Effect
	for _, kind := range []token.EffectKind{token.Grant, token.Left, token.Made, token.Dropped, token.Asked, token.Rode, token.Withdrew} {
		effects = append(effects, token.Effect{Kind: kind, Peer: token.NoMember, Lock: "cs", Number: one, State: state, Message: token.Message{Token: t}})
	}
	for _, kind := range []token.MessageKind{token.Request, token.TokenMessage} {
		effects = append(effects, token.Effect{Kind: token.Send, Peer: 1, Lock: "cs", State: state,
			Message: token.Message{Kind: kind, Lock: "cs", Number: one, Token: t, Session: 1}})
	}
	return effects
}

// An effect refers to the token, which later effects of the same input have changed by the
// time its line is written.
func TestLinesTellTheTokenAsItWasThen(t *testing.T) {
	for kind, event := range map[token.EffectKind]string{token.Left: "leave", token.Grant: "enter", token.Made: "token_made"} {
		tok := &token.Token{Epoch: token.Epoch{Number: 1}, Hop: 7, Fence: 12}
		e := token.Effect{Kind: kind, Peer: token.NoMember, Lock: "cs", Hop: 5, Fence: 9, Message: token.Message{Token: tok}}
		m := member{t: t, log: new(logBuffer)}
		newEventLog(Config{Log: zerolog.New(m.log), Evidence: true}, fixedRoster(0, []string{"a:1", "b:1"})).effect(&e)
		if l := m.lines()[0]; l["event"] != event || l["hop"] != "5" || l["fence"] != "9" {
			t.Errorf("line %v; want %s with hop 5 and fence 9", l, event)
		}
	}
}

// An entry for which nobody asked, since the token was here, has no request number.
func TestEntryWithoutRequestHasNoNumber(t *testing.T) {
	for _, number := range []token.Number{{}, {Session: 4, Count: 2}} {
		e := token.Effect{Kind: token.Grant, Peer: token.NoMember, Lock: "cs", Number: number, Fence: 9, Message: token.Message{Token: &token.Token{Fence: 9}}}
		m := member{t: t, log: new(logBuffer)}
		newEventLog(Config{Log: zerolog.New(m.log), Evidence: true}, fixedRoster(0, []string{"a:1", "b:1"})).effect(&e)
		var want any
		if number != (token.Number{}) {
			want = "4.2"
		}
		if l := m.lines()[0]; l["event"] != "enter" || l["number"] != want {
			t.Errorf("line %v of an entry by request %v; want number %v", l, number, want)
		}
	}
}

// A line about a message allocates nothing. Where it is not wanted, it costs nothing.
func TestLinesDoNotAllocate(t *testing.T) {
	effects := allEffects()
	levels := []zerolog.Level{zerolog.WarnLevel, zerolog.InfoLevel}
	if raceDetector {
		levels = levels[:1] // the race detector makes sync.Pool, zerolog's memory, forget at random
	}
	for _, level := range levels {
		l := newEventLog(Config{Log: zerolog.New(io.Discard).Level(level), Evidence: true}, fixedRoster(0, []string{"a:1", "b:1"}))
		if l.evidence != (level == zerolog.InfoLevel) {
			t.Errorf("level %v: evidence is %v; it is of level info", level, l.evidence)
		}
		write := func() {
			l.arriving(&token.Message{Kind: token.TokenMessage, Token: effects[0].Message.Token})
			for i := range effects {
				l.effect(&effects[i])
			}
		}
		write()
		if got := testing.AllocsPerRun(1000, write); got > 0 {
			t.Errorf("level %v: %v allocations for a line of each kind; want none", level, got)
		}
	}
}

// Without evidence the log has no line for a message or a step of the algorithm, and
// building one costs nothing. The lines for an operator are there.
func TestLinesWithoutEvidence(t *testing.T) {
	m := member{t: t, log: new(logBuffer)}
	l := newEventLog(Config{Log: zerolog.New(m.log)}, fixedRoster(0, []string{"a:1", "b:1"}))
	effects := allEffects()
	l.arriving(&token.Message{Kind: token.TokenMessage, Token: effects[0].Message.Token})
	if l.arrived.LastGranted != nil {
		t.Error("a token is copied for a line that is not written")
	}
	for _, kind := range []token.EffectKind{token.PassedOver, token.Guarded, token.Probed, token.Balloted, token.Ended, token.Forgot} {
		effects = append(effects, token.Effect{Kind: kind, Peer: 1, Lock: "cs"})
	}
	for kind := token.Request; kind <= token.Abort; kind++ {
		if kind != token.Bye {
			effects = append(effects, token.Effect{Kind: token.Received, Peer: 1, Lock: "cs", Message: token.Message{Kind: kind, Token: effects[0].Message.Token}})
		}
	}
	for i := range effects {
		l.effect(&effects[i])
	}
	if lines := m.lines(); len(lines) > 0 {
		t.Errorf("lines of evidence: %v", lines)
	}
	incidents := []token.Effect{
		{Kind: token.Revoke, Lock: "cs", Fence: 1, State: effects[0].State},
		{Kind: token.Began, Session: 1},
		{Kind: token.Lapsed, Session: 1},
		{Kind: token.Gone, Session: 1},
		{Kind: token.Buried, Peer: 1},
		{Kind: token.Received, Peer: 1, Message: token.Message{Kind: token.Bye, Session: 1}},
	}
	for i := range incidents {
		l.effect(&incidents[i])
	}
	var events []string
	for _, line := range m.lines() {
		events = append(events, fmt.Sprint(line["event"]))
	}
	if got, want := fmt.Sprint(events), "[lost session_started session_lapsed session_ended burial bye_received]"; got != want {
		t.Errorf("lines %s, want %s", got, want)
	}
}

// Without evidence, a kept hold that nobody has is told once at each node, however often the
// token comes there.
func TestKeptHoldIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	l := newEventLog(Config{Log: zerolog.New(&out)}, fixedRoster(0, []string{"a:1", "b:1"}))
	keeping := func(f token.Fence) {
		kept := &token.KeptHold{Fence: f}
		l.incident(&token.Effect{Kind: token.Keeping, Lock: "x", Fence: f, Message: token.Message{Note: &token.Note{Kept: kept}}})
	}
	wants := func(lines int) {
		t.Helper()
		if got := bytes.Count(out.Bytes(), []byte(`"keeping"`)); got != lines {
			t.Errorf("%d lines, want %d:\n%s", got, lines, &out)
		}
	}
	keeping(5)
	keeping(5)
	wants(1)
	keeping(6)
	keeping(6)
	wants(2)
	l.incident(&token.Effect{Kind: token.Unkept, Lock: "x", Fence: 6})
	l.incident(&token.Effect{Kind: token.Keeping, Lock: "y", Fence: 6, Message: token.Message{Note: &token.Note{Kept: &token.KeptHold{Fence: 6}}}})
	l.incident(&token.Effect{Kind: token.Store, Lock: "y", Notes: &token.Notes{Kept: token.KeptHold{Fence: 6, Over: true}}})
	if len(l.told) != 0 {
		t.Errorf("%v are remembered, which are kept no longer", l.told)
	}
}
