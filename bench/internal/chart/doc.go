// Package chart draws charts of growth, as SVG and PNG by the same calls: logarithmic
// axes, a colour for each thing that is measured, a style of line for where its points
// come from, and bars from the least to the most of the rounds.
//
// # What is not promised
//
// Charts of anything else.
package chart
