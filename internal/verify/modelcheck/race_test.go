//go:build race

package modelcheck

// Under the race detector a search takes ten times as long. It shows that the workers of
// one search do not race, which takes few states.
const (
	statesPerSearch    = 1_000
	expansionsCompared = 30
)
