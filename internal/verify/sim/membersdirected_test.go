package sim

// withFirst lets the members change: the first so many machines are the first list, which is on
// all disks. The others' processes start at once, and wait to be listed.
func withFirst(first int, p *Plan) *Plan {
	p.Changes, p.Born, p.First = true, true, first
	for i := first; i < p.Nodes; i++ {
		p.Ops = append(p.Ops, Op{At: 100 * ms, Kind: Launch, Node: int8(i)})
	}
	return p
}

// changes lets an operator at a node add and remove machines.
func changes(at Instant, node int8, add, remove uint64) Op {
	return Op{At: at, Kind: ChangeMembers, Node: node, Pairs: add | remove<<8}
}

// forGood are two nodes that never reach each other.
func forGood(i, j int, p *Plan) *Plan {
	p.Cut = [2]int{i, j}
	return p
}

// seeded draws times and losses from another seed.
func seeded(seed uint64, p *Plan) *Plan {
	p.Seed = seed
	return p
}

// twoSides: 0 has the lock, and goes from seven members to 0, 5 and 6, as these hear. 1 to 4 have
// accepted that, and do not hear that it is chosen: they are a quorum of the old list, bury 0,
// and make a token.
func twoSides() []Op {
	var told, away []uint64
	for i := 1; i <= 4; i++ {
		told = append(told, pairBit(0, i))
		for _, j := range []int{0, 5, 6} {
			away = append(away, both(i, j))
		}
	}
	return []Op{
		hold(1*s, 0, 50*s),
		changes(5*s, 0, 0, 1<<1|1<<2|1<<3|1<<4),
		cut(5*s+3500*ms/1000, 55*s, 1, told...),
		cut(5*s+4500*ms/1000, 55*s, 1, away...),
		hold(6*s, 1, 20*s),
	}
}

// oldGuards: 2 has the lock, and does not reach 4, 5 and 6, who do not guard it any more: its
// lease is that of a quorum of the seven. 0 and 1 are removed. In the next list 4, 5 and 6 are
// a quorum, which buries 2 as soon as that list alone counts. (3 reaches all.)
func oldGuards() []Op {
	return []Op{
		hold(1*s, 2, 50*s),
		cut(2*s, 55*s, 1, both(2, 4), both(2, 5), both(2, 6)),
		changes(20*s, 3, 0, 1<<0|1<<1),
		hold(21*s, 4, 20*s),
	}
}

// oneGrows: a cluster of one, whose leases have no end, gets two new members. When these first
// answer its PINGs, the oldest of which came while they waited, its client has a lease of T that it
// was told a moment before. Then 0 hears neither of them until its lease would be over.
func oneGrows() *Plan {
	p := withFirst(1, attached(3,
		Op{At: 1 * s, Kind: ClientAcquire, Length: 60 * s},
		changes(5*s, 0, 1<<1|1<<2, 0),
		hold(8*s, 0, 5*s),
		Op{At: 16004 * ms, Kind: ClientCut, Effects: 3, Length: 40 * s},
		cut(16870*ms, 24902*ms, 0, both(0, 1), both(0, 2)),
	))
	p.Settle = 120 * s
	return seeded(14, p)
}

// membersDirected are the chains about members that change.
var membersDirected = map[string]*Plan{
	"members-lease-by-new":       stageOf(7, twoSides()),
	"members-lease-by-old":       stageOf(7, oldGuards()),
	"members-joined-by-the-old":  stageOf(7, oldGuards()),
	"members-lease-ends-at-once": oneGrows(),
	// 1 takes 0's place. It has 0's note of tick 5, but not on its disk, when it is the only
	// member; and dies.
	"members-notes-not-stored": settling(120*s, slowDisks(remembering(withFirst(1, stage(2,
		atMostOnce(runsTick(1*s, 0, 5, s)),
		changes(60*s, 0, 1<<1, 1<<0),
		crash(75*s, 1, 100*ms),
		atMostOnce(runsTick(80*s, 1, 5, s)),
	))), 40*s)),
	// 2 never reaches 1, and so cannot join: it does not have the notes of a quorum of the old
	// list. 1 is cut off from 0 for long enough to be buried, and comes back. 2 asks on and on
	// whether 1 is buried.
	"members-buried-for-ever": seeded(2, forGood(1, 2, remembering(withFirst(2, stage(3,
		changes(5*s, 0, 1<<2, 0),
		cut(20*s, 45*s, 1, both(0, 1)),
		hold(61*s, 1, ms),
	))))),
}

// stageOf is a stage on which all machines are members that may change.
func stageOf(nodes int, ops []Op) *Plan { return withFirst(nodes, stage(nodes, ops...)) }
