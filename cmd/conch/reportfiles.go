package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// crashFiles returns the log files that --crash names: those of a folder, or the named
// ones.
func crashFiles(given []string) ([]string, error) {
	var files []string
	for _, name := range given {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, insufficient(fmt.Errorf("--crash: %w; name the folder that has the logs of the second run", err))
		case err != nil:
			return nil, insufficient(fmt.Errorf("--crash: %w", err))
		case !info.IsDir():
			files = append(files, name)
			continue
		}
		inside, err := filepath.Glob(filepath.Join(escapeGlob(name), "*.log"))
		if err != nil {
			return nil, fmt.Errorf("--crash: %w", err)
		}
		if len(inside) == 0 {
			return nil, insufficient(fmt.Errorf("--crash: the folder %s has no file that ends in .log; name the folder that has the logs of the second run, or the files themselves", name))
		}
		files = append(files, inside...)
	}
	return files, nil
}

// escapeGlob quotes the pattern characters in a folder's name.
func escapeGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// checkShellPattern detects "--crash kill/node*.log": of the files that the shell puts
// there, only the first is the flag's, and the others would be taken for the first run's.
func checkShellPattern(cmd *cobra.Command, files, crash []string) error {
	for _, name := range crash {
		folder := filepath.Dir(name)
		if info, err := os.Stat(name); err != nil || info.IsDir() {
			continue
		}
		inFolder := func(file string) bool { return filepath.Dir(file) == folder }
		if slices.ContainsFunc(files, inFolder) && !allIn(files, inFolder) {
			return misuse(cmd, "--crash takes one value, %s, so the other files of the folder %s are taken for the first run; give the folder: --crash %s", name, folder, quoteWord(folder))
		}
	}
	return nil
}

func allIn(files []string, is func(string) bool) bool {
	return !slices.ContainsFunc(files, func(file string) bool { return !is(file) })
}

// commandLine writes a command as one can type it.
func commandLine(words []string) string {
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, quoteWord(word))
	}
	return strings.Join(quoted, " ")
}

// quoteWord quotes a word for the shell if needed.
func quoteWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./-_", r) || r > 0x7F
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
