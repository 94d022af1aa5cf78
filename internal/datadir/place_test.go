package datadir_test

import (
	"errors"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"conch/hosts"
	"conch/internal/datadir"
)

func TestDefaultDirIsTheUsersStateDirectory(t *testing.T) {
	t.Setenv("HOME", "/home/ann")
	underHome := "/home/ann/.local/state"
	if runtime.GOOS == "darwin" {
		underHome = "/home/ann/Library/Application Support"
	}
	for _, test := range []struct{ xdg, member, want string }{
		{"", "127.0.0.1:7401", underHome + "/conch/127.0.0.1%3A7401"},
		{"/var/lib", "node-1.example_x:7400", "/var/lib/conch/node-1.example_x%3A7400"},
		{"/var/lib", "[2001:db8::1]:7400", "/var/lib/conch/%5B2001%3Adb8%3A%3A1%5D%3A7400"},
		// The specification of the variable says to ignore what is relative.
		{"var/lib", "a:1", underHome + "/conch/a%3A1"},
	} {
		t.Setenv("XDG_STATE_HOME", test.xdg)
		got, err := datadir.DefaultDir(test.member)
		if err != nil || got != test.want {
			t.Errorf("with XDG_STATE_HOME=%q, DefaultDir(%q) = %q, %v; want %q", test.xdg, test.member, got, err, test.want)
		}
	}
}

func TestDefaultDirRefuses(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/var/lib")
	for _, member := range []string{"", ".", "..", "a", "A:1", "a:01", "[0:0::1]:7400", "../a:1"} {
		if got, err := datadir.DefaultDir(member); !errors.Is(err, hosts.ErrAddress) {
			t.Errorf("DefaultDir(%q) = %q, %v; want hosts.ErrAddress", member, got, err)
		}
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if got, err := datadir.DefaultDir("a:1"); err == nil || !strings.Contains(err.Error(), "set HOME or XDG_STATE_HOME") {
		t.Errorf("without a home, DefaultDir = %q, %v; want an error that says what to do", got, err)
	}
}

// TestMembersNeverMeet: the folder's name gives the address back, is one folder, and
// does not depend on the case of letters, which some file systems do not tell apart.
func TestMembersNeverMeet(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/var/lib")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-zA-Z0-9_.-]{1,20}|\[[0-9a-f:]{2,20}\]):[1-9][0-9]{0,3}`).Draw(t, "address")
		member, err := hosts.ParseAddress(text)
		if err != nil {
			t.Skip("not an address")
		}
		dir, err := datadir.DefaultDir(member)
		if err != nil {
			t.Fatal(err)
		}
		parent, name := filepath.Split(dir)
		if back, err := url.QueryUnescape(name); err != nil || back != member || parent != "/var/lib/conch/" {
			t.Errorf("DefaultDir(%q) = %q, which gives back %q, %v", member, dir, back, err)
		}
		if plain := strings.NewReplacer("%3A", "", "%5B", "", "%5D", "").Replace(name); plain != strings.ToLower(plain) || strings.Contains(plain, "%") {
			t.Errorf("DefaultDir(%q) = %q: %q has upper-case letters or other escapes", member, dir, plain)
		}
	})
}
