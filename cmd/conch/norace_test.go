//go:build !race

package main

// TestCounter runs so many loops at each node, with so many increments each.
const loopsPerNode, increments = 20, 2

const raceDetector = false
