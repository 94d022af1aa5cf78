package token

import "encoding/binary"

// encoder appends to b.
type encoder struct {
	b      []byte
	node   *Node
	clocks ClockModel
	now    Time
}

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) bools(flags ...bool) {
	var bits byte
	for i, f := range flags {
		if f {
			bits |= 1 << i
		}
	}
	e.b = append(e.b, bits)
}

func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

// until encodes a deadline, which is past when it is not after now.
func (e *encoder) until(t Time) {
	switch {
	case t == Never:
		e.uint(0)
	case t <= e.now:
		e.uint(1)
	default:
		e.uint(uint64((t-e.now-1)/e.clocks.Step) + 2)
	}
}

// far is a deadline beyond the horizon.
func (e *encoder) far() Time { return e.now + e.clocks.Horizon + 1 }

// since encodes a time in the past; all times longer ago than bound are equal.
func (e *encoder) since(t, bound Time) { e.int(age(t, e.now, bound)) }

// age is how long ago t was at now, but at most bound.
func age(t, now, bound Time) int64 { return int64(min(now-t, bound)) }

func (e *encoder) number(v Number) {
	e.uint(uint64(v.Session))
	e.uint(v.Count)
}

func (e *encoder) numbers(list []Number) {
	e.uint(uint64(len(list)))
	for _, v := range list {
		e.number(v)
	}
}

func (e *encoder) epoch(v Epoch) {
	e.uint(v.Number)
	e.int(int64(v.Proposer))
}

func (e *encoder) members(list []Member) {
	e.uint(uint64(len(list)))
	for _, v := range list {
		e.int(int64(v))
	}
}

func (e *encoder) requests(list []request) {
	e.uint(uint64(len(list)))
	for _, r := range list {
		e.uint(uint64(r.waiter))
		e.uint(uint64(r.limit))
		e.bools(r.sets, r.note != nil)
		if r.note != nil {
			e.noteRequest(r.note)
		}
	}
}

func (e *encoder) waiters(list []Waiter) {
	e.uint(uint64(len(list)))
	for _, w := range list {
		e.uint(uint64(w))
	}
}

func (e *encoder) token(t *Token) {
	e.bools(t != nil)
	if t == nil {
		return
	}
	e.epoch(t.Epoch)
	e.uint(uint64(t.Fence))
	e.numbers(t.LastGranted)
	e.members(t.Queue)
	e.uint(uint64(t.Limit))
	e.int(int64(t.LimitBy))
	e.uint(uint64(t.LimitAt))
	e.uint(uint64(len(t.Shares)))
	for _, s := range t.Shares {
		e.share(s)
	}
	e.bools(t.Run != nil, t.Kept != nil)
	if t.Run != nil {
		e.mark(*t.Run)
	}
	if t.Kept != nil {
		e.kept(t.Kept)
	}
}

func (e *encoder) share(s Share) {
	e.int(int64(s.Member))
	e.uint(uint64(s.Session))
	e.uint(uint64(s.ID))
	e.uint(uint64(s.Permits))
}
