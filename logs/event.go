package logs

import (
	"fmt"
	"time"
)

// Event is one line of a node's log. Which fields are set depends on Kind; Has
// tells. SCHEMA.md gives the meaning of each.
type Event struct {
	Kind    string // the value of the key "event"
	Time    time.Time
	Level   string
	Node    string
	Message string

	Lock   string
	Peer   string
	Number Number
	Fence  uint64
	Epoch  Epoch
	Hop    uint64

	RequestNumbers []Number // RN, in member order
	LastGranted    []Number // LN, in member order; nil where the token is not shown
	Queue          []string // Q, head first

	Session     uint64
	Members     []string
	Incarnation string
	Version     string
	FoundBy     string
	Found       []string
	LocalBatch  uint64 // 0 stands for 1
	Evidence    bool   // what the key says, if the line Has it
	Missing     uint64 // lines
	Repeat      bool
	Reason      string
	Remote      string
	Caller      string
	Times       string

	Ballot   Epoch
	Probe    uint64
	Answer   string
	Helper   string
	Distant  []string
	Buried   []string
	Buriable []string
	Waiting  bool

	Count uint64 // of what a leader says
	Value string
	Over  bool

	Shared *Shared // what it says of a lock that is shared; nil if nothing
	Noted  *Noted  // what it says of runs of ticks and kept holds; nil if nothing
	// Listing is what it says of members that change; nil if nothing.
	Listing *Listing

	File string // the name that the file was read under
	Line int    // from 1
	Raw  []byte // the line as it was read, without its end

	Life *Life // the process that wrote it
	Seq  int   // its place among the lines of Life, from 0

	// Cause is the send that a receive is paired with, Receipt the receive that a
	// send is paired with. Either is nil where there is none. Cause is sound: it
	// happened before, even where a repeated message leaves open which of its
	// copies came.
	Cause   *Event
	Receipt *Event

	has keySet
	// loose says in what the line departs from the schema that conch's nodes keep to; nil:
	// in nothing. Lines in the minimal form may.
	loose error
}

// Has reports whether the line has a key.
func (e *Event) Has(key string) bool { return e.has&keyBit[key] != 0 }

// Position says where the line stands, as FILE:LINE.
func (e *Event) Position() string { return fmt.Sprintf("%s:%d", e.File, e.Line) }
