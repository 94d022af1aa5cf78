// Command setmodule changes the path of the module in the current folder; `make module`
// calls it.
//
// # What is not promised
//
// That it can be undone otherwise than by git, or by a call with the old path.
package main
