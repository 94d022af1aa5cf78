//go:build race

package main

// How often TestCounter increments: with the race detector, a process takes long.
const loopsPerNode, increments = 4, 2

const raceDetector = true
