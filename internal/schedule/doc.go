// Package schedule says for which turn of a schedule a job runs now: its tick, a number on
// which all machines agree though their clocks differ a little. It reads no clock.
//
// The tick is the turn nearest to now, so a clock may be off by up to half of the time
// between two turns. Not promised: that machines agree midway between two turns; see
// [Turn].IsMidway. The package starts nothing and waits for nothing.
package schedule
