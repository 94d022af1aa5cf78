package broadcast

import (
	"cmp"
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
// Version 4 knew no members that change.
const ProtocolVersion = 5

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
	r := d.roster.Load()
	hello := &peerv1.Hello{
		Version:      ProtocolVersion,
		Member:       r.address(),
		Incarnation:  h.Incarnation[:],
		Boot:         uint64(h.Boot),
		Counter:      h.Counter,
		Ttl:          int64(d.ttl),
		Floor:        h.Floor,
		KnownSession: uint64(h.KnownSession),

		KnownIncarnation: h.KnownOf[:], // zeros while nothing is known
		Receiver:         r.addresses[to],
		Fresh:            h.Fresh,
		Remembers:        h.Remembers,
		Disk:             wire.EncodeDisk(h.Disk),
		Membership:       wire.EncodeMembership(h.Membership),
		ReceiverDisk:     wire.EncodeDisk(h.Receiver),
	}
	if h.Membership == nil {
		hello.Members = r.addresses
	}
	return &peerv1.Frame{Messages: []*peerv1.Message{{Kind: &peerv1.Message_Hello{Hello: hello}}}}
}

// checkHello checks the first message of a stream. It returns the stream's opener, or
// NoMember beside an error if it is unknown; also if this node has to take the opener's
// membership first.
func (d *Driver) checkHello(h *peerv1.Hello) (token.Member, *greeting, *refusal) {
	r := d.roster.Load()
	if h.GetVersion() != ProtocolVersion {
		return r.memberOrNone(h.GetMember()), nil, refused("protocol version %d; want %d", h.GetVersion(), ProtocolVersion)
	}
	g, wrong := d.greeting(h)
	if wrong != nil {
		return r.memberOrNone(h.GetMember()), nil, wrong
	}
	from, _, refusal := r.identify(g)
	switch {
	case refusal != nil:
		return from, nil, refusal
	case time.Duration(h.GetTtl()) != d.ttl:
		return from, nil, refused("session time to live %v; here it is %v", time.Duration(h.GetTtl()), d.ttl)
	case h.GetBoot() > wire.MaxSession:
		return from, nil, misunderstood("session %d at its start; want at most %d", h.GetBoot(), uint64(wire.MaxSession))
	case h.GetFloor() > d.mostBallot():
		return from, nil, misunderstood("floor %d; want at most %d by now: is the clock here or there wrong?", h.GetFloor(), d.mostBallot())
	case len(h.GetIncarnation()) != len(token.Incarnation{}):
		return from, nil, misunderstood("incarnation of %d bytes; want %d", len(h.GetIncarnation()), len(token.Incarnation{}))
	case len(h.GetKnownIncarnation()) > 0 && len(h.GetKnownIncarnation()) != len(token.Incarnation{}):
		return from, nil, misunderstood("known incarnation of %d bytes; want %d, or none", len(h.GetKnownIncarnation()), len(token.Incarnation{}))
	}
	return from, g, nil
}

// greeting takes a HELLO of this version of the protocol apart.
func (d *Driver) greeting(h *peerv1.Hello) (*greeting, *refusal) {
	g := &greeting{address: h.GetMember(), members: h.GetMembers(), receiver: h.GetReceiver()}
	var errs [3]error
	g.hello = token.Hello{
		Boot:    token.Session(h.GetBoot()),
		Counter: h.GetCounter(),
		Floor:   h.GetFloor(),
		// Not refused if too high: a member that was once told the highest number has
		// sessions above it.
		KnownSession: token.Session(min(h.GetKnownSession(), wire.MaxKnownSession)),
		Fresh:        h.GetFresh(),
		Remembers:    h.GetRemembers(),
	}
	copy(g.hello.Incarnation[:], h.GetIncarnation())
	copy(g.hello.KnownOf[:], h.GetKnownIncarnation())
	g.hello.Membership, errs[0] = wire.DecodeMembership(h.GetMembership(), d.mostBallot)
	g.hello.Disk, errs[1] = wire.DecodeDisk(h.GetDisk())
	g.hello.Receiver, errs[2] = wire.DecodeDisk(h.GetReceiverDisk())
	m := g.hello.Membership
	if err := cmp.Or(errs[:]...); err != nil {
		return nil, misunderstood("%v", err)
	}
	if m != nil {
		if g.hello.Disk == (token.Disk{}) {
			return nil, misunderstood("members that may change, from a process without a disk")
		}
		r := newRoster(0, token.Disk{}, m, nil)
		if g.members = r.addresses; m.Born() {
			g.members = r.present()
		}
	}
	return g, nil
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
