package hosts

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// MaxFileBytes is the size of the largest hosts file that is read: room for
// [MaxMembers] of the longest addresses, three times over for comments.
const MaxFileBytes = 1 << 20

// ErrFile is wrapped by the error for a hosts file that is too large or is not
// a text file. What is wrong with an address in it is told by [List].
var ErrFile = errors.New("bad hosts file")

// Entry is an address as somebody wrote it, not checked yet.
type Entry struct {
	// Address is the text, for example "Node1:7400".
	Address string
	// Where is the place it was written at, which errors begin with: a flag
	// such as "--peers", or a file and line such as "hosts.txt:3".
	Where string
}

// Source is the addresses that one source gave. No address may stand in it
// twice, but the same may stand in another source.
type Source []Entry

// Flag makes one source of all values of a flag that takes addresses separated
// by commas and may be given several times; name is the flag's, as "--peers".
//
// An empty value counts as an empty address, which [List] refuses. It is what
// a shell makes of a variable that is not set, and a node that took it for an
// empty list would believe itself alone and share its locks with nobody.
func Flag(name string, values ...string) Source {
	var source Source
	for _, value := range values {
		for text := range strings.SplitSeq(value, ",") {
			source = append(source, Entry{Address: text, Where: name})
		}
	}
	return source
}

// ReadFile makes a source of a hosts file: one address a line. A # begins a
// comment that goes on to the end of the line; empty lines, blanks around an
// address, lines ended by CRLF and a byte order mark are passed over. A file
// without an address is an empty source.
//
// The errors wrap those of package os, or [ErrFile] for more than
// [MaxFileBytes] bytes and for control characters.
func ReadFile(path string) (Source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	// The limit also ends a file that has no end, such as a device.
	data, err := io.ReadAll(io.LimitReader(file, MaxFileBytes+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(data) > MaxFileBytes {
		return nil, fmt.Errorf("%s: %w: it has more than %d bytes; want one HOST:PORT a line",
			path, ErrFile, MaxFileBytes)
	}
	return parseFile(path, string(data))
}

// parseFile reads the text of a hosts file; name is what errors call it.
func parseFile(name, text string) (Source, error) {
	const byteOrderMark = "\ufeff"
	var source Source
	number := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(text, byteOrderMark), "\n") {
		number++
		where := fmt.Sprintf("%s:%d", name, number)
		line = strings.TrimSuffix(line, "\r")
		// Comments too: a carriage return alone would hide the addresses
		// behind it in the comment, and UTF-16 is full of zero bytes.
		if at := strings.IndexFunc(line, isControl); at >= 0 {
			return nil, fmt.Errorf("%s: %w: the control character %q in %s; want plain text, one HOST:PORT a line",
				where, ErrFile, line[at], quote(line))
		}
		line, _, _ = strings.Cut(line, "#")
		if line = strings.Trim(line, " \t"); line != "" {
			source = append(source, Entry{Address: line, Where: where})
		}
	}
	return source, nil
}

// isControl tells whether r is an ASCII control character other than the tab.
func isControl(r rune) bool { return r != '\t' && (r < ' ' || r == 0x7f) }

// unreadable makes the error for a hosts file that package os cannot read; err
// names the file.
func unreadable(err error) error {
	return fmt.Errorf("hosts file: %w; want a text file that this user may read, one HOST:PORT a line", err)
}
