//go:build !race

package modelcheck

// statesPerSearch is how far each configuration is searched in every test run, and
// expansionsCompared how many states are expanded to compare equal ones.
const (
	statesPerSearch    = 12_000
	expansionsCompared = 150
)
