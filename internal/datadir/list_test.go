package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func openList(t *testing.T, dir, member string) *ListStore {
	t.Helper()
	s, err := OpenList(dir, member)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeList(t *testing.T, s *ListStore) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestListIsKept also checks that the list does not disturb the numbers beside it.
func TestListIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s := openList(t, dir, "a:1")
	if got := s.List(); got.Members != nil || got.Over {
		t.Errorf("a new directory has %v", got)
	}
	members := []string{"a:1", "b:1"}
	if err := s.Save(List{Members: members}); err != nil {
		t.Fatal(err)
	}
	closeList(t, s)
	for _, over := range []bool{false, true} {
		s = openList(t, dir, "a:1")
		if got := s.List(); !slices.Equal(got.Members, members) || got.Over != over {
			t.Errorf("got %v, want %v, over %v", got, members, over)
		}
		if _, err := Open(dir, "a:1", time.Now()); !errors.Is(err, ErrInUse) {
			t.Errorf("while it is open: %v, want ErrInUse", err)
		}
		if err := s.Save(List{Members: members, Over: true}); err != nil {
			t.Fatal(err)
		}
		closeList(t, s)
		store, err := Open(dir, "a:1", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListNeverBecomesAnother(t *testing.T) {
	s := openList(t, t.TempDir(), "a:1")
	defer closeList(t, s)
	if err := s.Save(List{Members: []string{"a:1", "b:1"}}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("another list was saved")
		}
	}()
	_ = s.Save(List{Members: []string{"a:1", "c:1"}})
}

func TestListThatIsNotToBeBelieved(t *testing.T) {
	whole := seal([]byte(`{"version":1,"member":"a:1","members":["a:1","b:1"],"over":true`))
	for _, test := range []struct {
		name, line string
		want       error
		says       string
	}{
		{"empty", "", ErrDamaged, "it has 0 bytes only"},
		{"torn", string(whole[:len(whole)-3]), ErrDamaged, "torn or was changed"},
		{"changed", strings.Replace(string(whole), "b:1", "c:1", 1), ErrDamaged, "torn or was changed"},
		{"long", strings.Repeat("x", maxListBytes+1), ErrDamaged, "longer than"},
		{"of a later version", string(seal([]byte(`{"version":3,"member":7`))), ErrDamaged, "got version 3 of the format, want 2"},
		{"no list", string(seal([]byte(`{"version":1,"members":3`))), ErrDamaged, "not a list"},
		{"not sorted", string(seal([]byte(`{"version":1,"member":"a:1","members":["b:1","a:1"]`))), ErrDamaged, "not a sorted list"},
		{"one twice", string(seal([]byte(`{"version":1,"member":"a:1","members":["a:1","a:1"]`))), ErrDamaged, "not a sorted list"},
		{"without itself", string(seal([]byte(`{"version":1,"member":"a:1","members":["b:1","c:1"]`))), ErrDamaged, "not a sorted list"},
		{"no address", string(seal([]byte(`{"version":1,"member":"a:1","members":["a:1","b"]`))), ErrDamaged, `"b" is not an address`},
		{"of another member", string(seal([]byte(`{"version":1,"member":"b:1","members":["a:1","b:1"]`))), ErrForeign, "is b:1's, and this node is a:1"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, listName), []byte(test.line), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the lock is given back
			if _, err := OpenList(dir, "a:1"); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v; want it to say %q", test.name, err, test.says)
			}
		}
	}
	if _, err := OpenList(t.TempDir(), "A:01"); err == nil {
		t.Error("a member that is no address was taken")
	}
}
