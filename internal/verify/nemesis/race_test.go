//go:build race

package nemesis

// raceFlags are for go build.
var raceFlags = []string{"-race"}
