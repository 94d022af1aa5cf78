// Package page writes down what a run has found, as one page of Markdown whose tables
// can be read as they stand: the goals beside the measured ratios, or theory beside what
// was measured, every figure with its spread, latencies, the versions and the machine,
// and what was left out.
//
// Nothing on a page is from anywhere but the run, save goals and theory.
//
// # What is not promised
//
// A judgement of why a figure is what it is.
package page
