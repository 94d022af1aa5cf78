package processes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
)

// Line is one line of the file in which all nodes witness their critical sections:
// WHAT NODE FENCE.
type Line struct {
	What  string // enter, leave or lost
	Node  string // the node's address
	Fence uint64
}

// witness reads the shared file as it grows.
type witness struct {
	path   string
	offset int64  // how far the file has been read
	torn   []byte // the beginning of a line whose end has not been read
	lines  []Line // read, and not returned by next
}

// read takes in what was added to the file. A file that is not there yet is empty.
func (w *witness) read() error {
	file, err := os.Open(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	added, err := io.ReadAll(io.NewSectionReader(file, w.offset, math.MaxInt64-w.offset))
	if err != nil {
		return err
	}
	w.offset += int64(len(added))
	w.torn = append(w.torn, added...)
	for {
		text, rest, whole := bytes.Cut(w.torn, []byte("\n"))
		if !whole {
			return nil
		}
		line, err := parseLine(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", w.path, err)
		}
		w.lines, w.torn = append(w.lines, line), rest
	}
}

// next returns the first line that it has not returned before.
func (w *witness) next() (line Line, ok bool) {
	if len(w.lines) == 0 {
		return Line{}, false
	}
	line, w.lines = w.lines[0], w.lines[1:]
	return line, true
}

func parseLine(text string) (Line, error) {
	words := strings.Fields(text)
	if len(words) != 3 {
		return Line{}, fmt.Errorf("line %q: want WHAT NODE FENCE", text)
	}
	fence, err := strconv.ParseUint(words[2], 10, 64)
	if err != nil {
		return Line{}, fmt.Errorf("line %q: bad fence: %w", text, err)
	}
	return Line{What: words[0], Node: words[1], Fence: fence}, nil
}
