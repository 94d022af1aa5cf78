package logs

import (
	"fmt"
	"strconv"
	"strings"
)

// Shared is what a line says of a lock that is shared. Which fields are set depends on the
// event; Event.Has tells.
type Shared struct {
	Mode    Limit // of the holder; 0 alone
	Limit   Limit // of the lock; 0 if nobody has said one
	LimitBy string
	// Shares are those that are out.
	Shares []Share
	// Share is the one that is meant, or with a promise the answerer's own.
	Share    Share
	Recaller string
	Anyhow   bool
	Kept     uint64
}

// Limit is how many may hold a lock at once.
type Limit uint32

// Unlimited is the limit of a lock with readers.
const Unlimited Limit = 1<<32 - 1

// maxPermits is the highest limit of a semaphore.
const maxPermits = 65535

// shares reports whether a holder in this mode shares the lock.
func (l Limit) shares() bool { return l != 0 }

// Mode is how the holder that a line is about has the lock: 0 alone.
func (e *Event) Mode() Limit {
	if e.Shared == nil {
		return 0
	}
	return e.Shared.Mode
}

// shares are the shares that the line's token carries; known is false if the line does not
// show a token that may have any.
func (e *Event) shares() (shares []Share, known bool) {
	switch {
	case e.Has("shares"):
		return e.Shared.Shares, true
	case e.Has("limit") || !e.Has("hop") || e.Kind == LimitSet || e.Life.minimal():
		return nil, false
	}
	return nil, true
}

// Share is a member's share of a lock.
type Share struct {
	Member  int // its position in member order, from 0
	Session uint64
	Fence   uint64 // the share's id
	Permits uint64
}

// String is the share as the log writes it.
func (s Share) String() string {
	return fmt.Sprintf("%d.%d.%d.%d", s.Member, s.Session, s.Fence, s.Permits)
}

// ParseLimit reads what String of a Limit writes.
func ParseLimit(text string) (Limit, error) {
	if text == "shared" {
		return Unlimited, nil
	}
	n, err := parseDecimal(text)
	if err != nil || n == 0 || n > maxPermits {
		return 0, fmt.Errorf("%q is not a %s, of 1 to %d", text, kindLimit, maxPermits)
	}
	return Limit(n), nil
}

// String is the limit as the log writes it; empty for 0.
func (l Limit) String() string {
	switch l {
	case 0:
		return ""
	case Unlimited:
		return "shared"
	}
	return strconv.FormatUint(uint64(l), 10)
}

// ParseShare reads what String of a Share writes.
func ParseShare(text string) (Share, error) {
	parts := strings.Split(text, ".")
	var n [4]uint64
	if len(parts) != len(n) {
		return Share{}, fmt.Errorf("%q is not a %s", text, kindShare)
	}
	for i, part := range parts {
		var err error
		if n[i], err = parseDecimal(part); err != nil {
			return Share{}, fmt.Errorf("%q is not a %s", text, kindShare)
		}
	}
	if n[0] >= 1<<31 {
		return Share{}, fmt.Errorf("%q: there is no member %d", text, n[0])
	}
	return Share{int(n[0]), n[1], n[2], n[3]}, nil
}

// sharedKeys are the keys whose values are in Event.Shared.
var sharedKeys = setOf("mode", "limit", "limit_by", "shares", "share", "recaller", "anyhow", "kept")

// shared reads what a line says of a shared lock.
func (p *parser) shared(l *line) {
	s := &Shared{
		Mode: p.limit("mode", l.Mode), Limit: p.limit("limit", l.Limit), LimitBy: p.text("limit_by", l.LimitBy),
		Recaller: p.text("recaller", l.Recaller), Anyhow: p.flag("anyhow", l.Anyhow), Kept: p.decimal("kept", l.Kept),
	}
	if p.text("share", l.Share) != "" {
		s.Share = p.share("share", l.Share)
	}
	for i, text := range p.texts("shares", l.Shares) {
		s.Shares = append(s.Shares, p.share(fmt.Sprintf("shares[%d]", i), text))
	}
	if p.event.has&sharedKeys != 0 {
		p.event.Shared = s
	}
}

func (p *parser) limit(name, value string) (l Limit) {
	if p.text(name, value) != "" {
		var err error
		if l, err = ParseLimit(value); err != nil {
			p.fail(name, err)
		}
	}
	return l
}

func (p *parser) share(name, value string) Share {
	s, err := ParseShare(value)
	if err != nil {
		p.fail(name, err)
	}
	return s
}
