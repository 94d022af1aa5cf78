package sim

import (
	"fmt"

	"conch/token"
)

// Instant is a moment of the simulation, or the difference of two, in nanoseconds of
// virtual time. No node can read it: nodes have clocks of their own.
type Instant int64

const (
	maxNodes   = 8
	maxLocks   = 16
	maxClients = 4
)

// Plan is all that a run depends on. It is drawn from a seed, and may be shrunk afterwards.
type Plan struct {
	Seed uint64

	Nodes, Locks   int
	TTL            Instant // T
	IdleToken      Instant
	IdleLock       Instant
	FencesPerEpoch uint64
	Machines       [maxNodes]Machine

	// Cut are two nodes that never reach each other; the same twice if there are none.
	Cut [2]int
	// Messages take Delay, up to Jitter more, and one in 1024/Creep takes long.
	Delay, Jitter Instant
	Creep         int64
	// TickLate is how late a node may be told the time.
	TickLate Instant

	// Clients: a local waiter stands for a client in a process of its own, which outlives
	// its node's process.
	Clients bool
	// Processes is how many client processes there are that speak to nodes over streams.
	Processes      int
	ClientMachines [maxClients]ClientMachine
	// ClientPatience is for how long a client looks for a node.
	ClientPatience Instant
	// ClientFrame is how many messages a client sends as one frame; 0: as package
	// attachment does without being told.
	ClientFrame int

	// Shared: some locks are shared.
	Shared bool
	// Values: some who hold a lock alone say values.
	Values bool

	// Notes: some ask for runs of ticks and for kept holds. A note is on a member's disk
	// within Writes, and its node is told so within Tells more. A member keeps the notes of
	// MaxNotes locks.
	Notes         bool
	Writes, Tells Instant
	MaxNotes      int

	// Changes: the members change. First of the Nodes machines are the members of the first
	// list; the processes of the others wait to be listed. Taken: the first members' disks are
	// of a version that knew no memberships. Born: the first list is on all disks at the start.
	Changes     bool
	First       int
	Taken, Born bool

	// Faults are over at Settle: no op begins or lasts later.
	Settle Instant
	Ops    []Op
}

// asks reports whether the op is a local request.
func (op *Op) asks() bool { return op.Kind <= Try || op.Kind == SetLimit }

// ofClient reports whether the op is a client's request.
func (op *Op) ofClient() bool { return op.Kind == ClientAcquire || op.Kind == ClientTry }

// ClientMachine is what one client process runs on.
type ClientMachine struct {
	// Offset is the clock's reading at the beginning, Drift how much too fast it runs, in
	// millionths.
	Offset, Drift int64
	// Nodes are the nodes it may speak to, most wanted first.
	Nodes []int8
}

// Machine is what one member runs on.
type Machine struct {
	// Disk: saved numbers outlast a crash. Without a disk the node starts from its wall
	// clock, which is Wall ahead of the simulation's time.
	Disk bool
	Wall Instant
	// Clocked: with a disk too, the numbers start no lower than the wall clock. Otherwise
	// numbers cannot begin at the wall clock.
	Clocked bool
	// Offset is the clock's reading at the beginning, Drift how much too fast it runs, in
	// millionths.
	Offset int64
	Drift  int64
	// ClientDrift is the Drift of its clients' clock.
	ClientDrift int64
	// LocalBatch is how many of its waiters in a row may enter while others wait; 0 is 1.
	LocalBatch int
}

// OpKind tells the ops apart.
type OpKind uint8

