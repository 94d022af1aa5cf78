package datadir

import (
	"slices"
	"testing"

	"conch/hosts"
)

// FuzzList decodes any file that has a good checksum: what is taken is a list that a node
// can run with.
func FuzzList(f *testing.F) {
	f.Add([]byte(`{"version":1,"member":"a:1","members":["a:1","b:1"],"over":true`))
	f.Add([]byte(`{"version":1,"member":"a:1","members":null`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, object []byte) {
		r, err := decodeList(seal(object))
		if err != nil {
			return
		}
		if !slices.Contains(r.Members, r.Member) || !slices.IsSorted(r.Members) {
			t.Errorf("got %v", r)
		}
		for _, m := range r.Members {
			if form, err := hosts.ParseAddress(m); err != nil || form != m {
				t.Errorf("got the address %q: %v", m, err)
			}
		}
	})
}
