package token

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unsafe"
)

// full is a node all of whose fields are set, so that each makes a difference. No such node
// arises by itself.
func full() (*Node, ClockModel) {
	const now = 1000 * second
	run := func() *Run { return &Run{RunMark{1, 2, RunDone}, 3, "r"} }
	kept := func() *KeptHold { return &KeptHold{1, true, "o", 2, "k"} }
	list := func() []Listed { return []Listed{{1, "a", Disk{1}}} }
	membership := func() *Membership { return &Membership{3, Cluster{1}, list(), list(), 2, 5} }
	choice := func() *Choice { return &Choice{3, Epoch{2, 1}, Epoch{1, 1}, list(), 2} }
	cfg := Config{
		Self: 1, Members: 2, Incarnation: Incarnation{1}, Session: 7, Floor: 8, Encumbered: true, Fresh: true, TTL: 2 * second,
		IdleToken: 10 * second, IdleLock: 20 * second, FencesPerEpoch: 9, LocalBatch: 10,
		Remembers: true, Notes: []LockNotes{{"x", Notes{*run(), *kept()}}}, MaxNotes: 11,
		Membership: membership(), Disk: Disk{1}, Choice: choice(),
	}
	note := func() *Note {
		return &Note{Run: run(), Kept: kept(), Epoch: Epoch{1, 1}, About: NoteID{RunMark{1, 2, RunDone}, 3, true}}
	}
	roundOf := func() *round {
		return &round{1, note(), 6, []bool{true, true}, true, true, now - second, now + second}
	}
	token := func() *Token {
		return &Token{
			Epoch: Epoch{5, 1}, Hop: 2, Fence: 3, LastGranted: []Number{{1, 1}, {2, 2}}, Queue: []Member{1, 1},
			Limit: 4, LimitBy: 1, LimitAt: 5, Shares: []Share{{1, 2, 3, 4}},
			Run: &RunMark{1, 2, RunDone}, Kept: kept(),
		}
	}
	message := Message{
		Kind: Ping, Lock: "m", Number: Number{1, 2}, Token: token(), Session: 3, Incarnation: Incarnation{4},
		Begun: true, Locks: []string{"n"}, Probe: 6, Helper: 1, Ballot: Epoch{7, 1},
		Answer: Hold, InUse: true, Highest: Epoch{8, 1}, Waiting: true, Members: []Member{1},
		Share: Share{1, 2, 3, 4}, Recaller: 1, Anyhow: true, Kept: 3, Limit: 4, LimitBy: 1, LimitAt: 5,
		Saying: &Saying{1, 2, 3, "v", true}, Note: note(),
		Change: &Change{
			Membership: membership(), Version: 3, Round: Epoch{3, 1}, Promised: Epoch{2, 1}, Accepted: Epoch{1, 1}, Next: list(),
			IDs: 2, Ask: 4, Joined: true, Highest: 5, After: "o", Notes: []LockNotes{{"x", Notes{*run(), *kept()}}}, More: true,
		},
	}
	peerOf := func(reading Time) peer {
		message := message
		message.Stamp = reading - second
		return peer{
			listed: true, old: true, next: true, version: 3, told: 4, connected: true, opened: 3,
			hello: Hello{
				Incarnation: Incarnation{5}, Boot: 1, Counter: 2, Floor: 3, Fresh: true, Remembers: true, KnownSession: 4, KnownOf: Incarnation{6},
				Membership: membership(), Disk: Disk{1}, Receiver: Disk{2},
			},
			heard: true, returned: true, session: 5, over: 4, highest: 6, highestOf: Incarnation{7},
			answered: now - second, hasAnswered: true, answeredBefore: true, pongAt: now - second/2,
			guarded: 7, guardEnd: now + second, burialEnd: now + second, heldPing: message, clear: true,
			values: 1, shownAt: now - second, doubted: true, unsaid: true,
		}
	}
	aVote := func() vote { return vote{true, Number{1, 1}, true, []Member{1}, Share{1, 2, 3, 4}, 4, 1, 5, note()} }
	aRequest := func(w Waiter) request {
		return request{w, 1, true, &noteRequest{&RunRequest{1, true, 2, "a"}, &KeepRequest{"o", 1, "a", true}}}
	}
	lockOf := func(name string, position int) *lock {
		return &lock{
			name: name, requestNumbers: []Number{{1, 2}, {3, 4}}, token: token(),
			use: &use{
				holder: 5, ahead: 6, waiters: waiters{entries: []request{aRequest(6), aRequest(7), aRequest(8)}, head: 1},
				outstanding: true, waits: true, helpEnd: now + second,
				sharing: &sharing{
					share: Share{1, 2, 3, 4}, inside: []HolderView{{1, 2, 3}}, visited: true, recalled: true,
					recaller: 1, via: 1, limit: 4, limitBy: 1, limitAt: 5, answered: []Fence{5},
				},
				notes: &noting{note(), roundOf(), []*round{roundOf()}, []owed{{6, 1, note()}}, now + second, second, 3},
				said:  &said{Saying: Saying{1, 2, 3, "v", true}, by: 1, unsaid: true},
				search: &search{
					patience: second, suspectAt: now + second, probe: 9, open: true,
					limitAt: 4, tries: []Waiter{3},
					answers: []probeReply{{true, true, []Member{1}, true}, {true, true, []Member{1}, true}},
					helper:  1, balloting: true, ballot: Epoch{10, 1}, ballotEnd: now + second,
					votes: []vote{aVote(), aVote()},
				},
				heardOf: true, epoch: Epoch{11, 1}, highest: 12, promises: []Epoch{{13, 1}}, floor: Epoch{14, 1},
				passedAt: now - second/4, passedQueue: []Member{1}, active: true,
			},
			rest: restOf(Epoch{15, 1}, Epoch{16, 1}), usedAt: now - second, position: int32(position),
		}
	}
	n := &Node{
		cfg: cfg, self: 1, now: now, peers: []peer{peerOf(6 * second), peerOf(now)}, boot: 15, session: 16, begun: true, warned: true,
		leaseEnd: now + second, newer: 1, nextPing: now + second, startedAt: now - second, waiting: true, clientsLeft: true, fresh: true,
		leaving: true, gone: true, promised: 17, floor: 18, forgotten: 19, probes: 20, count: 21, values: 22, notes: map[string]*remembered{"x": {Notes{*run(), *kept()}, 6}}, serial: 7, stored: 5, storing: []storing{{6, "x"}},
		locks: make(map[string]*lock), numbers: []Number{{1, 1}}, members: []Member{1}, stamps: []Time{1},
		effects: []Effect{{}}, spare: []*use{{}},
		membership: membership(), version: 3, adoptedAt: now - second, removed: true, birth: birth{[]Disk{{1}}, true}, choice: choice(), choiceAt: now - second,
		proposal: &proposal{6, list(), list(), 2, Epoch{1, 1}, Epoch{2, 1}, true, []bool{true}, true, 3, now + second, now + second, now + 2*second},
		joining:  joining{4, now + second, now + second, []joinedAnswer{{true, true, 5, []Member{1}}}, []Member{1}, []syncing{{"x", true}}, 6, []string{"x"}},
		carried:  now + second, retiring: true, departed: true, ended: 8,
	}
	stale := lockOf("stale", 99)
	for i, name := range []string{"x", "y"} {
		l := lockOf(name, i)
		l.timer = int32(2 - i)
		n.locks[name] = l
		n.order = append(n.order, l)
	}
	n.timers = timers{{now + 2*second, n.order[1]}, {now + 3*second, n.order[0]}} // overdue, which entries never are
	n.active = []*lock{n.order[1], stale, n.order[0]}
	return n, ClockModel{Readings: []Time{6 * second, now}, Step: 1, Horizon: hour}
}

