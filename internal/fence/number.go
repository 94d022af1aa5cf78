package fence

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

// maxBytes is far above the longest line that is written.
const maxBytes = 64

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode writes the one form in which a number is kept.
func encode(n uint64) []byte {
	digits := strconv.AppendUint(nil, n, 10)
	return fmt.Appendf(bytes.Clone(digits), " crc32c:%08x\n", crc32.Checksum(digits, castagnoli))
}

// decode reads what encode wrote. Its errors are the bare reason.
func decode(line []byte) (uint64, error) {
	if len(line) == 0 {
		return 0, errors.New("it is empty")
	}
	digits, _, _ := bytes.Cut(line, []byte(" "))
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || !bytes.Equal(line, encode(n)) {
		shown := line[:min(len(line), maxBytes)]
		return 0, fmt.Errorf("it is torn, was changed, or is no fence file: got %q, want a number and its checksum", shown)
	}
	if n == 0 {
		return 0, errors.New("got 0, which is no holder's fence")
	}
	return n, nil
}
