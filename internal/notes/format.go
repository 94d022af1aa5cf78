package notes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"unicode/utf8"

	"conch/broadcast/wire"
	"conch/token"
)

// format is raised when an older program would misread what a newer one writes.
const format = "1"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends the checksum of an entry's key and value to the value.
func seal(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, checksum(key, value))
}

// unseal returns a value without its checksum, if that is right.
func unseal(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - crc32.Size
	if n < 0 || binary.BigEndian.Uint32(sealed[n:]) != checksum(key, sealed[:n]) {
		return nil, errors.New("its end is not the checksum of the rest")
	}
	return sealed[:n], nil
}

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// runKey is the key of a lock's run: the length of the name, the name, and the tick, so that
// the runs of a lock stand together and in order.
func runKey(lock string, tick token.Tick) []byte {
	return binary.BigEndian.AppendUint64(runPrefix(lock), uint64(tick))
}

func runPrefix(lock string) []byte {
	return append([]byte{byte(len(lock))}, lock...)
}

// encodeNotes writes what is remembered of a lock.
func encodeNotes(n *token.Notes) []byte {
	b := appendRun(nil, &n.Run)
	b = binary.AppendUvarint(b, uint64(n.Kept.Fence))
	if n.Kept.Fence == 0 {
		return b
	}
	over := uint64(0)
	if n.Kept.Over {
		over = 1
	}
	b = binary.AppendUvarint(b, over)
	b = appendText(b, n.Kept.Owner)
	b = binary.AppendVarint(b, n.Kept.Until)
	return appendText(b, n.Kept.About)
}

// appendRun writes a run. One without a tick is none, and is only that.
func appendRun(b []byte, r *token.Run) []byte {
	b = binary.AppendUvarint(b, uint64(r.Tick))
	if r.Tick == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(r.Fence))
	b = append(b, byte(r.State))
	b = binary.AppendVarint(b, r.Until)
	return appendText(b, r.About)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// reader reads what the functions above wrote. The first fault stays.
type reader struct {
	rest  []byte
	fault error
}

func (r *reader) fail(format string, args ...any) {
	if r.fault == nil {
		r.fault = fmt.Errorf(format, args...)
	}
	r.rest = nil
}

func (r *reader) uint(what string) uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail("%s is cut off", what)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int(what string) int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail("%s is cut off", what)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text(what string, most int) string {
	n := r.uint(what)
	switch {
	case n > uint64(most):
		r.fail("%s has %d bytes, want at most %d", what, n, most)
		return ""
	case n > uint64(len(r.rest)):
		r.fail("%s is cut off", what)
		return ""
	}
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	if !utf8.ValidString(text) {
		r.fail("%s is not UTF-8", what)
	}
	return text
}

func (r *reader) run() (run token.Run) {
	tick := r.uint("the tick")
	if tick == 0 {
		return run
	}
	run.Tick, run.Fence = token.Tick(tick), token.Fence(r.uint("the run's fence"))
	run.State = token.RunState(min(r.uint("the run's state"), 255))
	run.Until = r.int("the run's end")
	run.About = r.text("what the run is about", token.MaxAboutBytes)
	if run.Tick < 0 || run.Fence == 0 || run.State < token.RunBegun || run.State > token.RunDone {
		r.fail("tick %d, fence %d, state %d", run.Tick, run.Fence, run.State)
	}
	return run
}

func (r *reader) end() error {
	if len(r.rest) > 0 {
		r.fail("%d bytes too many", len(r.rest))
	}
	return r.fault
}

// decodeNotes reads an entry of the bucket of notes.
func decodeNotes(key, sealed []byte) (token.LockNotes, error) {
	n := token.LockNotes{Lock: string(key)}
	if err := wire.CheckName(n.Lock); err != nil {
		return n, err
	}
	value, err := unseal(key, sealed)
	if err != nil {
		return n, err
	}
	r := reader{rest: value}
	n.Run = r.run()
	if fence := r.uint("the kept hold's fence"); fence != 0 {
		n.Kept.Fence = token.Fence(fence)
		over := r.uint("the kept hold's end")
		if n.Kept.Over = over == 1; over > 1 {
			r.fail("%d where 0 or 1 is wanted", over)
		}
		n.Kept.Owner = r.text("the owner", token.MaxOwnerBytes)
		n.Kept.Until = r.int("the kept hold's end")
		n.Kept.About = r.text("what the kept hold is about", token.MaxAboutBytes)
	}
	return n, r.end()
}

// decodeRun reads an entry of the bucket of runs.
func decodeRun(key, sealed []byte) (token.Run, error) {
	value, err := unseal(key, sealed)
	if err != nil {
		return token.Run{}, err
	}
	r := reader{rest: value}
	run := r.run()
	if run.Tick == 0 {
		r.fail("no tick")
	}
	return run, r.end()
}
