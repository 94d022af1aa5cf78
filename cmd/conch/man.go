package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// epochVariable gives reproducible builds their present time, in seconds since 1970; see
// reproducible-builds.org.
const epochVariable = "SOURCE_DATE_EPOCH"

// newManCommand returns the command that writes the manual pages for packages.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Writes a manual page for each command into DIR, which must exist. The pages have the
date of $` + epochVariable + ` (seconds since 1970) if it is set, else today's.`,
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return fmt.Errorf("got %d arguments; want one, the folder for the pages", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := pageDate()
			if err != nil {
				return misuse(cmd, "%w", err)
			}
			if info, err := os.Stat(args[0]); err != nil {
				return err
			} else if !info.IsDir() {
				return fmt.Errorf("%s: got a file, want a folder", args[0])
			}
			header := &doc.GenManHeader{Section: "1", Date: &date, Source: "conch " + readBuild().Version, Manual: "conch"}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, header, args[0])
		},
	}
}

// pageDate returns the date of the manual pages.
func pageDate() (time.Time, error) {
	text := os.Getenv(epochVariable)
	if text == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("$%s: got %q, want whole seconds since 1970: %w", epochVariable, text, errors.Unwrap(err))
	}
	return time.Unix(seconds, 0).UTC(), nil
}