const (
	// Acquire: a local waiter at Node asks for Lock, holds it for Length, and gives up
	// after Patience (0: never).
	Acquire OpKind = iota
	// Try: likewise, but the waiter does not want to wait.
	Try
	// Crash: Node's process dies, once it has performed Effects more effects (at most
	// Patience later), and starts again after Length (0: never).
	Crash
	// Reboot is a Crash by which the machine's clock starts anew.
	Reboot
	// CrashSave is a Crash that comes when the node next saves something: just before
	// if Effects is 0, else that many effects later.
	CrashSave
	// CrashAll: all nodes crash, and start again after Length, each with a delay of its
	// own of up to Patience.
	CrashAll
	// Pause: Node's process stands still for Length.
	Pause
	// Leave: Node retires, and starts again Length after it has gone (0: never).
	Leave
	// CutOff: nothing arrives in the directions of Pairs for Length. Effects: 1 if the
	// streams in these directions break.
	CutOff
	// Break: the stream from Node to Peer breaks. Of what is under way the first
	// Effects messages still arrive. The sender notices after Length.
	Break
	// Slow: messages from Node to Peer that are sent within Length take up to Patience
	// more.
	Slow
	// DelayNext: of the messages that Node sends to Peer (-1: to anybody) within Patience, the
	// first of kind On takes Length more, and all that follow it on its stream wait
	// behind it.
	DelayNext
	// CrashOn: Node dies when it has sent a message of kind On to Peer within Patience,
	// and performed Effects more effects. It starts again after Length.
	CrashOn
	// PauseOn: Node's process stands still for Length when it has sent a message of kind
	// On to Peer within Patience.
	PauseOn
	// CutOn: all directions to and from Node are cut for Length when it has sent a
	// message of kind On to Peer within Patience. Effects: 1 if the streams break.
	CutOn
	// ClientAcquire: a caller of client Node asks for Lock, holds it for Length, and gives
	// up after Patience (0: never).
	ClientAcquire
	// ClientTry: likewise, without waiting.
	ClientTry
	// ClientPause: client Node's process stands still for Length.
	ClientPause
	// ClientCut: nothing arrives for Length from client Node at nodes (bit 1 of Effects),
	// or from nodes at it (bit 2).
	ClientCut
	// ClientStall: of what client Node sends within Patience (Effects odd: of what it is
	// sent), all that comes after Effects/2 more parcels takes Length longer.
	ClientStall
	// ClientBreak: client Node's stream breaks. Of what is under way the first Effects
	// parcels still arrive. The client notices after Length.
	ClientBreak
	// ClientBreakOn: client Node's stream breaks once it has sent Effects more parcels
	// within Patience. All that is under way to the node still arrives, late. The client
	// notices after Length.
	ClientBreakOn
	// ClientKill: client Node's process dies, and another starts after Length.
	ClientKill
	// SetBack: Node's process dies, and starts again after Length with its disk as it was
	// Effects starts ago, before that start; with none if it had fewer starts.
	SetBack
	// SetBackAll: likewise all nodes, each with a delay of its own of up to Patience.
	SetBackAll
	// SetLimit: a local waiter at Node changes the limit of Lock to Limit, and gives up after
	// Patience (0: never).
	SetLimit
	// LoseDisk: Node's process dies, and starts again after Length with a new disk.
	LoseDisk
	// CrashStore is a CrashSave that waits for a note in place of what is saved.
	CrashStore
	// FreeKept: an operator at Node frees the kept hold of Lock of which that node knows.
	FreeKept
	// ForgetNotes: the time for which Node remembers Lock's notes is over.
	ForgetNotes
	// ChangeMembers: an operator at Node adds the machines in the low byte of Pairs and removes
	// those in the next. If it is refused, it tries again, Effects times.
	ChangeMembers
	// Launch: the process of machine Node starts; it waits to be listed.
	Launch
	// Renew: as Launch, with a new disk, if the machine was removed.
	Renew
	// Wipe: Node's process dies, and starts again after Length with a new disk: as it did first
	// or, with Effects 1, waiting to be listed.
	Wipe
	// CrashMembership is a CrashSave that waits for a membership in place of what is saved.
	CrashMembership
	opKinds
)

var opNames = [...]string{
	Acquire: "acquire", Try: "try", Crash: "crash", Reboot: "reboot", CrashSave: "crash-at-save", CrashAll: "crash-all",
	Pause: "pause", Leave: "leave", CutOff: "cut-off", Break: "break", Slow: "slow",
	DelayNext: "delay-next", CrashOn: "crash-on", PauseOn: "pause-on", CutOn: "cut-on",
	ClientAcquire: "client-acquire", ClientTry: "client-try", ClientPause: "client-pause", ClientCut: "client-cut",
	ClientStall: "client-stall", ClientBreak: "client-break", ClientBreakOn: "client-break-on", ClientKill: "client-kill",
	SetBack: "set-back", SetBackAll: "set-back-all",
	SetLimit: "set-limit", LoseDisk: "lose-disk",
	CrashStore: "crash-at-store", FreeKept: "free", ForgetNotes: "forget-notes",
	ChangeMembers: "change-members", Launch: "launch", Renew: "renew", Wipe: "wipe", CrashMembership: "crash-at-membership",
}

// whoHasToken stands for the node that has the token of the op's lock at that time.
const whoHasToken = -1

// Op is one thing that happens to the nodes. The kind decides which fields are used. The
// Node of a fault may be whoHasToken; a CutOff then cuts off that node.
type Op struct {
	At         Instant
	Kind       OpKind
	Node, Peer int8
	Lock       int8
	Limit      token.Limit // of requests: their mode
	Says       int8        // of requests: how many values are said while the lock is held
	Note       Wish        // of requests: for a run or a kept hold
	Effects    int32
	On         token.MessageKind
	Length     Instant
	Patience   Instant
	Pairs      uint64 // bit 8·from + to
}

