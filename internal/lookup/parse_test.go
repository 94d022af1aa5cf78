package lookup

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ text, says string }{
		{"", "it begins with none of"},
		{"consul:x:1", "it begins with none of"},
		{"conch.example:7400", "it begins with none of"},
		{"dns", "it is empty"},
		{"dns:conch.example", "missing port"},
		{"dns:conch.example:0", "port 0"},
		{"dns:192.0.2.1:7400", "is an address and not a name"},
		{"dns::7400", "no node can dial it"},
		{"srv:", "not the name of SRV records"},
		{"srv:conch.example", "not the name of SRV records"},
		{"srv:_conch._udp.example", "not the name of SRV records"},
		{"srv:_conch._tcp", "not the name of SRV records"},
		{"srv:_conch._tcp.a..b", "not the name of SRV records"},
		{"srv:_conch._tcp.example:7400", "not the name of SRV records"},
		{"serf:", "it is empty"},
		{"serf:127.0.0.1", "missing port"},
		{"serf:127.0.0.1:7946,", "it is empty"},
		{"serf:0.0.0.0:7946", "no node can dial it"},
		{"dns:" + strings.Repeat("a", 1<<16) + ":1", "65536 bytes long"},
	} {
		_, err := Parse(test.text)
		if !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), test.says) || len(err.Error()) > 600 {
			t.Errorf("Parse(%.100q): %.600v; want it to say %q", test.text, err, test.says)
		}
	}
}

func TestReadKey(t *testing.T) {
	write := func(text string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	want := strings.Repeat("k", 32)
	text := base64.StdEncoding.EncodeToString([]byte(want)) + "\n"
	if key, err := ReadKey(write(text, 0o600)); err != nil || string(key) != want {
		t.Errorf("got %q, %v", key, err)
	}
	for _, test := range []struct{ path, says string }{
		{write(text, 0o644), "chmod 600"},
		{write("not base64", 0o600), "serf keygen"},
		{write("", 0o600), "it has 0 bytes, want 16, 24 or 32"},
		{write("YWJj", 0o600), "it has 3 bytes"},
		{filepath.Join(t.TempDir(), "none"), "no such file"},
		{t.TempDir(), "is a directory"},
	} {
		_, err := ReadKey(test.path)
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want it to say %q", test.path, err, test.says)
		}
	}
}
