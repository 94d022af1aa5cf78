package modelcheck

import (
	"encoding/binary"
	"hash/maphash"

	"conch/token"
)

// hasher makes 128 bits of a state. Hashers that must agree have the same seeds.
type hasher struct {
	seeds  [2]maphash.Seed
	buffer []byte
}

func newHasher() hasher {
	return hasher{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

func (h *hasher) sum(b []byte) [2]uint64 {
	h.buffer = b
	return [2]uint64{maphash.Bytes(h.seeds[0], b), maphash.Bytes(h.seeds[1], b)}
}

// node is the hash of member i's node.
func (h *hasher) node(c *Config, s *state, i int) [2]uint64 {
	return h.sum(s.nodes[i].AppendState(h.buffer[:0], token.ClockModel{
		Readings: s.clocks[:c.Members],
		Step:     c.elapsed(i, c.step()),
		Horizon:  token.Time(s.left.steps) * c.step(),
	}))
}

// state is the hash of a state whose facts are up to date.
func (h *hasher) state(c *Config, s *state) [2]uint64 {
	b := h.buffer[:0]
	for i := range c.Members {
		if s.nodes[i] != nil {
			b = binary.LittleEndian.AppendUint64(b, s.facts[i].hash[0])
			b = binary.LittleEndian.AppendUint64(b, s.facts[i].hash[1])
			b = append(b, 1+flag(s.leaving[i]))
		} else {
			b = append(b, 0)
			b = binary.AppendUvarint(b, uint64(s.disks[i].session))
			b = binary.AppendUvarint(b, s.disks[i].promised)
		}
		b = append(b, flag(s.marks[i]), byte(s.starts[i]), byte(s.left.requests[i]), byte(s.left.tries[i]))
		for l := range c.Locks {
			for _, client := range s.clients[i][l] {
				b = append(b, byte(client))
			}
			o := s.sharedBehind[i][l]
			b = append(b, byte((s.orphans[i][l]+c.step()-1)/c.step()), byte((o.left+c.step()-1)/c.step()), o.count)
		}
	}
	for l := range c.Locks {
		b = binary.AppendUvarint(b, uint64(s.fences[l]))
		b = binary.AppendUvarint(b, uint64(s.aloneFences[l]))
		for i := range c.Members {
			b = append(b, s.overtook[l][i][:c.Members]...)
		}
	}
	b = h.leading(b, c, s)
	b = h.noting(b, c, s)
	b = h.change(b, c, s)
	f := s.left.faults
	b = append(b, byte(s.left.steps), byte(f.Withdrawals), byte(f.Breaks), byte(f.Crashes), byte(f.Leaves), byte(f.Pauses), byte(f.Stalls))
	for i := range c.Members {
		for j := range c.Members {
			if i != j {
				b = h.stream(b, s, i, j)
			}
		}
	}
	return h.sum(b)
}

func (h *hasher) stream(b []byte, s *state, from, to int) []byte {
	w := &s.streams[from][to]
	b = append(b, flag(w.up)|flag(w.dead)<<1|flag(w.stalled)<<2, byte(len(w.queue)))
	for _, m := range w.queue {
		owner := from
		if m.Kind == token.Pong || m.Kind == token.ProbeAnswer || m.Kind == token.JoinedAnswer {
			owner = to
		}
		b = token.AppendMessage(b, m, s.nodes[owner], s.clocks[owner])
	}
	return b
}

func appendUints(b []byte, list ...uint64) []byte {
	for _, v := range list {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}