func (op Op) String() string {
	head := fmt.Sprintf("%s node %d", opNames[op.Kind], op.Node)
	if op.Node == whoHasToken {
		head = fmt.Sprintf("%s who has token %d", opNames[op.Kind], op.Lock)
	}
	switch op.Kind {
	case Acquire, Try, ClientAcquire, ClientTry, SetLimit:
		return fmt.Sprintf("%s lock %d, limit %d, says %d values, hold %d µs, patience %d µs%v", head, op.Lock, op.Limit, op.Says, op.Length/1000, op.Patience/1000, op.Note)
	case FreeKept, ForgetNotes:
		return fmt.Sprintf("%s lock %d", head, op.Lock)
	case ChangeMembers:
		return fmt.Sprintf("%s adds machines %v, removes %v, tries %d times more", head, machines(op.Pairs), machines(op.Pairs>>8), op.Effects)
	case CrashAll:
		return fmt.Sprintf("crash-all for %d µs, each up to %d µs more", op.Length/1000, op.Patience/1000)
	case SetBack, SetBackAll:
		return fmt.Sprintf("%s by %d starts for %d µs, each up to %d µs more", head, op.Effects, op.Length/1000, op.Patience/1000)
	case CutOff:
		return fmt.Sprintf("%s %s for %d µs, streams break: %t", head, pairNames(op.Pairs), op.Length/1000, op.Effects == 1)
	case Break:
		return fmt.Sprintf("%s to %d, %d messages arrive, noticed after %d µs", head, op.Peer, op.Effects, op.Length/1000)
	case Slow:
		return fmt.Sprintf("%s to %d for %d µs by up to %d µs", head, op.Peer, op.Length/1000, op.Patience/1000)
	}
	if op.On != 0 {
		head += fmt.Sprintf(" %v to %d", op.On, op.Peer)
	}
	return fmt.Sprintf("%s after %d effects, within %d µs, for %d µs", head, op.Effects, op.Patience/1000, op.Length/1000)
}

// machines lists the machines in a byte.
func machines(set uint64) (all []int) {
	for i := range maxNodes {
		if set>>i&1 != 0 {
			all = append(all, i)
		}
	}
	return all
}

func pairBit(from, to int) uint64 { return 1 << (8*from + to) }

func pairNames(pairs uint64) string {
	var text []byte
	for from := range maxNodes {
		for to := range maxNodes {
			if pairs&pairBit(from, to) != 0 {
				text = fmt.Appendf(text, " %d→%d", from, to)
			}
		}
	}
	return string(text)
}

// quorum is q, if the members never change.
func (p *Plan) quorum() int { return p.Nodes/2 + 1 }

// first is how many members the first list has.
func (p *Plan) first() int {
	if p.Changes {
		return p.First
	}
	return p.Nodes
}

// cutForGood reports whether two nodes never reach each other.
func (p *Plan) cutForGood(i, j int) bool {
	return p.Cut[0] != p.Cut[1] && (i == p.Cut[0] && j == p.Cut[1] || i == p.Cut[1] && j == p.Cut[0])
}

// String tells the plan without its ops.
func (p *Plan) String() string {
	text := fmt.Sprintf("seed %d: %d nodes, %d locks, T %d ms, idle %d/%d ms, %d fences an epoch, delay %d+%d µs, creep %d, cut for good %v, clients %t, shared %t, values %t, notes %t (written within %d µs, told within %d µs, of %d locks), settle at %d µs, members change %t: the first %d, taken over %t, born %t\n",
		p.Seed, p.Nodes, p.Locks, p.TTL/1e6, p.IdleToken/1e6, p.IdleLock/1e6, p.FencesPerEpoch, p.Delay/1000, p.Jitter/1000, p.Creep, p.Cut, p.Clients, p.Shared, p.Values, p.Notes, p.Writes/1000, p.Tells/1000, p.MaxNotes, p.Settle/1000, p.Changes, p.first(), p.Taken, p.Born)
	for i, m := range p.Machines[:p.Nodes] {
		text += fmt.Sprintf("  node %d: disk %t, wall clock %d ms ahead, used %t, clock from %d ns, drift %d millionths, local batch %d\n", i, m.Disk, m.Wall/1e6, m.Clocked || !m.Disk, m.Offset, m.Drift, m.LocalBatch)
	}
	for k, m := range p.ClientMachines[:p.Processes] {
		text += fmt.Sprintf("  client %d: clock from %d ns, drift %d millionths, nodes %v, %d messages a frame\n", k, m.Offset, m.Drift, m.Nodes, p.ClientFrame)
	}
	return text
}

// maxDrift is how far a clock may run from the simulation's time, in millionths: the
// protocol bounds the rate of one clock against another by 1 %.
const maxDrift = 5000
