//go:build !race

package main

// How often TestCounter increments: so many loops at each node, so many times each.
const loopsPerNode, increments = 20, 2

const raceDetector = false
