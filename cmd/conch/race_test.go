//go:build race

package main

// TestCounter runs fewer loops under the race detector, with which a process takes long.
const loopsPerNode, increments = 4, 2

const raceDetector = true
