package web

// What the page is told. Numbers of 64 bits are texts, since JavaScript's numbers have 53.
// Members are told by their position in the list of members.

// helloJSON opens a stream. It comes again when the members have changed: then all that the
// page has been told is told anew.
type helloJSON struct {
	Member  string   `json:"member"`
	Members []string `json:"members"`
	Quorum  int      `json:"quorum"`
	TTL     int64    `json:"ttl"` // milliseconds, as all durations here
	Version string   `json:"version"`
	// Process changes with each start of the node.
	Process string `json:"process"`
	// Cautions are what the node gives up.
	Cautions []string `json:"cautions"`
	// Refused is why the page may not look at anything; empty if it may.
	Refused string `json:"refused,omitempty"`
}

// newsJSON is what has changed.
type newsJSON struct {
	Status *statusJSON `json:"status,omitempty"`
	Locks  []lockJSON  `json:"locks,omitempty"`
	Gone   []string    `json:"gone,omitempty"`
	Detail *detailJSON `json:"detail,omitempty"`
	// Asks are all that the page has asked for.
	Asks *[]askJSON `json:"asks,omitempty"`
	// Settled: all that was in use when the stream began has been told.
	Settled bool `json:"settled,omitempty"`
	// More: there are locks beyond those that are told of.
	More bool `json:"more,omitempty"`
}

type statusJSON struct {
	Statuses []memberJSON  `json:"statuses"`
	Missing  []missingJSON `json:"missing"`
	// Change says in words which change of the members is under way; left out if none is.
	Change string       `json:"change,omitempty"`
	Listed []listedJSON `json:"listed,omitempty"`
}

// listedJSON is how a member stands in a change, and what is wrong with it.
type listedJSON struct {
	Member   string `json:"member"`
	Standing string `json:"standing,omitempty"` // joining or leaving
	Trouble  string `json:"trouble,omitempty"`
}

type memberJSON struct {
	Member  string     `json:"member"`
	Version string     `json:"version"`
	Process string     `json:"process"`
	Up      int64      `json:"up"`
	Session uint64     `json:"session,string"`
	Lease   int64      `json:"lease"`
	Clients uint32     `json:"clients"`
	Holds   uint32     `json:"holds"`
	Waits   uint32     `json:"waits"`
	Peers   []peerJSON `json:"peers"`
}

type peerJSON struct {
	Member   string `json:"member"`
	Sends    bool   `json:"sends"`
	Receives bool   `json:"receives"`
	Silent   int64  `json:"silent"` // negative if it never answered
	// RoundTrip is in microseconds; negative if it never answered.
	RoundTrip int64 `json:"roundTrip"`
}

type missingJSON struct {
	Member string `json:"member"`
	Reason string `json:"reason"`
}

// lockJSON is what is told of every lock.
type lockJSON struct {
	Name string `json:"name"`
	// Holder is the first holder, and Holding how many there are. Inside are the members
	// whose clients they are.
	Holder  *holderJSON `json:"holder,omitempty"`
	Holding uint64      `json:"holding"`
	Inside  []int       `json:"inside"`
	Token   *tokenJSON  `json:"token,omitempty"`
	Waiting uint64      `json:"waiting"`
	// Limit is how many may hold it at once, in words, and LimitBy the member that said so.
	// It is left out where nobody has said one.
	Limit   string `json:"limit,omitempty"`
	LimitBy int    `json:"limitBy"`
	// Wants are the members that wait for it, and Searches those that look for its token.
	Wants    []int `json:"wants"`
	Searches []int `json:"searches"`
	// Kept is the kept hold that bars it; left out if there is none.
	Kept *keptJSON `json:"kept,omitempty"`
	// Run says in words where and when its latest run was; left out if there was none.
	Run string `json:"run,omitempty"`
}

// keptJSON is a kept hold that nobody alive has.
type keptJSON struct {
	Member int        `json:"member"`
	Client clientJSON `json:"client"`
	Fence  uint64     `json:"fence,string"`
	Owner  string     `json:"owner,omitempty"`
	Since  string     `json:"since"` // RFC 3339
	// Certain: otherwise its member may only be out of reach.
	Certain bool `json:"certain"`
}

type holderJSON struct {
	Member int        `json:"member"`
	Client clientJSON `json:"client"`
	Fence  uint64     `json:"fence,string"`
	Held   int64      `json:"held"`
	Lease  int64      `json:"lease"`
	Ending string     `json:"ending,omitempty"`
	Mode   string     `json:"mode,omitempty"` // left out for exclusive
	// Value is what it says as a leader; left out if it says nothing.
	Value *string `json:"value,omitempty"`
	// Kept: the hold is kept if its holder dies; Owner may adopt it then.
	Kept  bool   `json:"kept,omitempty"`
	Owner string `json:"owner,omitempty"`
}

type clientJSON struct {
	Host    string `json:"host"`
	PID     int64  `json:"pid"`
	User    string `json:"user"`
	Command string `json:"command"`
}

type tokenJSON struct {
	Member   int    `json:"member"`
	Epoch    uint64 `json:"epoch,string"`
	Proposer uint32 `json:"proposer"`
	Hop      uint64 `json:"hop,string"`
	Fence    uint64 `json:"fence,string"`
	Queue    []int  `json:"queue"`
}

// detailJSON is what is told of the selected lock.
type detailJSON struct {
	Lock        lockJSON     `json:"lock"`
	Holders     []holderJSON `json:"holders"`
	Waiters     []waiterJSON `json:"waiters"`
	Obstacles   []string     `json:"obstacles"`
	LastGranted []numberJSON `json:"lastGranted"` // LN; none if no member has the token
	Views       []viewJSON   `json:"views"`
}

type waiterJSON struct {
	Member int        `json:"member"`
	Client clientJSON `json:"client"`
	Waited int64      `json:"waited"`
	Ahead  uint32     `json:"ahead"`
	Mode   string     `json:"mode,omitempty"` // left out for exclusive
}

type numberJSON struct {
	Session uint64 `json:"session,string"`
	Count   uint64 `json:"count,string"`
}

type viewJSON struct {
	Member         int          `json:"member"`
	RequestNumbers []numberJSON `json:"requestNumbers"` // RN
	Requesting     bool         `json:"requesting"`
	Waiting        uint64       `json:"waiting"`
	Searching      bool         `json:"searching"`
}

// askJSON is a lock that the page has asked for.
type askJSON struct {
	Lock  string `json:"lock"`
	State string `json:"state"` // waiting, held, ending, lost or refused
	Fence uint64 `json:"fence,string"`
	Text  string `json:"text"` // why
}
