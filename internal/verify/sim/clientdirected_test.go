package sim

// attached is a stage with one client of node 0, and two locks.
func attached(nodes int, ops ...Op) *Plan {
	p := stage(nodes, ops...)
	p.Locks, p.Processes, p.ClientPatience = 2, 1, 300*s
	p.ClientMachines[0] = ClientMachine{Offset: int64(500 * s), Nodes: []int8{0}}
	return p
}

// manyWaits are requests of client 0 for lock 0, which somebody else holds.
func manyWaits(at Instant, n int) (ops []Op) {
	for range n {
		ops = append(ops, Op{At: at, Kind: ClientAcquire, Length: ms})
	}
	return ops
}

// stalledRestatement: client 0 holds lock 1 and has 30 waits. Its stream breaks, and the
// next one stalls between the two frames that restate all this: the first, with the Ping,
// arrives at 10 s, and the second, with the hold, almost T later. Node 2 waits for the
// lock, and gets it when the lease that the node knew at the break is over.
func stalledRestatement() []Op {
	ops := append([]Op{hold(1*s, 1, 58*s)}, manyWaits(2*s, 30)...)
	return append(ops,
		Op{At: 3 * s, Kind: ClientAcquire, Lock: 1, Length: 50 * s},
		Op{At: 4 * s, Kind: Acquire, Node: 2, Lock: 1, Length: 30 * s},
		Op{At: 9800 * ms, Kind: ClientBreak, Length: 200 * ms},
		Op{At: 9900 * ms, Kind: ClientStall, Effects: 4, Length: 9900 * ms, Patience: 5 * s},
	)
}

// sessionEndsEarly: 2 is set back, and begins session 1 again with 3 and 4, which do not
// know of it. Its client gets the lock and is cut off. Then 2 hears of 0, which knows, and
// its session ends before its lease does. 4 waits for the lock, and gets it when the
// client's lease is over.
func sessionEndsEarly() *Plan {
	p := attached(5,
		Op{At: 1 * s, Kind: Crash, Node: 2, Length: 100 * ms},
		Op{At: 14 * s, Kind: Crash, Node: 3, Length: 100 * ms},
		Op{At: 25 * s, Kind: Crash, Node: 4, Length: 100 * ms},
		cut(13900*ms, 37*s, 1, both(2, 3)),
		cut(24900*ms, 37*s, 1, both(2, 4)),
		cut(36900*ms, 70*s, 1, both(2, 0), both(2, 1)),
		Op{At: 37 * s, Kind: SetBack, Node: 2, Effects: 2, Length: 100 * ms, Patience: 1},
		hold(36*s, 3, ms), // makes the token
		Op{At: 60 * s, Kind: ClientAcquire, Length: 60 * s},
		Op{At: 69900 * ms, Kind: ClientCut, Effects: 6, Length: 20 * s},
		hold(68*s, 4, s),
	)
	p.Settle, p.ClientMachines[0].Nodes = 120*s, []int8{2}
	return p
}
