package stepper

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// OpKind is what is done.
type OpKind uint8

// The operations. What Member, From, To and Millis mean to each is told here.
const (
	// Auto: whatever comes next in time happens, until there is something to tell of;
	// a holder leaves the critical section after a while.
	Auto OpKind = iota + 1
	// Tick: Millis milliseconds pass, and what comes about in them happens.
	Tick
	// Ask: a client of Member asks for the lock.
	Ask
	// Read: a client of Member asks to share the lock with other readers.
	Read
	// Permit: a client of Member asks for one of the lock's three permits.
	Permit
	// Withdraw: the client that has waited longest at Member gives up.
	Withdraw
	// Leave: the client of Member that has been in the critical section longest leaves it.
	Leave
	// Crash: the process of Member dies; what it sent is still under way.
	Crash
	// Restart: another process is started for Member.
	Restart
	// Deliver: the next message from From to To arrives now, and the heartbeats ahead of
	// it.
	Deliver
	// Delay: nothing that goes from From to To arrives, until Resume or Deliver.
	Delay
	// Resume ends a Delay.
	Resume
	// Drop: the stream from From to To ends, and what is on it is lost. It is opened
	// again after a while.
	Drop
	// Open: the stream from From to To is opened again now.
	Open
	// Cut: the streams between From and To end, and cannot be opened.
	Cut
	// Heal ends a Cut.
	Heal
	// Duplicate breaks the rules: the next message from From to To will arrive twice. The
	// algorithm is made for a network that does no such thing.
	Duplicate
)

// form is what is written behind an operation's name.
type form uint8

const (
	plain form = iota
	ofMember
	ofStream
	ofTime
)

var opForms = map[OpKind]struct {
	name string
	form form
}{
	Auto: {"auto", plain}, Tick: {"tick", ofTime},
	Ask: {"ask", ofMember}, Read: {"read", ofMember}, Permit: {"permit", ofMember}, Withdraw: {"withdraw", ofMember}, Leave: {"leave", ofMember},
	Crash: {"crash", ofMember}, Restart: {"restart", ofMember},
	Deliver: {"deliver", ofStream}, Delay: {"delay", ofStream}, Resume: {"resume", ofStream},
	Drop: {"drop", ofStream}, Open: {"open", ofStream},
	Cut: {"cut", ofStream}, Heal: {"heal", ofStream}, Duplicate: {"duplicate", ofStream},
}

var opKinds = func() map[string]OpKind {
	kinds := make(map[string]OpKind)
	for kind, f := range opForms {
		kinds[f.name] = kind
	}
	return kinds
}()

// Op is one operation. Fields that its kind does not speak of are zero.
type Op struct {
	Kind     OpKind
	Member   int
	From, To int // of Cut and Heal, From is the lower one
	Millis   int // 1 to MaxTick
}

// String is the operation's text: auto, tick.500, ask.A, deliver.A-B.
func (op Op) String() string {
	f := opForms[op.Kind]
	switch f.form {
	case ofMember:
		return f.name + "." + name(op.Member)
	case ofStream:
		return f.name + "." + name(op.From) + "-" + name(op.To)
	case ofTime:
		return f.name + "." + strconv.Itoa(op.Millis)
	default:
		return f.name
	}
}

// DecodeOp reads an operation's text. Whether its members exist depends on the
// cluster, and is not looked at here.
func DecodeOp(text string) (Op, error) {
	word, rest, dotted := strings.Cut(text, ".")
	kind, known := opKinds[word]
	if !known {
		return Op{}, fmt.Errorf("unknown operation %q, want one of %s", word, strings.Join(opNames(), ", "))
	}
	op := Op{Kind: kind}
	ok := true
	switch opForms[kind].form {
	case plain:
		ok = !dotted
	case ofMember:
		op.Member, ok = memberCalled(rest)
	case ofStream:
		from, to, cut := strings.Cut(rest, "-")
		var second bool
		op.From, ok = memberCalled(from)
		op.To, second = memberCalled(to)
		ok = ok && cut && second && op.From != op.To
		if pairwise := kind == Cut || kind == Heal; pairwise && op.From > op.To {
			op.From, op.To = op.To, op.From
		}
	case ofTime:
		ms, err := strconv.ParseUint(rest, 10, 32)
		op.Millis, ok = int(ms), err == nil && ms >= 1 && ms <= MaxTick
	}
	if !ok {
		return Op{}, fmt.Errorf("%q, want something like %s", text, Op{Kind: kind, To: 1, Millis: 500})
	}
	return op, nil
}

// check finds members that the cluster has not.
func (op Op) check(members int) error {
	if highest := max(op.Member, op.From, op.To); highest >= members {
		return fmt.Errorf("there is no member %s among %d", name(highest), members)
	}
	return nil
}

func opNames() []string {
	var names []string
	for _, f := range opForms {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return names
}

// name is what a member is called.
func name(i int) string { return string(rune('A' + i)) }

// memberCalled is the member of a name.
func memberCalled(name string) (int, bool) {
	if len(name) != 1 || name[0] < 'A' || name[0] >= 'A'+MaxMembers {
		return 0, false
	}
	return int(name[0] - 'A'), true
}
