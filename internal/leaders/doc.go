// Package leaders has what an observer of an election is told, and the rule that keeps its
// order: who leads, as members and clients tell it to each other, as plain values. The rules
// by which members tell each other are in package token (say.go).
//
// It does not promise that a leader still leads when an observer hears of it. What a leader
// does must be fenced by its term.
package leaders
