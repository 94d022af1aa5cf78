//go:build race

package service

// raceDetector tells whether the race detector watches.
const raceDetector = true
