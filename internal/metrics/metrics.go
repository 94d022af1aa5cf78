package metrics

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"conch/broadcast"
	"conch/token"
)

// MaxLocks is how many locks have series of their own.
const MaxLocks = 100

// otherLocks is the label of all further locks.
const otherLocks = "other"

// Metrics counts what happens at one node. It is the driver's observer, and a
// [prometheus.Collector], to be registered by whoever shows it.
type Metrics struct {
	// parts are what it collects from.
	parts []prometheus.Collector

	waits, holds *prometheus.HistogramVec
	grants       *prometheus.CounterVec
	messages     []prometheus.Counter // by token.MessageKind
	sent, rode   prometheus.Counter
	shared       prometheus.Counter   // grants to readers
	permits      prometheus.Counter   // and of permits
	stores       prometheus.Histogram // writes of notes
	stored       prometheus.Counter   // notes in them
	handoffs     prometheus.Counter
	queue        prometheus.Histogram
	probes       prometheus.Counter
	rounds       *prometheus.CounterVec
	sessions     prometheus.Counter
	lapses       prometheus.Counter
	connects     *prometheus.CounterVec
	// members are the others, of which connects has series. Only the driver's goroutine uses it.
	members []string

	// locks are the series of each lock; only the driver's goroutine uses it.
	locks map[string]*series
	other *series
}

// series are those of one lock.
type series struct {
	waits, holds prometheus.Observer
	grants       prometheus.Counter
}

// seconds are the histograms' buckets: from what a grant costs at the least, to an
// hour.
var seconds = []float64{
	.000_01, .000_1, .000_25, .000_5, .001, .002_5, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600,
}

// New returns metrics of a node among members.
func New(members []string, self int, version string) *Metrics {
	m := &Metrics{locks: make(map[string]*series)}
	m.waits = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "conch_wait_seconds", Help: "How long callers waited for a lock that they were granted.", Buckets: seconds,
	}, []string{"lock"})
	m.holds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "conch_hold_seconds", Help: "How long holds lasted, lost or released.", Buckets: seconds,
	}, []string{"lock"})
	m.grants = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "conch_grants_total", Help: "Grants to callers at this node.",
	}, []string{"lock"})
	m.handoffs = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "conch_handoffs_total", Help: "Tokens sent to other members.",
	})
	m.queue = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "conch_token_queue_members", Help: "Members in the token's queue Q when a holder leaves.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 7),
	})
	m.probes = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "conch_probes_total", Help: "Searches for a token that this node began.",
	})
	m.rounds = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "conch_rounds_total", Help: "Ballots of this node to make a token anew, by how they ended.",
	}, []string{"outcome"})
	m.sessions = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "conch_sessions_total", Help: "Sessions that this node began.",
	})
	m.lapses = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "conch_session_lapses_total", Help: "Sessions whose lease ran out; what was held was lost.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "conch_build_info", Help: "Always 1; the version is the label.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.parts = []prometheus.Collector{
		m.waits, m.holds, m.grants, m.handoffs, m.queue, m.probes, m.rounds, m.sessions, m.lapses, build,
	}
	m.countMessages()
	m.countRequests()
	m.countSharers()
	m.countNotes()
	m.countConnects(members, self)
	m.other = m.series(otherLocks)
	return m
}

// countMessages adds a counter for each kind of message.
func (m *Metrics) countMessages() {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "conch_messages_total", Help: "Messages sent to other members, by kind.",
	}, []string{"kind"})
	m.parts = append(m.parts, vec)
	m.messages = make([]prometheus.Counter, token.SyncAnswer+1)
	for kind := token.Request; kind <= token.SyncAnswer; kind++ {
		m.messages[kind] = vec.WithLabelValues(kind.String())
	}
}

// countRequests adds a counter for each way that a request of this node may take.
func (m *Metrics) countRequests() {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "conch_requests_total", Help: "Requests of this node: sent to all other members, or riding on the token.",
	}, []string{"way"})
	m.parts = append(m.parts, vec)
	m.sent, m.rode = vec.WithLabelValues("sent"), vec.WithLabelValues("rode")
}

// countSharers adds a counter for each mode in which several hold a lock.
func (m *Metrics) countSharers() {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "conch_shared_grants_total", Help: "Grants to callers at this node that hold a lock together with others, by mode; conch_grants_total counts them too.",
	}, []string{"mode"})
	m.parts = append(m.parts, vec)
	m.shared, m.permits = vec.WithLabelValues("shared"), vec.WithLabelValues("permit")
}

