package logs

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// content is what the bytes of a file turned out to be.
type content struct {
	text    io.Reader
	note    string // said where the bytes are not plain text in UTF-8; may be empty
	refusal string // said where they cannot be read: what they are, and what to do
}

// The errors of a compressed file that ends too soon, and of one whose bytes are not those
// that were written: of that no line can be trusted.
var (
	errCut     = errors.New("compressed file ends too soon")
	errDamaged = errors.New("compressed file is damaged")
)

// signatures are the first bytes of files that are not read, with what they are and the
// command that gives the lines; %[1]s stands for the file.
var signatures = []struct{ bytes, what, command string }{
	{"\x28\xb5\x2f\xfd", "compressed by zstd", "zstdcat %[1]s > %[1]s.log"},
	{"\xfd7zXZ\x00", "compressed by xz", "xzcat %[1]s > %[1]s.log"},
	{"BZh", "compressed by bzip2", "bzcat %[1]s > %[1]s.log"},
	{"\x04\x22\x4d\x18", "compressed by lz4", "lz4cat %[1]s > %[1]s.log"},
	{"PK\x03\x04", "a zip archive", "unzip %[1]s"},
	{"LPKSHHRH", "a journal of systemd", "journalctl --file %[1]s -o cat > %[1]s.log"},
}

// The byte order marks, and what UTF-16 without one begins with if it is a log.
const (
	markUTF8         = "\xef\xbb\xbf"
	markLittleEndian = "\xff\xfe"
	markBigEndian    = "\xfe\xff"
	bareLittleEndian = "{\x00\""
	bareBigEndian    = "\x00{\x00\""
)

// decode makes text in UTF-8 of a file's bytes: it passes over a byte order mark, reads
// UTF-16, as PowerShell's > writes it, and decompresses gzip, as logrotate writes it.
func decode(name string, r io.Reader) content {
	in := bufio.NewReaderSize(r, 64<<10)
	if head, _ := in.Peek(2); string(head) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return content{text: unreadable{fmt.Errorf("%w: %w", errCut, err)}}
		}
		c := decodeText(name, bufio.NewReaderSize(archive{unpacked}, 64<<10))
		c.note = joinNotes("is compressed by gzip, and was decompressed", c.note)
		return c
	}
	return decodeText(name, in)
}

func joinNotes(a, b string) string {
	if b == "" {
		return a
	}
	return a + "; it " + b
}

func decodeText(name string, in *bufio.Reader) content {
	head, _ := in.Peek(262)
	begins := func(text string) bool { return bytes.HasPrefix(head, []byte(text)) }
	wide := func(order unicode.Endianness, mark unicode.BOMPolicy) content {
		return content{text: unicode.UTF16(order, mark).NewDecoder().Reader(in), note: "is text in UTF-16, as PowerShell's > writes it, and was read as such"}
	}
	switch {
	case begins(markUTF8):
		_, _ = in.Discard(len(markUTF8)) // it is in the buffer
		return content{text: in}
	case begins(markLittleEndian):
		return wide(unicode.LittleEndian, unicode.UseBOM)
	case begins(markBigEndian):
		return wide(unicode.BigEndian, unicode.UseBOM)
	case begins(bareLittleEndian):
		return wide(unicode.LittleEndian, unicode.IgnoreBOM)
	case begins(bareBigEndian):
		return wide(unicode.BigEndian, unicode.IgnoreBOM)
	case len(head) >= 262 && string(head[257:262]) == "ustar":
		return content{text: in, refusal: fmt.Sprintf("is a tar archive: unpack it (tar -xf %s), and give the files in it", name)}
	}
	for _, s := range signatures {
		if begins(s.bytes) {
			return content{text: in, refusal: fmt.Sprintf("is "+s.what+": unpack it ("+s.command+"), and give what comes of it", name)}
		}
	}
	return content{text: in}
}

// archive tells what is wrong with a compressed file from the errors of reading it.
type archive struct{ unpacked *gzip.Reader }

func (a archive) Read(p []byte) (int, error) {
	n, err := a.unpacked.Read(p)
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w: %w", errCut, err)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return n, err
}

// unreadable is a reader that has nothing but an error.
type unreadable struct{ err error }

func (u unreadable) Read([]byte) (int, error) { return 0, u.err }
