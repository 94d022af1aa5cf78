package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the Makefile, from the tag of the commit.
var version string

// build describes this program.
type build struct {
	// Version is version or, for a program that the Go tool built by itself, the module's
	// version: a tag, or a pseudo-version with time and commit, with "+dirty" if files were
	// changed; "(devel)" if it was built outside a checkout.
	Version  string `json:"version"`
	Go       string `json:"go"`       // version of Go
	Platform string `json:"platform"` // OS/ARCH
}

func readBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	if version != "" {
		b.Version = version
	}
	return b
}

func newVersionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Show the version of this program",
		Long:  "Shows the version of this program, of the Go it was built with, and its platform.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := readBuild()
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(b)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "conch %s\n%s %s\n", b.Version, b.Go, b.Platform)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one line of JSON")
	return cmd
}
