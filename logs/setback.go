package logs

// checkSetBack requires that no later process of a node enters with a fence that is not
// above those with which its earlier ones entered. It needs no order of tokens: where a
// cluster was set back as a whole, by older data directories or clocks, epochs come again
// or fall, and the tokens are put into a wrong order.
func (c *checker) checkSetBack() {
	highest := make(map[nodeLock]*Event)
	for _, life := range c.run.Lives {
		var before, told map[string]*Event // by lock: of earlier processes
		for _, e := range life.Events {
			if e.Kind != Enter || !e.Has("fence") {
				continue
			}
			if before == nil {
				before, told = make(map[string]*Event), make(map[string]*Event)
			}
			key := nodeLock{life.Node, e.Lock}
			if _, known := before[e.Lock]; !known {
				before[e.Lock] = highest[key]
			}
			if earlier := before[e.Lock]; earlier != nil && e.Fence <= earlier.Fence && told[e.Lock] == nil {
				told[e.Lock] = e
				c.report(risingFences, Violated, []*Event{earlier, e}, "%s entered with fence %d, after an earlier process of it had entered with %d: "+
					"the cluster was set back, by older data directories or clocks, or these are logs of several clusters (see FENCING.md)",
					life.Node, e.Fence, earlier.Fence)
			}
			if highest[key] == nil || e.Fence > highest[key].Fence {
				highest[key] = e
			}
		}
	}
}

// nodeLock is a lock at a node.
type nodeLock struct{ node, lock string }
