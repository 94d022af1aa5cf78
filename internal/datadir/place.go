package datadir

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
)

// DefaultDir returns the data directory that a member has unless told otherwise: the
// folder conch and a folder for the member in the user's state directory, which is
// $XDG_STATE_HOME, or else ~/.local/state, on macOS ~/Library/Application Support.
// Nothing is made.
//
// The member's folder is its address with : [ and ] written as in a URL's query, as
// in 127.0.0.1%3A7401. That can be undone, so no two members have the same.
//
// The error wraps [hosts.ErrAddress], or says that the user has no home.
func DefaultDir(member string) (string, error) {
	if err := checkMember(member); err != nil {
		return "", err
	}
	state, err := stateHome()
	if err != nil {
		return "", fmt.Errorf("no default data directory: %w; set HOME or XDG_STATE_HOME, or name a data directory", err)
	}
	return filepath.Join(state, "conch", url.QueryEscape(member)), nil
}

// stateHome returns the directory for what programs keep for a user.
func stateHome() (string, error) {
	// XDG Base Directory Specification: a relative path is invalid, to be ignored.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if runtime.GOOS == "darwin" {
		return os.UserConfigDir()
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state"), nil
}
