//go:build linux

package netns

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// kind is a kind of trouble for a host.
type kind int

const (
	killQuick kind = iota // killed, and started again at once
	killLate              // … at the end of the trouble
	freeze                // SIGSTOP, and SIGCONT
	stop                  // SIGTERM, and started again
	cutOut                // nothing comes from it
	cutIn                 // nothing comes to it
	cutBoth               // both
	cutPair               // nothing comes from it to one other host
	unplug                // its link is down
	flap                  // its link goes down and up, time and again
	resetAll              // its connections are reset
	kinds     int  = iota
)

var kindNames = [kinds]string{
	"kill, quick restart", "kill, late restart", "freeze", "stop", "cut off outwards", "cut off inwards",
	"cut off", "one pair cut", "link down", "link flaps", "resets",
}

func (k kind) String() string { return kindNames[k] }

// trouble is one thing that goes wrong, from a time on, for a while.
type trouble struct {
	kind     kind
	host     int
	other    int // for cutPair
	at, last time.Duration
}

func (t trouble) String() string {
	text := fmt.Sprintf("%v: host %d, %v for %v", t.at.Round(time.Millisecond), t.host+1, t.kind, t.last.Round(time.Millisecond))
	if t.kind == cutPair {
		text += fmt.Sprintf(", to host %d", t.other+1)
	}
	return text
}

// drawPlan draws the troubles of a run: up to three at once, at different hosts. All are
// over when the run is.
func drawPlan(random *rand.Rand, hosts int, ttl, length time.Duration) []trouble {
	var plan []trouble
	for at := ttl; ; at += time.Duration(random.Int64N(int64(ttl))) {
		t := trouble{kind: kind(random.IntN(kinds)), host: random.IntN(hosts), at: at, last: time.Duration(random.Int64N(int64(2 * ttl)))}
		t.other = (t.host + 1 + random.IntN(hosts-1)) % hosts
		if t.kind == resetAll {
			t.last /= 20
		}
		if at >= length {
			return plan
		}
		t.last = min(t.last, length-at)
		under := 0
		busy := false
		for _, p := range plan {
			if p.at+p.last > at {
				under++
				busy = busy || p.host == t.host || overlaps(p, t)
			}
		}
		if under < 3 && !busy {
			plan = append(plan, t)
		}
	}
}

// overlaps reports whether two troubles affect the same pair of hosts, so that one would
// end the other.
func overlaps(a, b trouble) bool { return a.isCut() && b.isCut() }

func (t trouble) isCut() bool { return t.kind >= cutOut && t.kind <= cutPair }

// event is the beginning of a trouble, a step within it, or its end.
type event struct {
	at    time.Duration
	of    trouble
	phase phase
}

type phase int

const (
	begins phase = iota
	downAgain
	upAgain
	ends
)

// events are the events of a plan, in the order of their times.
func events(random *rand.Rand, plan []trouble) []event {
	var all []event
	for _, t := range plan {
		all = append(all, event{t.at, t, begins}, event{t.at + t.last, t, ends})
		if t.kind != flap {
			continue
		}
		for at, down := t.at, true; ; down = !down {
			if at += time.Duration(random.Int64N(int64(300 * time.Millisecond))); at >= t.at+t.last {
				break
			}
			p := downAgain
			if down {
				p = upAgain
			}
			all = append(all, event{at, t, p})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return all
}
