package draw

import (
	"slices"

	"conch/logs"
)

// drawShared draws the stays of those who share the lock. Several may be in at a node at
// once: they stand side by side, left of the node's line, which shows where the token is.
// Each takes the first place that is free.
func (p *plan) drawShared(j *logs.Journey) {
	entries := slices.Concat(j.Entries, j.Under)
	entries = slices.DeleteFunc(entries, func(entry *logs.Entry) bool { return entry.Enter.Mode() == 0 })
	slices.SortStableFunc(entries, func(a, b *logs.Entry) int { return p.at[a.Enter] - p.at[b.Enter] })
	taken := make(map[string][]int) // until which line, by node and place
	for _, entry := range entries {
		node, end := entry.Enter.Node, len(p.merged)+1
		if entry.End != nil {
			end = p.at[entry.End]
		}
		place := slices.IndexFunc(taken[node], func(until int) bool { return until <= p.at[entry.Enter] })
		if place < 0 {
			place = len(taken[node])
			taken[node] = append(taken[node], 0)
		}
		taken[node][place] = end
		p.bar(entry.Enter.Life, entry.Enter, entry.End, func(x, from, to float64) {
			x -= float64(place+1) * (2*halfSection + 1)
			p.box(Shared, sharedC, x-halfSection, from+sectionGap, x+halfSection, to-sectionGap)
		})
	}
}
