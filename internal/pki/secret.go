package pki

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// The permissions of a key's file that let others than its owner do something. Root's
// file may be readable by a group: so secrets are mounted for programs that run as other
// users, and PostgreSQL and CockroachDB take them as well.
const (
	forOthers     fs.FileMode = 0o077
	notForAGroup  fs.FileMode = 0o037
	ownerOnlyMode             = "600"
	groupMode                 = "640"
)

// access is who owns a file and who may use it.
type access struct {
	owner, group int
	mode         fs.FileMode
}

// caller is what this process runs as.
type caller struct {
	user   int
	groups []int
}

// checkSecret refuses the file of a key that others may use.
func checkSecret(path string, info fs.FileInfo) error {
	of := access{owner: -1, group: -1, mode: info.Mode().Perm()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		of.owner, of.group = int(stat.Uid), int(stat.Gid)
	}
	groups, err := os.Getgroups()
	if err != nil {
		groups = nil // then its first is the only one
	}
	return of.check(path, caller{os.Geteuid(), append(groups, os.Getegid())})
}

// check returns what is wrong with the permissions of a key's file, and a remedy that
// leaves it readable.
func (a access) check(path string, by caller) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w the key %s: %w: other users may use it (mode %#o); "+format,
			append([]any{ErrFile, path, ErrPermissions, a.mode}, args...)...)
	}
	isRoots := a.owner == 0
	switch {
	case a.mode&forOthers == 0:
		return nil
	case isRoots && a.mode&notForAGroup == 0 && slices.Contains(by.groups, a.group):
		return nil
	case isRoots && a.mode&notForAGroup == 0:
		return refuse("it belongs to root and to the group %d, which is none of this process", a.group)
	case isRoots && by.user != 0:
		return refuse("it belongs to root: have root give it to a group of this process and run: chmod %s %s", groupMode, path)
	case a.owner != by.user && by.user != 0:
		return refuse("it belongs to the user %d: it should belong to the user %d who runs this, with mode %s", a.owner, by.user, ownerOnlyMode)
	}
	return refuse("run: chmod %s %s", ownerOnlyMode, path)
}

// checkKey refuses a key that is encrypted: there is nobody to ask for its password.
// What else is wrong with a key, the standard library says.
func checkKey(path string, data []byte) error {
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		switch {
		case block == nil:
			return nil
		case block.Type == "ENCRYPTED PRIVATE KEY", // PKCS #8
			strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"): // RFC 1421
			return fmt.Errorf("%w the key %s: it is encrypted, and a password is asked of nobody here; "+
				"write it in the clear to a new file, that only its owner may read: (umask 077; openssl pkey -in %s -out NEW)", ErrFile, path, path)
		}
	}
}
