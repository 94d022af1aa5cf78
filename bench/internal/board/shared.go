package board

// Share notes that a client is in the critical section beside others, of whom there may be
// limit at once, itself counted. It counts a grant, and a shared one.
func (b *Board) Share(limit uint64) {
	p := b.page
	if p.sharers.word.Add(1) > limit || p.inside.word.Load() != 0 {
		p.violations.word.Add(1)
	}
	p.grants.word.Add(1)
	p.shared.word.Add(1)
}

// Unshare notes that a client that shares the critical section is about to leave it.
func (b *Board) Unshare() { b.page.sharers.word.Add(^uint64(0)) }
