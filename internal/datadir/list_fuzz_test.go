package datadir

import (
	"bytes"
	"reflect"
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
	for _, r := range goldenLists {
		line := bytes.TrimRight(encodeList(r), " ")
		f.Add(line[:len(line)-trailerBytes])
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		r, err := decodeList(seal(object))
		if err != nil {
			return
		}
		if r.Members != nil && !slices.Contains(r.Members, r.Member) || !slices.IsSorted(r.Members) {
			t.Errorf("got %v", r)
		}
		if m := r.Membership.membership(); m != nil && (m.Check() != nil || !m.Born()) {
			t.Errorf("got %+v", m)
		}
		if r.Version == listVersion {
			if again, err := decodeList(encodeList(r)); err != nil || !reflect.DeepEqual(again, r) {
				t.Errorf("decoded %+v, and after it was written again %+v, %v", r, again, err)
			}
		}
		for _, m := range r.Members {
			if form, err := hosts.ParseAddress(m); err != nil || form != m {
				t.Errorf("got the address %q: %v", m, err)
			}
		}
	})
}
