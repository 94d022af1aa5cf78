package datadir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"conch/token"
)

const (
	stateName = "state.json"
	// formatVersion is raised when an older program would misread what a newer one
	// writes. In version 1, promised is in seconds.
	formatVersion = 2
	// maxStateBytes is far above the longest line that is written, with a member of
	// 261 bytes.
	maxStateBytes = 4096
)

// State is what a node keeps.
type State struct {
	// Session numbers the newest session, which may not have begun.
	Session uint64
	// Promised is not lower than any ballot number that was promised, in
	// [token.BallotsPerSecond] since the beginning of 2026.
	Promised uint64
	// Clients: the process before this one, or one before that, may have left clients
	// behind that hold locks (protocol, section 2, encumbered). So it is with a new
	// directory: it may stand for one that was removed.
	Clients bool
	// Fresh: the directory is new. It stays so until the cluster's first list is settled or
	// the member has promised a ballot: a member that waits for the others of a new cluster
	// may be restarted meanwhile.
	Fresh bool
}

// record is the state file without its checksum.
type record struct {
	Version  int    `json:"version"`
	Member   string `json:"member"` // whose state it is, as HOST:PORT
	Session  uint64 `json:"session"`
	Promised uint64 `json:"promised"`
	// Clients is the mark of a process that serves clients. It is left out where it is
	// false: lines without it, written before there were clients, say the same.
	Clients bool `json:"clients,omitempty"`
	// New: see State.Fresh. It is left out where it is false, as it was before members had
	// disks.
	New bool `json:"new,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// trailerBytes is the length of what seal appends, in this and every later version.
const trailerBytes = len(`,"crc32c":"00000000"}` + "\n")

// seal appends the checksum of an open JSON object, and closes it.
func seal(object []byte) []byte {
	return fmt.Appendf(bytes.Clone(object), `,"crc32c":"%08x"}`+"\n", crc32.Checksum(object, castagnoli))
}

// encode writes the one form in which a state is kept.
func encode(r record) []byte {
	object, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and a text always become JSON
	}
	return seal(object[:len(object)-1])
}

// decode reads what encode wrote. Its errors are the bare reason.
func decode(line []byte) (record, error) {
	switch {
	case len(line) == 0:
		return record{}, errors.New("it is empty")
	case len(line) > maxStateBytes:
		return record{}, fmt.Errorf("it is longer than %d bytes", maxStateBytes)
	case len(line) < trailerBytes:
		return record{}, fmt.Errorf("it is torn: it has %d bytes only", len(line))
	}
	object := line[:len(line)-trailerBytes]
	if !bytes.Equal(line, seal(object)) {
		return record{}, errors.New("it is torn or was changed: its end is not the checksum of the rest")
	}
	object = append(bytes.Clone(object), '}')

	// The version comes first: nothing else is known of other versions.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(object, &head); err != nil {
		return record{}, fmt.Errorf("it is not a node's state: %w", err)
	}
	if head.Version != 1 && head.Version != formatVersion {
		return record{}, fmt.Errorf("got version %d of the format, want %d: run the version of conch that wrote it",
			head.Version, formatVersion)
	}
	var r record
	if err := json.Unmarshal(object, &r); err != nil {
		return record{}, fmt.Errorf("it is not a node's state: %w", err)
	}
	if !bytes.Equal(line, encode(r)) {
		return record{}, errors.New("it was not written by conch: its form differs")
	}
	return r.upgraded(), nil
}

// upgraded is the record in this version's form.
func (r record) upgraded() record {
	if r.Version == 1 {
		// To the end of the second: its fences count up to there.
		r.Version, r.Promised = formatVersion, (min(r.Promised, maxSeconds)+1)*token.BallotsPerSecond-1
	}
	return r
}
