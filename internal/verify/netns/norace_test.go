//go:build !race

package netns

// raceFlags are for go build.
var raceFlags []string
