package datadir

import "golang.org/x/sys/unix"

// exchange lets two files exchange their names, at once.
func exchange(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }
