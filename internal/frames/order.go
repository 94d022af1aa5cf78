package frames

// InOrder puts the messages of a client's frame into the order in which a node takes
// them: each Release or EndRun behind the rest of the frame, or behind what stands before the next
// try. A client that gives a lock back and asks for it again is then in line when the
// token leaves, so the node needs no request of its own for it; but a try would find the
// lock in use. The rest keeps its order.
func InOrder(messages []ClientMessage) {
	if len(messages) < 2 {
		return
	}
	var releases []ClientMessage
	kept := messages[:0]
	for _, m := range messages {
		if m.Kind == Release || m.Kind == EndRun {
			releases = append(releases, m)
			continue
		}
		if m.Kind == Acquire && m.Try {
			kept = append(kept, releases...)
			releases = releases[:0]
		}
		kept = append(kept, m)
	}
	copy(messages[len(kept):], releases)
}
