//go:build js && wasm

// Command wasm is the bridge between package stepper and the page /learn: it is built
// for WebAssembly, and runs inside the browser for as long as the page is open.
//
// Once it runs, there is a global function conchStepper, which takes a request and
// returns an answer, both as JSON texts; stepper.Server says what they are.
//
// What is not promised: that anything but that page calls it.
package main
