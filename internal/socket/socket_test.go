package socket_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"conch/internal/socket"
)

// shortDir is a directory whose sockets' paths are not too long, as those of
// t.TempDir may be.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "conch") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// runtimeDir makes a new directory the user's one. The others are empty.
func runtimeDir(t *testing.T) string {
	t.Helper()
	dir := shortDir(t)
	socket.SetDirs(t, shortDir(t), shortDir(t))
	t.Setenv("TMPDIR", shortDir(t))
	t.Setenv("CONCH_SOCKET_DIR", "")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	return dir
}

// noRuntimeDir leaves only a new directory for temporary files, and returns where
// the one for sockets belongs.
func noRuntimeDir(t *testing.T) string {
	t.Helper()
	dir := shortDir(t)
	socket.SetDirs(t, shortDir(t), dir)
	t.Setenv("CONCH_SOCKET_DIR", "")
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", dir)
	return filepath.Join(dir, "conch-"+strconv.Itoa(os.Getuid()))
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	listener, err := socket.Listen(t.Context(), path, socket.Access{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// abandon leaves a socket's file that nobody serves, as a killed process does.
func abandon(t *testing.T, path string) {
	t.Helper()
	listener := listen(t, path).(*net.UnixListener)
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDirIsTheRuntimeDirectory(t *testing.T) {
	dir := runtimeDir(t)
	if got, err := socket.Dir(); got != dir || err != nil {
		t.Errorf("Dir = %q, %v; want %q", got, err, dir)
	}
	want := filepath.Join(dir, "conch-7400.sock")
	if got, err := socket.Path("7400"); got != want || err != nil {
		t.Errorf("Path = %q, %v; want %q", got, err, want)
	}
}

func TestDirIsMadeWithoutARuntimeDirectory(t *testing.T) {
	want := noRuntimeDir(t)
	if found, err := socket.Find(); found.Nodes != nil || err != nil {
		t.Errorf("Find = %v, %v; want nothing, and no error", found, err)
	}
	if _, err := os.Lstat(want); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find left %s: %v", want, err)
	}
	for _, runtime := range []string{"", "relative"} {
		t.Setenv("XDG_RUNTIME_DIR", runtime)
		if got, err := socket.Dir(); got != want || err != nil {
			t.Errorf("Dir = %q, %v; want %q", got, err, want)
		}
	}
	info, err := os.Lstat(want)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v; want a directory with mode 0700", want, info, err)
	}
}

func TestDirRefusesWhatOthersCanUse(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"has mode 0755":   func(path string) error { return errors.Join(os.Mkdir(path, 0o755), os.Chmod(path, 0o755)) }, //nolint:gosec // what is refused
		"is no directory": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"no directory":    func(path string) error { return os.Symlink("/", path) },
		"belongs to someone else": func(path string) error {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			return os.Chown(path, os.Getuid()+1, -1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "belongs to someone else" && os.Getuid() != 0 {
				t.Skip("only root can give a directory to someone else")
			}
			path := noRuntimeDir(t)
			if err := prepare(path); err != nil {
				t.Fatal(err)
			}
			if _, err := socket.Dir(); !errors.Is(err, socket.ErrDir) || !strings.Contains(err.Error(), name) {
				t.Errorf("Dir: %v; want ErrDir, %q", err, name)
			}
			if _, err := socket.Path("1"); !errors.Is(err, socket.ErrDir) {
				t.Errorf("Path: %v; want ErrDir", err)
			}
			if _, err := socket.Find(); err == nil {
				t.Error("Find: no error")
			}
		})
	}
}

func TestListenRestrictsAndRemoves(t *testing.T) {
	path := filepath.Join(shortDir(t), "x.sock")
	listener := listen(t, path)
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want a socket with mode 0600", info.Mode(), err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v; want no file", err)
	}
}

func TestListenReplacesOnlyWhatIsAbandoned(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "x.sock")
	abandon(t, path)
	listen(t, path)
	if _, err := socket.Listen(t.Context(), path, socket.Access{}); !errors.Is(err, socket.ErrInUse) {
		t.Errorf("a socket that is served: %v; want ErrInUse", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		if _, err := socket.Listen(t.Context(), path, socket.Access{}); !errors.Is(err, socket.ErrNoSocket) {
			t.Errorf("%s: %v; want ErrNoSocket", path, err)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "precious" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}
	if _, err := socket.Listen(t.Context(), filepath.Join(dir, strings.Repeat("x", 108)), socket.Access{}); !errors.Is(err, socket.ErrTooLong) {
		t.Errorf("long path: %v; want ErrTooLong", err)
	}
	none := filepath.Join(dir, "none")
	if _, err := socket.Listen(t.Context(), filepath.Join(none, "x"), socket.Access{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), none+" does not exist; make the directory") {
		t.Errorf("no such directory: %v; want ErrNotExist, and what to do", err)
	}
}

// A name that begins with @ is no name of a file, on Linux, and has no mode.
func TestListenMakesAFileOfAnyName(t *testing.T) {
	t.Chdir(shortDir(t))
	listen(t, "@x")
	if _, err := os.Lstat("@x"); err != nil {
		t.Error(err)
	}
}
