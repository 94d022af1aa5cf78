package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"conch/broadcast"
	"conch/internal/admission"
)

// statePatience is how long the driver may take to say how it is.
const statePatience = time.Second

// state tells how a node is at the moment of a scrape.
type state struct {
	driver *broadcast.Driver
}

var (
	inSession   = prometheus.NewDesc("conch_in_session", "1 inside a session, that is, with a quorum; else 0.", nil, nil)
	draining    = prometheus.NewDesc("conch_draining", "1 while the node takes no more requests and lets holders finish, since it is about to stop or somebody drains it; else 0.", nil, nil)
	leaseLeft   = prometheus.NewDesc("conch_lease_remaining_seconds", "What is left of the session's lease if nothing more is heard.", nil, nil)
	held        = prometheus.NewDesc("conch_held", "Locks that callers at this node hold.", nil, nil)
	locksKnown  = prometheus.NewDesc("conch_locks", "Locks that this node knows. From a million on its clients can ask for no others.", nil, nil)
	notes       = prometheus.NewDesc("conch_notes", "Locks of which this node remembers a run or a kept hold.", nil, nil)
	notesLimit  = prometheus.NewDesc("conch_notes_limit", "How many such locks it remembers at most; from then on, others get neither. 0 without a data directory.", nil, nil)
	keptHolds   = prometheus.NewDesc("conch_kept_holds", "Locks that nobody gets as far as this node knows, since a hold is kept whose holder is gone: it has to be freed or adopted. Those whose token is here, and those whose holder was here, before a restart too.", nil, nil)
	waiters     = prometheus.NewDesc("conch_waiters", "Callers at this node that wait for a lock.", nil, nil)
	members     = prometheus.NewDesc("conch_members", "Members of the cluster, those included that are being added or removed.", nil, nil)
	version     = prometheus.NewDesc("conch_membership_version", "The version of the list of members, which counts up from 0; two with each change.", nil, nil)
	joint       = prometheus.NewDesc("conch_membership_joint", "1 while the cluster goes from one list of members to another, and decisions need both; else 0.", nil, nil)
	peersUp     = prometheus.NewDesc("conch_peers_up", "Other members with a stream in both directions.", nil, nil)
	peerUp      = prometheus.NewDesc("conch_peer_up", "1 if there is a stream in both directions, else 0.", []string{"peer"}, nil)
	peerSilence = prometheus.NewDesc("conch_peer_silence_seconds", "How long ago the other member last answered; none if it never did.", []string{"peer"}, nil)
	peerQueue   = prometheus.NewDesc("conch_stream_queue_messages", "Messages that wait to be sent on the stream to the other member.", []string{"peer"}, nil)
)

// admissions collects what the admission control counts.
type admissions struct {
	counts func() admission.Counts
}

var (
	connections = prometheus.NewDesc("conch_connections", "Connections that are open, by what the other end is: unauthenticated, of which nothing is known yet; a client; a member; or a local client.", []string{"of"}, nil)
	clientCalls = prometheus.NewDesc("conch_client_calls", "Calls of clients, over connections that are not local, that are under way.", nil, nil)
	closed      = prometheus.NewDesc("conch_connections_closed_total", "Connections that were closed since they were too many, too slow, or of no use.", nil, nil)
	refused     = prometheus.NewDesc("conch_calls_refused_total", "Calls that were refused since there were too many.", nil, nil)
)

// ShowAdmission adds the admission control to the metrics. Call it before they are
// registered.
func (m *Metrics) ShowAdmission(counts func() admission.Counts) {
	m.parts = append(m.parts, admissions{counts})
}

// Describe is [prometheus.Collector]'s.
func (admissions) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connections, clientCalls, closed, refused} {
		descs <- d
	}
}

// Collect is [prometheus.Collector]'s.
func (a admissions) Collect(metrics chan<- prometheus.Metric) {
	c := a.counts()
	for of, open := range map[string]int{"unauthenticated": c.Unauthenticated, "client": c.Clients, "member": c.Members, "local": c.Local} {
		metrics <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(open), of)
	}
	metrics <- prometheus.MustNewConstMetric(clientCalls, prometheus.GaugeValue, float64(c.Calls))
	metrics <- prometheus.MustNewConstMetric(closed, prometheus.CounterValue, float64(c.Closed))
	metrics <- prometheus.MustNewConstMetric(refused, prometheus.CounterValue, float64(c.Refused))
}

// logLoss tells of lines of the log that could not be written.
type logLoss func() (lines uint64, now error)

var (
	logLost     = prometheus.NewDesc("conch_log_lines_missing_total", "Lines of the node's log that could not be written.", nil, nil)
	logWritable = prometheus.NewDesc("conch_log_writable", "0 while the node's log cannot be written, as on a full disk; else 1.", nil, nil)
)

// ShowLog adds to the metrics whether the log is written. It is to be called before they
// are registered.
func (m *Metrics) ShowLog(loss func() (lines uint64, now error)) {
	m.parts = append(m.parts, logLoss(loss))
}

// Describe is [prometheus.Collector]'s.
func (logLoss) Describe(descs chan<- *prometheus.Desc) {
	descs <- logLost
	descs <- logWritable
}

// Collect is [prometheus.Collector]'s.
func (l logLoss) Collect(metrics chan<- prometheus.Metric) {
	lines, now := l()
	metrics <- prometheus.MustNewConstMetric(logLost, prometheus.CounterValue, float64(lines))
	metrics <- prometheus.MustNewConstMetric(logWritable, prometheus.GaugeValue, truth(now == nil))
}

// ShowState adds to the metrics how a node is at the moment of each scrape. It is to be
// called before they are registered.
func (m *Metrics) ShowState(driver *broadcast.Driver) { m.parts = append(m.parts, state{driver}) }

// Describe is [prometheus.Collector]'s.
func (state) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{inSession, draining, leaseLeft, held, waiters, locksKnown, notes, notesLimit, keptHolds, members, version, joint, peersUp, peerUp, peerSilence, peerQueue} {
		descs <- d
	}
}

// Collect is [prometheus.Collector]'s. A driver that has ended shows nothing.
func (s state) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statePatience)
	defer cancel()
	status, err := s.driver.Status(ctx)
	if err != nil {
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(inSession, truth(status.Session != 0))
	gauge(draining, truth(status.Draining))
	gauge(leaseLeft, status.LeaseLeft.Seconds())
	gauge(held, float64(status.Holds))
	gauge(waiters, float64(status.Waits))
	gauge(locksKnown, float64(status.Locks))
	gauge(notes, float64(status.Notes))
	limit := 0
	if status.Remembers {
		limit = status.MaxNotes
	}
	gauge(notesLimit, float64(limit))
	gauge(keptHolds, float64(status.Barred))
	gauge(members, float64(len(s.driver.Members())))
	if st, err := s.driver.Membership(ctx); err == nil {
		gauge(version, float64(st.View.Membership.Version))
		gauge(joint, truth(st.View.Membership.Joint()))
	}
	up := 0.0
	for _, p := range status.Peers {
		both := truth(p.Sends && p.Receives)
		up += both
		gauge(peerUp, both, p.Address)
		if p.Silent >= 0 {
			gauge(peerSilence, p.Silent.Seconds(), p.Address)
		}
		gauge(peerQueue, float64(p.Queued), p.Address)
	}
	gauge(peersUp, up)
}

// truth is 1 for true.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
