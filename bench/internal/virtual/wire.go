package virtual

import "conch/token"

// queued is a message that is on its way.
type queued struct {
	at       token.Time // when it comes
	from, to token.Member
	message  token.Message
}

// chunk is how many messages stand together in memory.
const chunk = 1024

// wire is all messages on their way. All take equally long, so the one that was sent
// first comes first. A round of PINGs among a thousand members is a million messages,
// so it grows and shrinks by chunks.
type wire struct {
	chunks [][]queued
	head   int // of the first chunk, those before head have come
	spare  []queued
}

func (w *wire) empty() bool { return len(w.chunks) == 0 || w.head == len(w.chunks[0]) }

func (w *wire) next() token.Time {
	if w.empty() {
		return token.Never
	}
	return w.chunks[0][w.head].at
}

// push returns a message to be filled in, which comes last.
func (w *wire) push() *queued {
	if last := len(w.chunks) - 1; last < 0 || len(w.chunks[last]) == chunk {
		if w.spare == nil {
			w.spare = make([]queued, 0, chunk)
		}
		w.chunks, w.spare = append(w.chunks, w.spare), nil
	}
	last := &w.chunks[len(w.chunks)-1]
	*last = (*last)[:len(*last)+1]
	return &(*last)[len(*last)-1]
}

// pop returns the message that comes next. It is valid until the next push.
func (w *wire) pop() *queued {
	p := &w.chunks[0][w.head]
	if w.head++; w.head == chunk {
		w.spare = w.chunks[0][:0]
		w.chunks, w.head = w.chunks[1:], 0
	}
	return p
}