// countNotes adds how long writes of notes took, and how many notes were in them.
func (m *Metrics) countNotes() {
	m.stores = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "conch_note_store_seconds", Help: "How long writes of notes of runs and kept holds to disk took.",
		Buckets: []float64{.000_25, .000_5, .001, .002_5, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
	m.stored = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "conch_notes_stored_total", Help: "Notes of runs and kept holds written to disk; several may go in one write.",
	})
	m.parts = append(m.parts, m.stores, m.stored)
}

// countConnects adds a counter for each other member.
func (m *Metrics) countConnects(members []string, self int) {
	m.connects = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "conch_stream_connects_total", Help: "Streams to another member that it accepted; each after the first is a reconnect.",
	}, []string{"peer"})
	m.parts = append(m.parts, m.connects)
	for i, address := range members {
		if i != self {
			m.connects.WithLabelValues(address)
			m.members = append(m.members, address)
		}
	}
}

// adopted forgets the series of members that are none any more.
func (m *Metrics) adopted(list []token.Listed) {
	m.members = slices.DeleteFunc(m.members, func(address string) bool {
		gone := !slices.ContainsFunc(list, func(l token.Listed) bool { return l.Address == address })
		if gone {
			m.connects.DeleteLabelValues(address)
		}
		return gone
	})
}

// Describe is [prometheus.Collector]'s.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	for _, part := range m.parts {
		part.Describe(descs)
	}
}

// Collect is [prometheus.Collector]'s.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	for _, part := range m.parts {
		part.Collect(metrics)
	}
}

// series makes the series of a lock.
func (m *Metrics) series(lock string) *series {
	return &series{
		waits:  m.waits.WithLabelValues(lock),
		holds:  m.holds.WithLabelValues(lock),
		grants: m.grants.WithLabelValues(lock),
	}
}

// of returns the series of a lock.
func (m *Metrics) of(lock string) *series {
	s := m.locks[lock]
	switch {
	case s != nil:
		return s
	case len(m.locks) >= MaxLocks || lock == otherLocks:
		return m.other
	}
	s = m.series(lock)
	m.locks[lock] = s
	return s
}

var _ broadcast.Observer = (*Metrics)(nil)

// Waited is [broadcast.Observer]'s.
func (m *Metrics) Waited(lock string, wait time.Duration) {
	s := m.of(lock)
	s.waits.Observe(wait.Seconds())
	s.grants.Inc()
}

// Held is [broadcast.Observer]'s.
func (m *Metrics) Held(lock string, hold time.Duration) { m.of(lock).holds.Observe(hold.Seconds()) }

// Connected is [broadcast.Observer]'s.
func (m *Metrics) Connected(peer string) {
	m.connects.WithLabelValues(peer).Inc()
	if !slices.Contains(m.members, peer) {
		m.members = append(m.members, peer)
	}
}

// Stored is [broadcast.Observer]'s.
func (m *Metrics) Stored(notes int, took time.Duration) {
	m.stores.Observe(took.Seconds())
	m.stored.Add(float64(notes))
}

// outcomes names the reasons for which a round ends, as labels.
var outcomes = map[string]string{
	token.ReasonHeld:    "token is held",
	token.ReasonOutbid:  "outbid",
	token.ReasonTooLow:  "number too low",
	token.ReasonTime:    "out of time",
	token.ReasonLapsed:  "session lapsed",
	token.ReasonCame:    "token came",
	token.ReasonLeaving: "node leaves",
}

// Effect is [broadcast.Observer]'s.
func (m *Metrics) Effect(e *token.Effect) {
	switch e.Kind {
	case token.Send:
		m.messages[e.Message.Kind].Inc()
		if e.Message.Kind == token.TokenMessage {
			m.handoffs.Inc()
		}
	case token.Asked:
		m.sent.Inc()
	case token.Rode:
		m.rode.Inc()
	case token.Grant:
		switch {
		case e.Fence == 0 || e.Limit == token.Exclusive: // a new limit, or an ordinary grant
		case e.Limit == token.Unlimited:
			m.shared.Inc()
		default:
			m.permits.Inc()
		}
	case token.Left:
		m.queue.Observe(float64(len(e.State.Queue)))
	case token.Probed:
		m.probes.Inc()
	case token.Made:
		m.rounds.WithLabelValues("token made").Inc()
	case token.Ended:
		outcome, known := outcomes[e.Reason]
		if !known {
			outcome = "reason " + strconv.Quote(e.Reason)
		}
		m.rounds.WithLabelValues(outcome).Inc()
	case token.Began:
		m.sessions.Inc()
	case token.Lapsed:
		m.lapses.Inc()
	case token.Adopted:
		m.adopted(e.Membership.All())
	}
}