// leaf is one value inside a node that has no parts of its own.
type leaf struct {
	path  string
	value reflect.Value
}

// leaves lists the leaves of v, and memory the addresses of what v refers to, each by its
// path. Elements of slices are written []. Anything met before is left out; anything not
// set goes to unset.
type leaves struct {
	leaves []leaf
	memory map[uintptr]string
	unset  []string
}

func (s *leaves) walk(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			s.unset = append(s.unset, path)
		} else if s.remember(path, v.Pointer()) {
			s.walk(path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			s.walk(path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		if v.Len() == 0 {
			s.unset = append(s.unset, path)
			return
		}
		s.remember(path, v.Pointer())
		for i := range v.Len() {
			s.walk(path+"[]", v.Index(i))
		}
	case reflect.Map:
		s.remember(path, v.Pointer())
		for _, key := range v.MapKeys() {
			s.walk(path+"[]", v.MapIndex(key))
		}
	case reflect.Array:
		s.leaves = append(s.leaves, leaf{path, v.Index(0)})
	default:
		if v.IsZero() {
			s.unset = append(s.unset, path)
		}
		s.leaves = append(s.leaves, leaf{path, v})
	}
}

func (s *leaves) remember(path string, address uintptr) bool {
	_, known := s.memory[address]
	if !known {
		s.memory[address] = path
	}
	return !known
}

func leavesOf(n *Node) *leaves {
	s := &leaves{memory: make(map[uintptr]string)}
	s.walk("", reflect.ValueOf(n))
	return s
}

// change gives a leaf another value.
func (l leaf) change(t *testing.T) (undo func()) {
	v := reflect.NewAt(l.value.Type(), unsafe.Pointer(l.value.UnsafeAddr())).Elem()
	old := reflect.ValueOf(v.Interface())
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.Type() == reflect.TypeFor[Member]():
		v.SetInt(v.Int() - 1) // so that it is still a member
	case strings.HasSuffix(l.path, ".timer"):
		v.SetInt(0) // the only place that is sure to be one
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "'")
	default:
		t.Fatalf("%s is a %s: teach this test to change one", l.path, v.Kind())
	}
	return func() { v.Set(old) }
}

