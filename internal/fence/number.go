package fence

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

// maxBytes is far above the longest line that is written.
const maxBytes = 96

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seen are the numbers that a file keeps: the highest of those who work alone, and of
// those who share. 0 is none.
type seen struct{ writer, reader uint64 }

// highest is the higher of both.
func (s seen) highest() uint64 { return max(s.writer, s.reader) }

// encode writes the one form in which numbers are kept. Without a reader's it is that of
// earlier versions.
func encode(s seen) []byte {
	text := strconv.AppendUint(nil, s.writer, 10)
	if s.reader != 0 {
		text = fmt.Appendf(text, " shared:%d", s.reader)
	}
	return fmt.Appendf(bytes.Clone(text), " crc32c:%08x\n", crc32.Checksum(text, castagnoli))
}

// decode reads what encode wrote. Its errors are the bare reason.
func decode(line []byte) (seen, error) {
	if len(line) == 0 {
		return seen{}, errors.New("it is empty")
	}
	var s seen
	var err error
	digits, rest, _ := bytes.Cut(line, []byte(" "))
	s.writer, err = strconv.ParseUint(string(digits), 10, 64)
	if shared, found := bytes.CutPrefix(rest, []byte("shared:")); found && err == nil {
		digits, _, _ := bytes.Cut(shared, []byte(" "))
		s.reader, err = strconv.ParseUint(string(digits), 10, 64)
	}
	if err != nil || !bytes.Equal(line, encode(s)) {
		shown := line[:min(len(line), maxBytes)]
		return seen{}, fmt.Errorf("it is torn, was changed, or is no fence file: got %q, want a number and its checksum", shown)
	}
	if s.highest() == 0 {
		return seen{}, errors.New("got 0, which is no holder's fence")
	}
	return s, nil
}
