package socket_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"conch/internal/socket"
)

// announced is a node that serves its default socket and has announced it.
func announced(t *testing.T, port string, members ...string) string {
	t.Helper()
	path, err := socket.Path(port)
	if err != nil {
		t.Fatal(err)
	}
	listen(t, path)
	if err := socket.Announce(path, "", members); err != nil {
		t.Fatal(err)
	}
	return path
}

// find is what is found.
func find(t *testing.T) []socket.Node {
	t.Helper()
	found, err := socket.Find()
	if err != nil {
		t.Fatal(err)
	}
	return found.Nodes
}

func TestFindTellsWhatIsServed(t *testing.T) {
	dir, shared := runtimeDir(t), shortDir(t)
	socket.SetDirs(t, shortDir(t), shared)
	var want []socket.Node
	abandoned, gone := filepath.Join(dir, "conch-1.sock"), filepath.Join(dir, "conch-2.sock")
	abandon(t, abandoned)
	if err := socket.Announce(gone, "", []string{"a:1"}); err != nil {
		t.Fatal(err)
	}
	records := []string{filepath.Join(dir, "conch-2.json"), filepath.Join(shared, "conch-"+strconv.Itoa(os.Getuid()), "conch-2.json")}
	slices.Sort(records)
	want = append(want, socket.Node{Socket: abandoned, Left: []string{abandoned}}, socket.Node{Socket: gone, Members: []string{"a:1"}, Left: records})
	for _, port := range []string{"7400", "7401"} {
		want = append(want, socket.Node{Socket: announced(t, port, "a:1", "b:1"), Members: []string{"a:1", "b:1"}, IsServed: true})
	}
	unknown := filepath.Join(dir, "conch-9.sock")
	listen(t, unknown)
	want = append(want, socket.Node{Socket: unknown, IsServed: true})
	listen(t, filepath.Join(dir, "other.sock"))
	for name, text := range map[string]string{"conch-3.sock": "", "conch-4.json": "{", "conch-5.json": `{"socket":"x"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(t); !reflect.DeepEqual(got, want) {
		t.Errorf("Find:\n%+v, want\n%+v", got, want)
	}
}

// TestFindInEveryEnvironment: a node from a login, which has XDG_RUNTIME_DIR and perhaps
// TMPDIR, is found by cron, which has neither; and the other way round.
func TestFindInEveryEnvironment(t *testing.T) {
	runtimes, shared := shortDir(t), shortDir(t)
	login := filepath.Join(runtimes, strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(login, 0o700); err != nil {
		t.Fatal(err)
	}
	socket.SetDirs(t, runtimes, shared)
	t.Setenv("CONCH_SOCKET_DIR", "")
	first, second, third := shortDir(t), shortDir(t), shortDir(t) // now: later ones would lie in TMPDIR
	environments := map[string]func(){
		"login": func() { t.Setenv("XDG_RUNTIME_DIR", login); t.Setenv("TMPDIR", shared) },
		"cron":  func() { t.Setenv("XDG_RUNTIME_DIR", ""); t.Setenv("TMPDIR", shared) },
		"other": func() { t.Setenv("XDG_RUNTIME_DIR", first); t.Setenv("TMPDIR", second) },
		"mine":  func() { t.Setenv("XDG_RUNTIME_DIR", ""); t.Setenv("TMPDIR", third) },
	}
	for here, set := range environments {
		for there, setThere := range environments {
			set()
			path := announced(t, "7400", "a:1")
			setThere()
			want := []socket.Node{{Socket: path, Members: []string{"a:1"}, IsServed: true}}
			if got := find(t); !reflect.DeepEqual(got, want) {
				t.Errorf("a node of %s, looked for by %s: %+v, want %+v", here, there, got, want)
			}
			set()
			socket.Withdraw(path)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			setThere()
			if got := find(t); len(got) > 0 {
				t.Errorf("a node of %s that has stopped, looked for by %s: %+v, want none", here, there, got)
			}
		}
	}
	// The one directory that is named takes the place of all.
	set := environments["cron"]
	set()
	announced(t, "7400", "a:1")
	t.Setenv("CONCH_SOCKET_DIR", shortDir(t))
	if got := find(t); len(got) > 0 {
		t.Errorf("found %+v outside of CONCH_SOCKET_DIR", got)
	}
}

// TestFindTellsWhatIsLeft: the files that are told are all that a node has left behind, also
// those in directories of another environment.
func TestFindTellsWhatIsLeft(t *testing.T) {
	dir := noRuntimeDir(t)
	login := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", login)
	path, err := socket.Path("7400")
	if err != nil {
		t.Fatal(err)
	}
	abandon(t, path)
	if err := socket.Announce(path, "", []string{"a:1"}); err != nil {
		t.Fatal(err)
	}
	want := []string{path, filepath.Join(login, "conch-7400.json"), filepath.Join(dir, "conch-7400.json")}
	slices.Sort(want)
	for _, environment := range []string{login, ""} {
		t.Setenv("XDG_RUNTIME_DIR", environment)
		if got := find(t); len(got) != 1 || !slices.Equal(got[0].Left, want) {
			t.Fatalf("with the runtime directory %q: %+v, want one that has left %q", environment, got, want)
		}
	}
	for _, file := range want {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, environment := range []string{login, ""} {
		t.Setenv("XDG_RUNTIME_DIR", environment)
		if got := find(t); len(got) > 0 {
			t.Errorf("with the runtime directory %q: %+v, want none", environment, got)
		}
	}
}

func TestFindSaysWhereItLooked(t *testing.T) {
	dir := runtimeDir(t)
	found, err := socket.Find()
	if err != nil || found.Unset != "" || len(found.Looked) != 5 || found.Looked[0] != dir {
		t.Errorf("with a runtime directory: %+v, %v", found, err)
	}
	noRuntimeDir(t)
	found, err = socket.Find()
	if err != nil || found.Unset != "XDG_RUNTIME_DIR" || len(found.Looked) != 3 {
		t.Errorf("without one: %+v, %v", found, err)
	}
}

// What a cleaner has removed is written anew, and what is another node's is left alone.
func TestAnnounceAgain(t *testing.T) {
	dir := noRuntimeDir(t)
	path := announced(t, "7400", "a:1")
	record := filepath.Join(dir, "conch-7400.json")
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	if err := socket.Announce(path, "", []string{"a:1"}); err != nil {
		t.Fatal(err)
	}
	want := []socket.Node{{Socket: path, Members: []string{"a:1"}, IsServed: true}}
	if got := find(t); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	// Another login of this user has a node at this port of another address.
	t.Setenv("XDG_RUNTIME_DIR", shortDir(t))
	other, err := socket.Path("7400")
	if err != nil {
		t.Fatal(err)
	}
	listen(t, other)
	if err := socket.Announce(other, "", []string{"b:1"}); err == nil {
		t.Error("the record of a node that runs was replaced")
	}
	socket.Withdraw(other)
	t.Setenv("XDG_RUNTIME_DIR", "")
	if got := find(t); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestListenGivesAccess(t *testing.T) {
	group := os.Getgid()
	for _, test := range []struct {
		access socket.Access
		mode   fs.FileMode
	}{
		{socket.Access{}, 0o600},
		{socket.Access{Mode: 0o666}, 0o666},
		{socket.Access{Group: strconv.Itoa(group)}, 0o660},
		{socket.Access{Group: strconv.Itoa(group), Mode: 0o600}, 0o600},
	} {
		path := filepath.Join(shortDir(t), "x.sock")
		listener, err := socket.Listen(t.Context(), path, test.access)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != test.mode || int(info.Sys().(*syscall.Stat_t).Gid) != group {
			t.Errorf("%+v: %v, %v; want mode %v, group %d", test.access, info, err, test.mode, group)
		}
		_ = listener.Close()
	}
	path := filepath.Join(shortDir(t), "x.sock")
	if _, err := socket.Listen(t.Context(), path, socket.Access{Group: "no such group"}); !errors.Is(err, socket.ErrGroup) {
		t.Errorf("%v, want ErrGroup", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want no socket left", err)
	}
}

// A node that runs as a service is found by users whom its socket lets in, where they have
// no node of their own.
func TestFindServices(t *testing.T) {
	dir := runtimeDir(t)
	t.Setenv("CONCH_SOCKET_DIR", "")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	service := t.TempDir()
	socket.SetDirs(t, t.TempDir(), t.TempDir())
	socket.SetServiceDir(t, service)
	path := filepath.Join(service, "conch.sock")
	listen(t, path)
	want := []socket.Node{{Socket: path, IsServed: true}}
	if got := find(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	own := announced(t, "7400", "a:1")
	want = []socket.Node{{Socket: own, Members: []string{"a:1"}, IsServed: true}}
	if got := find(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want the user's own node alone, %v", got, want)
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	socket.Withdraw(own)
	if err := os.Chmod(service, 0o777); err != nil { //nolint:gosec // that is what is refused
		t.Fatal(err)
	}
	if got := find(t); len(got) != 0 {
		t.Errorf("got %v in a directory in which anyone may make sockets, want none", got)
	}
}
