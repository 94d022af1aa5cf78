// Package command is what the programs of this module have in common: flags that bound a
// run, the roles that their processes can play, and the run itself, in rounds.
//
// # What is not promised
//
// Anything to programs outside this module.
package command
