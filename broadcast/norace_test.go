//go:build !race

package broadcast

// raceDetector tells whether the race detector watches.
const raceDetector = false
