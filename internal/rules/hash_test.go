package rules

import (
	"bytes"
	"fmt"
	"testing"
)

func TestHash(t *testing.T) {
	hash := func(text string) []byte {
		t.Helper()
		r, err := Parse("f", text)
		if err != nil {
			t.Fatal(err)
		}
		return r.Hash()
	}
	const text = "alice lock a\n@local look *\n"
	for _, same := range []string{
		"@local look *\nalice lock a\n",
		"# a comment\n\n  \"alice\"  lock,look \"a\"\n@local look *",
		text + text,
	} {
		if !bytes.Equal(hash(same), hash(text)) {
			t.Errorf("%q has another hash than %q", same, text)
		}
	}
	for _, other := range []string{
		"", "alice lock a\n", "alice lock a\n@local lock *\n", "alice lock a*\n@local look *\n",
		"bob lock a\n@local look *\n", "alice share a\n@local look *\n", "alice look a\n@local look *\n", "alice lock a\n@local:1 look *\n", "alice lock a\n@page look *\n", "alice lock a\n@local look,members *\n",
	} {
		if bytes.Equal(hash(other), hash(text)) {
			t.Errorf("%q has the hash of %q", other, text)
		}
	}
	if !bytes.Equal(hash("alice lock,share a\n@local look *\n"), hash(text)) {
		t.Error("share beside lock, which implies it, makes another hash")
	}
	// Members of two versions compare them.
	const earlier = "47fd06888abc37ea03b627c0b19a1e0c"
	if got := fmt.Sprintf("%x", hash(text)); got != earlier {
		t.Errorf("the hash is %s, and was %s in earlier versions", got, earlier)
	}
	usual := "@local lock,break,operate,members *\n@page lock,break,operate *\n* lock *\n@anonymous lock *\n"
	if !bytes.Equal(hash(usual), Default().Hash()) {
		t.Error("the default, written down, has another hash")
	}
}
