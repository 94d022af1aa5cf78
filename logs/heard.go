package logs

// checkHeard requires that RN holds nothing that the node has not heard: an entry
// of RN rises by what comes in, a request, a probe, a ballot, an answer, or a
// token's LN. Where it rises by itself, the line of a receipt is missing.
func (c *checker) checkHeard() {
	for _, life := range c.run.Lives {
		if life.Started == nil || life.quiet() {
			continue // what came before its first line here, or at all, cannot be known
		}
		self := c.run.member(life.Node)
		heard := make(map[string][]Number) // by lock
		holed := false                     // lines were missing before this one
		for _, e := range life.Events {
			if e.afterHole() {
				holed = true
				clear(heard)
			}
			if e.Lock == "" {
				continue
			}
			known := heard[e.Lock]
			if known == nil {
				known = make([]Number, len(c.run.Members))
				if holed {
					copy(known, e.RequestNumbers)
				}
				heard[e.Lock] = known
			}
			if from := c.run.member(e.Peer); from >= 0 && e.Received() && e.Number.Compare(known[from]) > 0 {
				known[from] = e.Number
			}
			for j, number := range e.LastGranted {
				if j < len(known) && number.Compare(known[j]) > 0 {
					known[j] = number
				}
			}
			if over := c.run.member(e.Peer); e.Kind == PassedOver && over >= 0 && over < len(e.LastGranted) {
				// It stood in Q, so it has asked, if only by riding.
				least := e.LastGranted[over]
				least.Count++
				if least.Compare(known[over]) > 0 {
					known[over] = least
				}
			}
			for j, number := range e.RequestNumbers {
				if j < len(known) && j != self && number.Compare(known[j]) > 0 {
					known[j] = number
					c.report(everyRequest, Insufficient, []*Event{e}, "%s knows of request %s of %s here, but no line says that it came", e.Node, number, c.run.Members[j])
				}
			}
		}
	}
}
