package socket_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conch/internal/socket"
)

// keep looks after a socket's file, and returns what was told of it.
func keep(t *testing.T, path string) (kept *socket.Kept, remade, lost <-chan string) {
	t.Helper()
	made, gone := make(chan string, 10), make(chan string, 10)
	kept, err := socket.Keep(listen(t, path), time.Millisecond,
		func() (net.Listener, error) { return socket.Listen(t.Context(), path, socket.Access{}) },
		socket.Told{Remade: func(reason string) { made <- reason }, Lost: func(reason string) { gone <- reason }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	go func() {
		for {
			conn, err := kept.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return kept, made, gone
}

func checkDial(t *testing.T, path string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if n, err := conn.Read(one); n != 0 || err == nil {
		t.Errorf("read %d, %v; want the connection accepted and closed", n, err)
	}
	_ = conn.Close()
}

func TestRemovedSocketIsMadeAgain(t *testing.T) {
	path := filepath.Join(shortDir(t), "x.sock")
	kept, remade, _ := keep(t, path)
	for range 3 {
		checkDial(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if reason := <-remade; !strings.Contains(reason, path+" was removed") {
			t.Errorf("told %q", reason)
		}
	}
	checkDial(t, path)
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want a socket with mode 0600", info, err)
	}
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v; want no file", err)
	}
	if _, err := kept.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v; want net.ErrClosed", err)
	}
}

// A runtime directory goes at the last logout and is there again at the next login. The
// one in the directory for temporary files is ours to make.
func TestSocketIsMadeAgainWithItsDirectory(t *testing.T) {
	t.Run("runtime directory", func(t *testing.T) {
		dir := filepath.Join(runtimeDir(t), "run")
		t.Setenv("XDG_RUNTIME_DIR", dir)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path, err := socket.Path("7400")
		if err != nil {
			t.Fatal(err)
		}
		_, remade, lost := keep(t, path)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if reason := <-lost; !strings.Contains(reason, "was removed, and cannot be made again") {
			t.Errorf("told %q", reason)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		<-remade
		checkDial(t, path)
		if len(lost) > 0 {
			t.Errorf("told again: %q; want the same reason once", <-lost)
		}
	})
	t.Run("temporary files", func(t *testing.T) {
		dir := noRuntimeDir(t)
		path, err := socket.Path("7400")
		if err != nil {
			t.Fatal(err)
		}
		_, remade, _ := keep(t, path)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		<-remade
		checkDial(t, path)
	})
}

// What somebody else has put in the socket's place is left alone, by Close as well.
func TestFileInPlaceOfASocketIsLeftAlone(t *testing.T) {
	path := filepath.Join(shortDir(t), "x.sock")
	other := path + ".other"
	if err := os.WriteFile(other, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, remade, lost := keep(t, path)
	if err := os.Rename(other, path); err != nil { // at one go, so that nothing is made between
		t.Fatal(err)
	}
	if reason := <-lost; !strings.Contains(reason, "another file is there now") {
		t.Errorf("told %q", reason)
	}
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); string(text) != "precious" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}
	if len(remade) > 0 {
		t.Errorf("told %q", <-remade)
	}
}
