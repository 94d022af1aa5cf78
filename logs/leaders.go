package logs

// checkLeaders judges what nodes believe of leaders: one that says a value holds the lock
// alone, and no node believes in an older leader, or in an older value of one, after a newer.
func (c *checker) checkLeaders() {
	for _, life := range c.run.Lives {
		alone := make(map[string]*Event)  // who is in alone, by lock
		latest := make(map[string]*Event) // the latest belief
		for _, e := range life.Events {
			switch e.Kind {
			case Enter:
				if !e.Mode().shares() {
					alone[e.Lock] = e
				}
			case Leave, Lost:
				delete(alone, e.Lock)
			case LockForgotten:
				delete(latest, e.Lock)
			case Leader:
				if old := latest[e.Lock]; old != nil && (e.Fence < old.Fence || e.Fence == old.Fence && e.Count < old.Count) {
					c.report(risingFences, c.run.worst(), []*Event{old, e}, "%s believed in the leader with fence %d, and then in value %d of fence %d",
						e.Node, old.Fence, e.Count, e.Fence)
				}
				latest[e.Lock] = e
				if in := alone[e.Lock]; e.Peer == e.Node && !e.Over && e.Reason == "" && (in == nil || in.Fence != e.Fence) {
					c.report(exclusion, c.run.worst(), []*Event{e}, "a holder at %s says a value with fence %d, under which nobody is in alone there", e.Node, e.Fence)
				}
			}
		}
	}
}
