// Package draw makes space-time diagrams of runs: a line down the page for each
// node, arrows for the messages between them, bars for the critical sections.
//
// Draw lays a picture out as a list of plain elements; Picture.Write paints it as
// SVG, PNG or PDF, all by the same calls. Who has another canvas paints the
// elements themselves.
//
// # How to read a picture
//
// Time runs down. Each row has what one node did at one point; events of a node
// that belong together, such as leaving and sending the token on, share a row. In
// causal order, which is the order of logs.Run.Merge, every arrow points down. By
// time, rows stand where their nodes' clocks put them, and if these disagree, an
// arrow may point up.
//
// # What is not promised
//
// A picture shows what the lines say, not what happened. Rows are not to scale:
// in causal order they have no scale, and by time, long pauses are cut. Pictures of
// far more than a hundred messages are drawn, but not made to be read.
package draw
