package main

import (
	"fmt"
	"os"

	"conch/internal/modulepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "setmodule: want one argument, the path of the module, such as example.org/you/conch")
		os.Exit(64)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "setmodule: %v\n", err)
		os.Exit(1)
	}
}

func run(to string) error {
	if err := modulepath.Check(to); err != nil {
		return err
	}
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	from, err := modulepath.Of(gomod)
	if err != nil {
		return err
	}
	changed, err := modulepath.New(from, to).Folder(".")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "module: %s is %s now, in %d files\n", from, to, changed)
	return nil
}
