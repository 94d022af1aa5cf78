//go:build race

package ordeal

// raceFlags are for go build.
var raceFlags = []string{"-race"}
