package broadcast

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// ProtocolVersion stands in HELLO; no other is accepted. In version 1, ballots were
// numbered in seconds, and KNOWN did not say whose a session was. Version 2 knew no shares,
// and version 3 no runs and kept holds: they would have lost those that a token carries.
const ProtocolVersion = 4

// refusal is why a stream was refused or closed, because of what its sender sent.
type refusal struct {
	code   codes.Code
	reason string
}

func (r *refusal) Error() string { return r.reason }

// GRPCStatus returns the status that the sender gets.
func (r *refusal) GRPCStatus() *status.Status { return status.New(r.code, r.reason) }

// refused is for a stream that two members cannot agree on, misunderstood for one that
// breaks the protocol.
func refused(format string, args ...any) *refusal {
	return &refusal{code: codes.FailedPrecondition, reason: fmt.Sprintf(format, args...)}
}

func misunderstood(format string, args ...any) *refusal {
	return &refusal{code: codes.InvalidArgument, reason: fmt.Sprintf(format, args...)}
}

// helloFrame is the first frame of a stream to a member.
func (d *Driver) helloFrame(to token.Member, h token.Hello) *peerv1.Frame {
	return &peerv1.Frame{Messages: []*peerv1.Message{{Kind: &peerv1.Message_Hello{Hello: &peerv1.Hello{
		Version:      ProtocolVersion,
		Member:       d.members[d.self],
		Incarnation:  h.Incarnation[:],
		Boot:         uint64(h.Boot),
		Counter:      h.Counter,
		Members:      d.members,
		Ttl:          int64(d.ttl),
		Floor:        h.Floor,
		KnownSession: uint64(h.KnownSession),

		KnownIncarnation: h.KnownOf[:], // zeros while nothing is known
		Receiver:         d.members[to],
		Fresh:            h.Fresh,
		Remembers:        h.Remembers,
	}}}}}
}

// checkHello checks the first message of a stream. It returns the stream's opener, or
// NoMember beside an error if it is unknown.
func (d *Driver) checkHello(h *peerv1.Hello) (token.Member, token.Hello, *refusal) {
	if h.GetVersion() != ProtocolVersion {
		return d.memberOrNone(h.GetMember()), token.Hello{}, refused("protocol version %d; want %d", h.GetVersion(), ProtocolVersion)
	}
	if reason := difference(d.members, h.GetMembers()); reason != "" {
		return d.memberOrNone(h.GetMember()), token.Hello{}, refused("the member lists differ: %s", reason)
	}
	from, ok := d.byAddress[h.GetMember()]
	switch {
	case !ok:
		return token.NoMember, token.Hello{}, refused("%q is not a member", shorten(h.GetMember()))
	case from == d.self:
		return token.NoMember, token.Hello{}, refused("%q is this node itself: another process runs as the same member, or the address leads back here", shorten(h.GetMember()))
	case h.GetReceiver() != "" && h.GetReceiver() != d.members[d.self]:
		return from, token.Hello{}, refused("it is meant for %q, and this node is %s: the address leads to the wrong node", shorten(h.GetReceiver()), d.members[d.self])
	case time.Duration(h.GetTtl()) != d.ttl:
		return from, token.Hello{}, refused("session time to live %v; here it is %v", time.Duration(h.GetTtl()), d.ttl)
	case h.GetBoot() > wire.MaxSession:
		return from, token.Hello{}, misunderstood("session %d at its start; want at most %d", h.GetBoot(), uint64(wire.MaxSession))
	case h.GetFloor() > d.mostBallot():
		return from, token.Hello{}, misunderstood("floor %d; want at most %d by now: is the clock here or there wrong?", h.GetFloor(), d.mostBallot())
	case len(h.GetIncarnation()) != len(token.Incarnation{}):
		return from, token.Hello{}, misunderstood("incarnation of %d bytes; want %d", len(h.GetIncarnation()), len(token.Incarnation{}))
	}
	var knownOf token.Incarnation
	if known := h.GetKnownIncarnation(); len(known) > 0 && len(known) != len(knownOf) {
		return from, token.Hello{}, misunderstood("known incarnation of %d bytes; want %d, or none", len(known), len(knownOf))
	}
	copy(knownOf[:], h.GetKnownIncarnation())
	return from, token.Hello{
		Incarnation: token.Incarnation(h.GetIncarnation()),
		Boot:        token.Session(h.GetBoot()),
		Counter:     h.GetCounter(),
		Floor:       h.GetFloor(),
		// Not refused if too high: a member that was once told the highest number has
		// sessions above it.
		KnownSession: token.Session(min(h.GetKnownSession(), wire.MaxKnownSession)),
		KnownOf:      knownOf,
		Fresh:        h.GetFresh(),
		Remembers:    h.GetRemembers(),
	}, nil
}

// memberOrNone returns the member with an address, NoMember if that is this node or none.
func (d *Driver) memberOrNone(address string) token.Member {
	if m, ok := d.byAddress[address]; ok && m != d.self {
		return m
	}
	return token.NoMember
}

// maxListed is how many addresses a reason lists.
const maxListed = 8

// difference says how the member lists here and at a peer differ; empty if they do not.
func difference(here, there []string) string {
	if slices.Equal(here, there) {
		return ""
	}
	var reasons []string
	if only := missing(here, there); only != "" {
		reasons = append(reasons, "only in the receiver's list: "+only)
	}
	if only := missing(there, here); only != "" {
		reasons = append(reasons, "only in the sender's list: "+only)
	}
	if reasons == nil {
		return "the same members in another order, or one of them twice"
	}
	return strings.Join(reasons, "; ")
}

// missing lists those of addresses that are not in list.
func missing(addresses, list []string) string {
	in := make(map[string]bool, len(list))
	for _, address := range list {
		in[address] = true
	}
	var only []string
	more := 0
	for _, address := range addresses {
		switch {
		case in[address]:
		case len(only) == maxListed:
			more++
		default:
			only = append(only, shorten(address))
		}
	}
	text := strings.Join(only, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// shorten cuts text from an unauthenticated peer to a length for a log line, and quotes it
// if a terminal might obey it.
func shorten(text string) string {
	const most = 100
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if quoted := strconv.Quote(text); quoted[1:len(quoted)-1] != text {
		return quoted
	}
	return text
}