// unencoded are the fields that AppendState leaves out, and why.
var unencoded = map[string]string{
	`\.cfg\.(Self|Members|FencesPerEpoch|LocalBatch|MaxNotes|Disk)`:         "the same for a member throughout a search",
	`\.cfg\.(Session|Floor|Encumbered|Fresh|Notes.*|Membership.*|Choice.*)`: "read by New only",
	`\.peers\[\]\.(listed|old|next)`:                                        "follow from the membership",
	`\.joining\.ask`:                                                        "the questions under way count from it",
	`\.choiceAt`:                                                            "means nothing while the node proposes or leaves",
	`\.proposal\.repeatAt`:                                                  "means nothing while the round is refused",
	`\.now`:                                                                 "the clock's reading is given; times count from it",
	`\.warned`:                                                              "decides on a warning only, of which nothing comes here",
	`\.newer`:                                                               "decides when the stamps are compared, which changes nothing then",
	`\.effects.*|\.numbers.*|\.members(\[\].*)?|\.stamps.*|\.spare.*`: "scratch memory, or fetched before",
	`.*\.hello\.(Fresh|Known(Session|Of)|Membership.*|Disk|Receiver)`: "read when the HELLO comes",
	`.*\.Hop`:    "for the log",
	`.*\.active`: "follows from the list of active locks",
}

// perhaps lists the fields that may or may not change the encoding, and why.
var perhaps = map[string]string{
	`.*\.waiters\.entries\[\]\..*`:           "the first is before head",
	`\.active\[\]\.timer`:                    "a lock that was forgotten has none",
	`\.self|\.cfg\.(TTL|IdleToken|IdleLock)`: "the same for a member throughout a search; deadlines are counted by it",
	`.*\.timers\[\]\.lock.*|.*\.position`:    "follow from the list of locks",
	`.*\.rest\..*`:                           "means nothing while the lock is awake",
}

func listed(list map[string]string, path string) bool {
	for pattern := range list {
		if regexp.MustCompile(`^(` + pattern + `)$`).MatchString(path) {
			return true
		}
	}
	return false
}

