package board

import "testing"

func TestSharersInsideAtOnce(t *testing.T) {
	a, b := boards(t)
	const limit = 2
	a.Share(limit)
	b.Share(limit)
	if got, want := a.Counts(), (Counts{Grants: 2, Shared: 2}); got != want {
		t.Errorf("as many as may be: got %+v, want %+v", got, want)
	}
	a.Share(limit)
	if got := b.Counts().Violations; got != 1 {
		t.Errorf("one more than may be: got %d violations, want 1", got)
	}
	for range 3 {
		a.Unshare()
	}
	b.Enter(0)
	b.Leave(0)
	if got := b.Counts().Violations; got != 1 {
		t.Errorf("a writer after all have left: got %d violations, want 1", got)
	}
}

func TestAWriterBesideAReaderIsAViolation(t *testing.T) {
	a, b := boards(t)
	const many = 1 << 32
	a.Share(many)
	b.Enter(1)
	if got := a.Counts().Violations; got != 1 {
		t.Errorf("a writer beside a reader: got %d violations, want 1", got)
	}
	a.Unshare()
	a.Share(many)
	if got := a.Counts().Violations; got != 2 {
		t.Errorf("a reader beside a writer: got %d violations, want 2", got)
	}
}
