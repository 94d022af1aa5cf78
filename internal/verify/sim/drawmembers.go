package sim

import (
	"math/bits"
	"slices"

	"conch/token"
)

// drawLists draws whether the members of a run change, and how many machines there are. It
// draws from a source of its own, so that all other runs are as they were before.
func (p *Plan) drawLists() {
	s := source(p.Seed ^ 0x11575)
	if p.Changes = s.chance(25); !p.Changes {
		return
	}
	p.First = int(pick[int64](&s, 1, 1, 2, 3, 3, 3, 3, 4, 5))
	p.Nodes = min(maxNodes, p.First+int(pick[int64](&s, 0, 1, 1, 2, 2, 3, 4)))
	p.Born, p.Taken = s.chance(60), s.chance(15)
	p.Settle = p.TTL * Instant(s.between(6, pick[int64](&s, 10, 16, 30)))
}

// membersDraw is a draw of changes: who is a member if all changes so far are made, who waits
// to be listed, and who was removed.
type membersDraw struct {
	source
	members, waiting, removed uint64
}

// drawMembers draws the changes, who waits to be listed, and disks that are lost.
func (p *Plan) drawMembers() {
	if !p.Changes {
		return
	}
	s := &membersDraw{source: source(p.Seed ^ 0x4e3b325), members: 1<<p.First - 1}
	for i := range p.Nodes {
		p.Machines[i].Disk = true
	}
	if s.chance(4) {
		p.Machines[s.below(int64(p.First))].Disk, p.Born = false, false
	}
	p.MaxNotes = max(p.MaxNotes, maxLocks)
	p.keepDisks(s)
	T := int64(p.TTL)
	for i := p.First; i < p.Nodes; i++ {
		p.Ops = append(p.Ops, Op{At: Instant(s.below(pick(&s.source, T/10, T/10, 3*T))), Kind: Launch, Node: int8(i)})
		s.waiting |= 1 << i
	}
	pace := pick(&s.source, T/4, T, 3*T)
	rivals := pick[int64](&s.source, 0, 0, 30, 100)
	at := Instant(s.below(pick(&s.source, T/2, 4*T)))
	for range 30 {
		if at >= p.Settle {
			break
		}
		p.drawChange(s, at, rivals)
		at += Instant(s.below(2 * pace))
	}
	if s.chance(50) {
		p.drawChange(s, p.Settle+Instant(s.below(T)), 0)
	}
}

// keepDisks takes out the faults by which a member forgets what it has said, and lets others
// meet the changes.
func (p *Plan) keepDisks(s *membersDraw) {
	p.Ops = slices.DeleteFunc(p.Ops, func(op Op) bool {
		return op.Kind == SetBack || op.Kind == SetBackAll || op.Kind == LoseDisk
	})
	for k := range p.Ops {
		op := &p.Ops[k]
		switch {
		case op.Kind == CrashSave && s.chance(60):
			op.Kind = CrashMembership
		case op.On != 0 && s.chance(60):
			op.On = pick(&s.source,
				token.MembershipMessage, token.Choose, token.ChooseAnswer, token.ChooseAnswer, token.Accept, token.Accept, token.AcceptAnswer,
				token.Joined, token.JoinedAnswer, token.JoinedAnswer, token.Sync, token.SyncAnswer, token.TokenMessage, token.Bye)
		case (op.Kind == Crash || op.Kind == Reboot || op.Kind == Leave) && op.Length == 0:
			op.Length = p.TTL
		}
	}
}

// some draws at least low and at most high machines of a set.
func (s *membersDraw) some(set uint64, low, high int) (chosen uint64) {
	all := machines(set)
	for range s.between(int64(low), int64(high)) {
		if len(all) == 0 {
			break
		}
		k := s.below(int64(len(all)))
		chosen |= 1 << all[k]
		all = slices.Delete(all, int(k), int(k)+1)
	}
	return chosen
}

// drawChange draws a change, with what comes before and after it, and perhaps another at about
// the same time.
func (p *Plan) drawChange(s *membersDraw, at Instant, rivals int64) {
	T := int64(p.TTL)
	op := Op{At: at, Kind: ChangeMembers, Effects: int32(s.below(8))}
	has := bits.OnesCount64(s.members)
	var add, remove uint64
	switch pick[int64](&s.source, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4) {
	case 0: // more
		add = s.some(s.waiting, 1, min(3, 7-has))
	case 1: // fewer
		remove = s.some(s.members, 1, min(3, has-1))
	case 2: // one for another, which may be dead
		if remove = s.some(s.members, 1, 1); s.waiting != 0 {
			add = s.some(s.waiting, 1, 1)
		}
		if s.chance(50) && at < p.Settle {
			p.Ops = append(p.Ops, Op{At: max(0, at-Instant(s.below(2*T))), Kind: Crash, Node: int8(bits.TrailingZeros64(remove))})
		}
	case 3: // another disk at the same place
		if at >= p.Settle {
			return
		}
		add = s.some(s.members, 1, 1)
		remove = add
		wipe := Op{At: max(0, at-Instant(s.below(T))), Kind: Wipe, Node: int8(bits.TrailingZeros64(add)), Length: Instant(s.between(1, T/2)), Effects: int32(s.below(2))}
		p.Ops = append(p.Ops, wipe)
		op.Effects += 4
	case 4: // anything
		add, remove = s.some(1<<p.Nodes-1, 0, 3), s.some(1<<p.Nodes-1, 0, 3)
	}
	next := s.members&^remove | add
	if add|remove == 0 || bits.OnesCount64(next) > 7 {
		return
	}
	op.Pairs = add | remove<<8
	op.Node = int8(s.below(int64(p.Nodes)))
	if s.chance(rivals) {
		rival := op
		rival.Node = int8(s.below(int64(p.Nodes)))
		rival.At += Instant(s.below(pick(&s.source, 1, 4*int64(p.Delay), T/4)))
		rival.Pairs = s.some(s.waiting, 0, 2) | s.some(s.members, 0, 2)<<8
		p.Ops = append(p.Ops, rival)
	}
	p.Ops = append(p.Ops, op)
	if next == 0 {
		return // it is refused
	}
	s.members = next
	s.waiting &^= add
	s.removed |= remove &^ add
	for _, i := range machines(s.removed) {
		if s.chance(60) {
			p.Ops = append(p.Ops, Op{At: at + Instant(s.between(2*T, 6*T)), Kind: Renew, Node: int8(i)})
			s.removed &^= 1 << i
			s.waiting |= 1 << i
		}
	}
}
