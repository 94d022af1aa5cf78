//go:build js && wasm

package main

import (
	"syscall/js"

	"conch/internal/stepper"
)

func main() {
	var server stepper.Server
	call := js.FuncOf(func(_ js.Value, args []js.Value) any {
		return string(server.Call([]byte(args[0].String())))
	})
	js.Global().Set("conchStepper", call)
	select {} // the page calls from now on
}
