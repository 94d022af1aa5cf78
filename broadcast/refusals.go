package broadcast

import (
	"net"
	"time"

	"conch/token"
)

const (
	// refusalWindow is the time in which the same refusal of the same caller is logged
	// once.
	refusalWindow = token.Time(time.Minute)
	// refusalsPerCaller is how many refusals of one caller are logged in a window, and
	// refusalsPerWindow how many of all. So nobody can fill the disk with ever new reasons
	// or addresses.
	refusalsPerCaller = 16
	refusalsPerWindow = 256
)

// refusals remember which refusals were logged in the present window.
type refusals struct {
	ends   token.Time // of the window
	logged map[refusalKey]struct{}
	counts map[string]int // of logged, by caller
}

type refusalKey struct{ caller, reason string }

// note reports whether a refusal is to be logged.
func (r *refusals) note(now token.Time, caller, reason string) bool {
	if now >= r.ends {
		*r = refusals{ends: now + refusalWindow, logged: make(map[refusalKey]struct{}), counts: make(map[string]int)}
	}
	key := refusalKey{caller, reason}
	if _, before := r.logged[key]; before || r.counts[caller] == refusalsPerCaller || len(r.logged) == refusalsPerWindow {
		return false
	}
	r.logged[key] = struct{}{}
	r.counts[caller]++
	return true
}

// logRefusal logs that a stream was refused: of an unauthenticated peer, once for each
// reason and window; of a member, unless the attempt before failed for the same reason.
func (o *owner) logRefusal(in *input) {
	if in.peer == token.NoMember {
		host := in.remote
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if o.unauthenticated.note(o.now, host, in.reason) {
			o.log.unauthenticatedRefused(in.remote, in.reason)
		}
		return
	}
	p := &o.peers[in.peer]
	last := &p.refusedHere
	if in.kind == inputRefusedThere {
		last = &p.refusedThere
	}
	if *last == in.reason {
		return
	}
	*last = in.reason
	if p.refusals.note(o.now, "", in.reason) {
		o.log.peerRefused(in.peer, in.reason)
	}
}