// mayBeZero lists fields that are 0 or nil in one of several values and set in another.
var mayBeZero = map[string]string{
	`.*\.position`:        "of the first lock",
	`\.active\[\]\.timer`: "a lock that was forgotten has none",
}

func TestCrowdedNodeHasEveryFieldSet(t *testing.T) {
	n, _ := full()
	for _, path := range leavesOf(n).unset {
		if !strings.HasPrefix(path, ".effects") && !strings.HasPrefix(path, ".spare") && !listed(mayBeZero, path) {
			t.Errorf("full() leaves %s unset, so nobody sees whether Clone and AppendState know of it", path)
		}
	}
}

func TestAppendStateCoversEveryField(t *testing.T) {
	n, c := full()
	before := n.AppendState(nil, c)
	if again := n.AppendState(nil, c); !bytes.Equal(before, again) {
		t.Fatal("the same state has two encodings")
	}
	matched := make(map[string]bool)
	for _, l := range leavesOf(n).leaves {
		undo := l.change(t)
		same := bytes.Equal(before, n.AppendState(nil, c))
		undo()
		if same && !listed(unencoded, l.path) && !listed(perhaps, l.path) {
			t.Errorf("AppendState does not tell of %s; encode it, or say in unencoded why not", l.path)
		}
		if !same && listed(unencoded, l.path) {
			t.Errorf("AppendState tells of %s, which unencoded says it leaves out", l.path)
		}
		matched[l.path] = true
	}
	for pattern := range unencoded {
		found := false
		for path := range matched {
			found = found || regexp.MustCompile(`^(`+pattern+`)$`).MatchString(path)
		}
		if !found {
			t.Errorf("unencoded lists %s, and nothing goes by that", pattern)
		}
	}
}

// shared lists what a clone shares with the node: contents of messages, which never change.
// changed.
var shared = map[string]string{
	`.*\.heldPing\..*`:          "came in a message",
	`.*\.answers\[\]\.buriable`: "came in a message",
	`.*\.votes\[\]\.buried`:     "came in a message, or is about to go into one",
	`\.notes\[\].*|.*\.note(\..*)?|.*\.(hold|Note|Run|Kept)(\..*)?|\.cfg\.Notes.*`:                   "does not change",
	`(\.cfg|.*\.hello)?\.(M|m)embership(\..*)?|(\.cfg)?\.(C|c)hoice(\..*)?|\.proposal\.(asked|next)`: "does not change",
	`\.joining\.(answers\[\]\.buried|distant.*)`:                                                     "came in a message, or has gone into one",
	`\.joining\.names`: "does not change",
}

func TestCloneCopiesEveryField(t *testing.T) {
	n, c := full()
	d := n.Clone()
	if got, want := d.AppendState(nil, c), n.AppendState(nil, c); !bytes.Equal(got, want) {
		t.Error("the clone's encoding differs from the node's")
	}
	ours := leavesOf(n).memory
	for address, path := range leavesOf(d).memory {
		if at, both := ours[address]; both && !listed(shared, path) {
			t.Errorf("the clone's %s is the node's %s; copy it", path, at)
		}
	}
	for i, l := range d.order {
		if d.locks[l.name] != l || int(l.position) != i {
			t.Errorf("the clone's lock %q stands at %d and knows of %d", l.name, i, l.position)
		}
	}
	for i, e := range d.timers {
		if int(e.lock.timer) != i+1 || d.locks[e.lock.name] != e.lock {
			t.Errorf("the clone's timer %d is of another lock, or of none", i)
		}
	}
	for i, l := range d.active {
		if n.active[i].name != l.name || l.name != "stale" && d.locks[l.name] != l {
			t.Errorf("the clone's active lock %d is %q, and the node's %q", i, l.name, n.active[i].name)
		}
	}
	n.effects, n.numbers, n.members, n.stamps, n.spare = nil, nil, nil, nil, nil
	if !reflect.DeepEqual(n, d) {
		t.Error("the clone differs from the node in something that is not scratch memory")
	}
}

