package client

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conch/internal/socket"
)

func TestParseTarget(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for text, want := range map[string]string{
		"unix:/run/a.sock":  "unix:/run/a.sock",
		"unix:///run/a":     "unix:/run/a",
		"/run/../run/a":     "unix:/run/a",
		"unix:a":            "unix:" + filepath.Join(dir, "a"),
		"./s/a.sock":        "unix:" + filepath.Join(dir, "s", "a.sock"),
		"../a":              "unix:" + filepath.Join(filepath.Dir(dir), "a"),
		"Node1:7400":        "node1:7400",
		"[2001:db8::1]:740": "[2001:db8::1]:740",
	} {
		target, err := ParseTarget(text)
		if got := target.String(); got != want || err != nil {
			t.Errorf("ParseTarget(%q) = %q, %v; want %q", text, got, err, want)
		}
		if again, err := ParseTarget(target.String()); again != target || err != nil {
			t.Errorf("ParseTarget(%q) = %v, %v; want the same target", target, again, err)
		}
	}
	for _, text := range []string{"", "unix:", "node1", "node1:0", ":7400", "0.0.0.0:7400", "a/b:1", "http://a:1"} {
		if target, err := ParseTarget(text); !errors.Is(err, ErrTarget) {
			t.Errorf("ParseTarget(%q) = %v, %v; want ErrTarget", text, target, err)
		}
	}
	if _, err := ParseTarget("s/a.sock"); err == nil || !strings.Contains(err.Error(), "the path of a socket begins with /, ./ or ../") {
		t.Errorf("ParseTarget of a path without ./: %v; want it to say how a path begins", err)
	}
}

// serveSocket has this user's nodes serve a socket.
func serveSocket(t *testing.T, port string) string {
	t.Helper()
	path, err := socket.Path(port)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := socket.Listen(t.Context(), path, socket.Access{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return path
}

func TestTargetsComeFromTheFirstThatNamesAny(t *testing.T) {
	dir, err := os.MkdirTemp("", "conch") //nolint:usetesting // a socket's path must not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv(socket.EnvDir, dir)
	t.Setenv(EnvNode, "")
	check := func(nodes []string, want string) {
		t.Helper()
		found, err := Find(nodes)
		if got := fmt.Sprint(found.Targets); got != want || err != nil {
			t.Errorf("Find(%q) = %v, %v; want %v", nodes, got, err, want)
		}
	}
	check(nil, "[127.0.0.1:7400]")
	first := serveSocket(t, "7400")
	check(nil, "[unix:"+first+"]")
	second := serveSocket(t, "7401")
	_, err = Find(nil)
	if !errors.Is(err, ErrTarget) || !strings.Contains(err.Error(), "unix:"+first+"; unix:"+second) {
		t.Errorf("Find with two clusters: %v; want ErrTarget, naming both", err)
	}
	t.Setenv(EnvNode, "a:1, /b")
	check(nil, "[a:1 unix:/b]")
	check([]string{"c:3,d:4", "e:5"}, "[c:3 d:4 e:5]")
	t.Setenv(EnvNode, "a:1,,b:1")
	if _, err := Find(nil); !errors.Is(err, ErrTarget) || !strings.Contains(err.Error(), EnvNode) {
		t.Errorf("Find of a bad list: %v; want ErrTarget, naming the variable", err)
	}
	if _, err := Find([]string{""}); !errors.Is(err, ErrTarget) {
		t.Errorf("Find of an empty text: %v; want ErrTarget", err)
	}
}
