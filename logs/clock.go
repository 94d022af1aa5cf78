package logs

// Clock is a vector clock: for each process, by Life.Index, how many of its lines
// happened before or are the line that the clock is of.
type Clock []uint32

// Includes reports whether e happened before the clock's line, or is it.
func (c Clock) Includes(e *Event) bool { return int(c[e.Life.Index]) > e.Seq }

// WalkClocks calls visit for every line, in the order of Merge, with the line's
// vector clock. The clock is valid during the call; visit may copy it.
//
// A member's process happened after the member's process before it.
func (r *Run) WalkClocks(visit func(e *Event, clock Clock)) {
	current := make([]Clock, len(r.Lives))
	sent := make(map[*Event]Clock) // of sends whose receipt is still to come
	for _, e := range r.Merge() {
		i := e.Life.Index
		if current[i] == nil {
			current[i] = make(Clock, len(r.Lives))
			if i > 0 && r.Lives[i-1].Node == e.Node && current[i-1] != nil {
				copy(current[i], current[i-1])
			}
		}
		clock := current[i]
		if e.Cause != nil {
			for k, count := range sent[e.Cause] { // nil only in a cycle, which is reported
				clock[k] = max(clock[k], count)
			}
			delete(sent, e.Cause)
		}
		clock[i] = uint32(e.Seq + 1)
		if e.Receipt != nil {
			sent[e] = append(Clock(nil), clock...)
		}
		visit(e, clock)
	}
}
