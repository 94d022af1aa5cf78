package claims

import (
	"fmt"
	"strings"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

const ttl = token.Time(2e9)

// bench is a table beside the node of a cluster of one, in a session from the start.
type bench struct {
	t     *testing.T
	now   token.Time
	node  *token.Node
	table *Table
	told  []string
	// disk: Stores are on stable storage at once. Otherwise they are once the test says so.
	disk   bool
	serial uint64 // of the latest Store
}

func newBench(t *testing.T) *bench {
	node, err := token.New(0, token.Config{
		Members: 1, Session: 1, TTL: ttl, IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch, Remembers: true, MaxNotes: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, disk: true, node: node, table: New(node, Config{
		TTL: ttl, Member: "a:1", Quorum: 1, Members: 1, MaxLocks: 100, MaxPerClient: 100, MaxClaims: 1000,
	})}
	b.settle()
	return b
}

// settle performs all effects, as a driver does.
func (b *bench) settle() {
	for more := true; more; {
		for {
			end, in := b.node.InSession()
			if in {
				b.table.SetLease(Lease{Session: b.node.InspectSession().Session, End: end})
			} else {
				b.table.SetLease(Lease{})
			}
			effects := b.node.Effects()
			if len(effects) == 0 {
				break
			}
			for i := range effects {
				if effects[i].Kind == token.Store {
					b.serial = effects[i].Serial
				}
				b.table.Take(b.now, &effects[i])
			}
			b.table.Return(b.now)
			if b.disk {
				b.node.Stored(b.now, b.serial)
			}
		}
		more = false
		for _, e := range append([]Effect(nil), b.table.Effects()...) {
			b.note(&e)
			if e.Kind == Answer && e.Local == "gone" {
				b.table.Decline(b.now, e.ID)
				more = true
			}
		}
	}
}

func (b *bench) note(e *Effect) {
	switch e.Kind {
	case Tell:
		m := e.Message
		text := fmt.Sprintf("%v: ", e.Stream)
		switch m.Kind {
		case frames.Granted:
			text += fmt.Sprintf("granted %d", m.ID)
		case frames.Refused:
			text += fmt.Sprintf("refused %d code %d", m.ID, m.Refusal.Code)
		case frames.Withdrawn:
			text += fmt.Sprintf("withdrawn %d", m.ID)
		case frames.Warned:
			text += fmt.Sprintf("warned %d reason %d", m.ID, m.Reason)
		case frames.Lost:
			text += fmt.Sprintf("lost %d reason %d", m.ID, m.Reason)
		case frames.Released:
			text += fmt.Sprintf("released %d outcome %d", m.ID, m.Outcome)
		case frames.Pong:
			text += "pong"
		case frames.RunEnded:
			text += fmt.Sprintf("run ended %d outcome %d code %d", m.ID, m.RunOutcome, m.Refusal.Code)
		case frames.Said:
			text += fmt.Sprintf("said %d number %d code %d", m.ID, m.Number, m.Refusal.Code)
		}
		b.told = append(b.told, text)
	case EndStream:
		b.told = append(b.told, fmt.Sprintf("%v: end %d", e.Stream, e.End))
	case Answer:
		b.told = append(b.told, fmt.Sprintf("%v: answer", e.Local))
	case Refuse:
		b.told = append(b.told, fmt.Sprintf("%v: refuse code %d", e.Local, e.Code))
	case Lose:
		b.told = append(b.told, fmt.Sprintf("%v: lose", e.Local))
	case Warn:
		b.told = append(b.told, fmt.Sprintf("%v: warn reason %d", e.Local, e.Reason))
	case RunEnded:
		b.told = append(b.told, fmt.Sprintf("%v: run ended outcome %d", e.Local, e.RunOutcome))
	case Expired:
		b.told = append(b.told, "expired "+e.Lock)
	}
}

// wants checks the messages since the last call.
func (b *bench) wants(want ...string) {
	b.t.Helper()
	got, all := strings.Join(b.told, "; "), strings.Join(want, "; ")
	if got != all {
		b.t.Errorf("told %q, want %q", got, all)
	}
	b.told = nil
}

func (b *bench) attach(st Stream, client byte) {
	b.t.Helper()
	if !b.table.Attach(b.now, st, frames.Incarnation{client}, Caller{}) {
		b.t.Fatalf("stream %v is not let in", st)
	}
	b.settle()
}

func (b *bench) detach(st Stream) {
	b.table.Detach(b.now, st)
	b.settle()
}

func (b *bench) say(st Stream, m frames.ClientMessage) {
	b.table.Receive(b.now, st, &m)
	b.settle()
}

func (b *bench) acquire(st Stream, id uint64, lock string) {
	b.say(st, frames.ClientMessage{Kind: frames.Acquire, ID: id, Lock: lock})
}

func (b *bench) ping(st Stream) { b.say(st, frames.ClientMessage{Kind: frames.Ping, Stamp: b.now + 1}) }

// fence is the fence of a lock's holder.
func (b *bench) fence(lock string) token.Fence {
	b.t.Helper()
	var fence token.Fence
	b.table.HoldersOf(b.now, lock, func(h Holder) { fence = h.Fence })
	if fence == 0 {
		b.t.Fatalf("nobody holds %s", lock)
	}
	return fence
}

// after lets time pass, with the ticks that are due.
func (b *bench) after(d token.Time) {
	end := b.now + d
	for next := min(b.table.NextTick(), b.node.NextTick()); next <= end; next = min(b.table.NextTick(), b.node.NextTick()) {
		b.now = max(b.now, next)
		b.node.Tick(b.now)
		b.settle()
		b.table.Tick(b.now)
		b.settle()
	}
	b.now = end
}

// empty checks that nothing is left.
func (b *bench) empty() {
	b.t.Helper()
	if holds, waits, clients := b.table.Counts(); holds+waits+clients > 0 {
		b.t.Errorf("%d holds, %d waits, %d clients are left", holds, waits, clients)
	}
	if len(b.table.ended) > 0 {
		b.t.Errorf("%d runs are ending still", len(b.table.ended))
	}
	if len(b.table.due) > 0 || len(b.table.streams) > 0 || len(b.table.broken) > 0 {
		b.t.Errorf("%d clients are due, %d streams and %d broken holds are left", len(b.table.due), len(b.table.streams), len(b.table.broken))
	}
}
