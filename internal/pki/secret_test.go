package pki

import (
	"errors"
	"strings"
	"testing"
)

// TestKeyPermissions: a key is readable by its owner alone, or it is root's and readable by
// a group of this process, as Kubernetes mounts secrets.
func TestKeyPermissions(t *testing.T) {
	const root, me, other = 0, 1000, 2000
	member, outsider := caller{me, []int{me, 3000}}, caller{other, []int{other}}
	rootItself := caller{root, []int{root}}
	for _, test := range []struct {
		access
		by   caller
		want string // of the remedy; empty: it may be used
	}{
		{access{me, me, 0o600}, member, ""},
		{access{me, me, 0o400}, member, ""},
		{access{me, me, 0o640}, member, "run: chmod 600 k"},
		{access{me, me, 0o644}, rootItself, "run: chmod 600 k"},
		{access{root, 3000, 0o440}, member, ""},
		{access{root, 3000, 0o640}, member, ""},
		{access{root, 3000, 0o640}, outsider, "the group 3000, which is none of this process"},
		{access{root, 3000, 0o660}, member, "run: chmod 640 k"},
		{access{root, 3000, 0o644}, member, "run: chmod 640 k"},
		{access{root, 3000, 0o444}, member, "run: chmod 640 k"},
		{access{root, root, 0o640}, rootItself, ""},
		{access{root, root, 0o644}, rootItself, "run: chmod 600 k"},
		{access{other, 3000, 0o640}, member, "it should belong to the user 1000 who runs this, with mode 600"},
		{access{other, other, 0o600}, rootItself, ""},
	} {
		err := test.check("k", test.by)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%+v by %+v: %v", test.access, test.by, err)
		case test.want == "":
		case !errors.Is(err, ErrPermissions) || !errors.Is(err, ErrFile) || !strings.HasSuffix(err.Error(), test.want):
			t.Errorf("%+v by %+v: %v, want %q", test.access, test.by, err, test.want)
		}
	}
}

func TestEncryptedKeys(t *testing.T) {
	pkcs8 := "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
	old := "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAA=\n-----END EC PRIVATE KEY-----\n"
	parameters := "-----BEGIN EC PARAMETERS-----\nMAA=\n-----END EC PARAMETERS-----\n"
	for _, text := range []string{pkcs8, old, parameters + old} {
		if err := checkKey("k", []byte(text)); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "it is encrypted") {
			t.Errorf("%s: %v, want that it is encrypted", text, err)
		}
	}
	plain := "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n"
	for _, text := range []string{"", plain, parameters + plain} {
		if err := checkKey("k", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