// Pairs of encodings that must be equal, although the nodes' memory differs.
func TestAppendStateLeavesOutWhatIsOver(t *testing.T) {
	const now = 1000 * second
	fresh := func() *Node {
		n, err := New(now, Config{
			Members: 2, Session: 1, TTL: second, IdleToken: hour, IdleLock: 2 * hour, FencesPerEpoch: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		n.Effects()
		n.lock("x")
		return n
	}
	clock := ClockModel{Readings: []Time{now, now}, Step: second / 8, Horizon: second}
	for _, tt := range []struct {
		name   string
		change func(n *Node)
	}{
		{"a guard that is over", func(n *Node) { n.peers[1].guarded, n.peers[1].guardEnd = 3, now }},
		{"a burial that is over", func(n *Node) { n.peers[1].burialEnd = now - 1 }},
		{"an answer that no lease rests on", func(n *Node) {
			n.peers[1].hasAnswered, n.peers[1].answered, n.peers[1].pongAt = true, now-2*second, now-second
		}},
		{"who stood in the queue long ago", func(n *Node) { n.locks["x"].passedQueue = []Member{1} }},
		{"when the token was here, long ago", func(n *Node) { n.locks["x"].passedAt = now - second/2 }},
		{"a search that is over", func(n *Node) { n.locks["x"].search = &search{helper: n.self, probe: 3, ballot: Epoch{1, 1}} }},
		{"the number of probes", func(n *Node) { n.probes = 7 }},
		{"deadlines within one step", func(n *Node) { n.startedAt-- }},
		{"forgetting beyond the horizon", func(n *Node) { n.locks["x"].usedAt -= second }},
		{"a timer that comes up early", func(n *Node) { n.schedule(n.locks["x"]); n.timers[0].when = now + 1 }},
		{"the time itself", func(n *Node) { n.now-- }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, m := fresh(), fresh()
			n.schedule(n.locks["x"])
			m.schedule(m.locks["x"])
			tt.change(m)
			a, b := n.AppendState(nil, clock), m.AppendState(nil, clock)
			if !bytes.Equal(a, b) {
				t.Errorf("got %x, want %x", b, a)
			}
		})
	}
}

func TestAppendMessageLeavesOutWhatNobodyLooksAt(t *testing.T) {
	n, _ := full()
	old := Message{Kind: Pong, Incarnation: Incarnation{99}}
	for _, tt := range []struct {
		name string
		a, b Message
		same bool
	}{
		{"stamps of another incarnation", Message{Kind: Pong, Stamp: 1}, Message{Kind: Pong, Stamp: 2}, true},
		{"stamps older than the time to live",
			Message{Kind: Pong, Incarnation: n.cfg.Incarnation, Stamp: 1},
			Message{Kind: Pong, Incarnation: n.cfg.Incarnation, Stamp: 2}, true},
		{"recent stamps",
			Message{Kind: Pong, Incarnation: n.cfg.Incarnation, Stamp: n.now - 1},
			Message{Kind: Pong, Incarnation: n.cfg.Incarnation, Stamp: n.now - 2}, false},
		{"probes", Message{Kind: Probe, Probe: 19}, Message{Kind: Probe, Probe: 20}, false},
		{"kinds", old, Message{Kind: Ping, Incarnation: Incarnation{99}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := AppendMessage(nil, &tt.a, n, n.now), AppendMessage(nil, &tt.b, n, n.now)
			if bytes.Equal(a, b) != tt.same {
				t.Errorf("%x and %x: equal is %t, want %t", a, b, !tt.same, tt.same)
			}
		})
	}
	a := AppendMessage(nil, &old, nil, 0)
	if len(a) == 0 {
		t.Error("no encoding of a message to a node that does not run")
	}
}

func BenchmarkClone(b *testing.B) {
	n, _ := full()
	b.ReportAllocs()
	for b.Loop() {
		n.Clone()
	}
}

func BenchmarkAppendState(b *testing.B) {
	n, c := full()
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = n.AppendState(buffer[:0], c)
	}
	b.ReportMetric(float64(len(buffer)), "bytes")
}
