package sim

type eventKind uint8

const (
	evOp           eventKind = iota // ref: op
	evTick                          // node; gen: its tick
	evDeliver                       // ref: stream; the head of its queue has arrived
	evOpen                          // node to peer: dial
	evUp                            // ref: stream; its sender hears that it is accepted
	evDown                          // ref: stream; its sender hears that it is over
	evRelease                       // ref: op; the waiter leaves its critical section
	evWithdraw                      // ref: op; the waiter gives up
	evStart                         // node; gen: its process before
	evCrash                         // node; gen: its process
	evSettle                        // the faults are over
	evCheckServed                   // check whether everybody is served
	evToNode                        // ref: client stream; the oldest parcel to its node has come
	evToClient                      // ref: client stream; the oldest parcel to its client has come
	evClientNotice                  // ref: client stream; its client notices its end, or with gen 1 that it was not welcomed
	evClientDial                    // node: client; ref: link, or -1; gen: the client's process
	evClientTick                    // ref: link; gen: its tick
	evSay                           // ref: op; gen: which value its holder says
	evClientDone                    // ref: op; gen: the client's process; its caller releases
	evClientGiveUp                  // ref: op; gen: the client's process; its caller gives up
	evClientStart                   // node: client; gen: its process before
	evWritten                       // node; gen: its process; its oldest note that is not on disk now is
	evStored                        // node; gen: its process; ref: the serial number up to which notes are on disk
	evAsk                           // node; gen: its process, which waits to be listed, and asks somebody
	evAnswer                        // ref: answer; it has come
)

// event is something that happens at a moment. Events of the same moment happen in the
// order in which they were planned.
type event struct {
	at   Instant
	seq  uint32
	gen  uint32
	ref  int32
	kind eventKind
	node int8
	peer int8
}

func (e *event) before(f *event) bool { return e.at < f.at || e.at == f.at && e.seq < f.seq }

// eventQueue is a heap with four children a node, which suits caches better than two.
type eventQueue struct {
	heap []event
	seq  uint32
}

func (q *eventQueue) reset() { q.heap, q.seq = q.heap[:0], 0 }

func (q *eventQueue) push(e event) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

func (q *eventQueue) pop() event {
	top := q.heap[0]
	last := q.heap[len(q.heap)-1]
	q.heap = q.heap[:len(q.heap)-1]
	n := len(q.heap)
	for i := 0; n > 0; {
		first := 4*i + 1
		if first >= n {
			q.heap[i] = last
			break
		}
		least := first
		for child := first + 1; child < min(first+4, n); child++ {
			if q.heap[child].before(&q.heap[least]) {
				least = child
			}
		}
		if !q.heap[least].before(&last) {
			q.heap[i] = last
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	return top
}
