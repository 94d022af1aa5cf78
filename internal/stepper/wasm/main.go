//go:build js && wasm

package main

import (
	"syscall/js"

	"conch/internal/stepper"
)

func main() {
	var desk stepper.Desk
	call := js.FuncOf(func(_ js.Value, args []js.Value) any {
		return string(desk.Call([]byte(args[0].String())))
	})
	js.Global().Set("conchStepper", call)
	select {} // the page calls from now on
}
