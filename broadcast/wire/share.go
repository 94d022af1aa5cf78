package wire

import (
	"cmp"
	"errors"
	"fmt"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// Shares and limits on the wire: in a TOKEN, in a promise, in RECALL and DONE, and in a
// PROBE for a waiter that sets a limit, and its answer. A lock that nobody shares has none of
// these fields.

// shares decodes the limit and the shares of a token whose other fields are decoded.
func (d *Decoder) shares(t *token.Token, w *peerv1.Token) error {
	t.Limit, t.LimitBy = token.Limit(w.GetLimit()), token.Member(w.GetLimitBy())
	t.LimitAt = token.Fence(w.GetLimitAt())
	if err := d.checkLimit(t.Limit, t.LimitBy, t.LimitAt); err != nil {
		return err
	}
	shares := w.GetShares()
	switch {
	case len(shares) == 0:
		return nil
	case t.Limit == token.Exclusive:
		return fmt.Errorf("%d shares and no limit", len(shares))
	case len(shares) > d.Members:
		return fmt.Errorf("%d shares; want at most %d", len(shares), d.Members)
	}
	t.Shares = make([]token.Share, 0, len(shares))
	has := make([]bool, d.Members)
	for _, s := range shares {
		share, err := d.share(s)
		switch {
		case err != nil:
			return err
		case has[share.Member]:
			return fmt.Errorf("two shares of member %d", share.Member)
		case share.ID > t.Fence:
			return fmt.Errorf("a share with the fence %d in a token with %d; want none above it", share.ID, t.Fence)
		}
		has[share.Member] = true
		t.Shares = append(t.Shares, share)
	}
	return nil
}

// promised decodes what a promise says of the answerer's share.
func (d *Decoder) promised(m *token.Message, w *peerv1.BallotAnswer) error {
	m.Limit, m.LimitBy = token.Limit(w.GetLimit()), token.Member(w.GetLimitBy())
	m.LimitAt = token.Fence(w.GetLimitAt())
	if err := d.checkLimit(m.Limit, m.LimitBy, m.LimitAt); err != nil {
		return err
	}
	switch {
	case m.Answer != token.Promise && (w.GetShare() != nil || m.Limit != token.Exclusive):
		return errors.New("a share or a limit without a promise")
	case w.GetShare() == nil:
		return nil
	case m.Limit == token.Exclusive:
		return errors.New("a share and no limit")
	}
	var err error
	if m.Share, err = d.share(w.GetShare()); err == nil && m.Share.Member != d.From {
		err = fmt.Errorf("the share of member %d; want the sender's, %d", m.Share.Member, d.From)
	}
	return err
}

func (d *Decoder) recall(w *peerv1.Recall) (token.Message, error) {
	m := token.Message{Kind: token.Recall, Lock: w.GetLock(), Recaller: token.Member(w.GetRecaller()), Anyhow: w.GetAnyhow()}
	var err error
	m.Share, err = d.share(w.GetShare())
	return m, cmp.Or(CheckName(m.Lock), err, d.checkRecaller(&m))
}

func (d *Decoder) done(w *peerv1.Done) (token.Message, error) {
	m := token.Message{Kind: token.Done, Lock: w.GetLock(), Recaller: token.Member(w.GetRecaller()), Kept: w.GetKept()}
	var err error
	m.Share, err = d.share(w.GetShare())
	if err == nil && m.Kept > uint32(token.MaxPermits) {
		err = fmt.Errorf("%d permits kept; want at most %d", m.Kept, token.MaxPermits)
	}
	return m, cmp.Or(CheckName(m.Lock), err, d.checkRecaller(&m))
}

// checkRecaller checks between whom a RECALL or DONE goes.
func (d *Decoder) checkRecaller(m *token.Message) error {
	if err := d.checkMember("recaller", m.Recaller); err != nil {
		return err
	}
	if m.Recaller == m.Share.Member {
		return fmt.Errorf("member %d recalls its own share", m.Recaller)
	}
	return nil
}

// share decodes a share that is there.
func (d *Decoder) share(w *peerv1.Share) (token.Share, error) {
	s := token.Share{
		Member: token.Member(w.GetMember()), Session: token.Session(w.GetSession()),
		ID: token.Fence(w.GetId()), Permits: w.GetPermits(),
	}
	switch {
	case s.ID == 0:
		return s, errors.New("a share without a fence")
	case s.Permits == 0 || s.Permits > uint32(token.MaxPermits):
		return s, fmt.Errorf("a share of %d permits; want 1 to %d", s.Permits, token.MaxPermits)
	}
	return s, cmp.Or(d.checkMember("share", s.Member), checkSession(s.Session), d.checkBallot(uint64(s.ID)>>token.FenceBits))
}

// checkWanted checks the limit that a PROBE wants, and the age of the one that it knows. Both
// may be 0.
func (d *Decoder) checkWanted(m *token.Message) error {
	switch {
	case m.Limit > token.MaxPermits:
		return fmt.Errorf("wants the limit %d; want at most %d", m.Limit, token.MaxPermits)
	case m.Limit == token.Exclusive && m.LimitAt != 0:
		return errors.New("wants no limit, and knows one")
	}
	return d.checkAge(m.LimitAt)
}

// checkHeld checks the limit in the answer to a probe. It may be 0.
func (d *Decoder) checkHeld(m *token.Message) error {
	if m.Answer != token.Hold && m.Limit != token.Exclusive {
		return errors.New("a limit without a token")
	}
	return d.checkLimit(m.Limit, 0, m.LimitAt)
}

// checkAge checks the age of a limit, which may be 0. It leaves room for more changes.
func (d *Decoder) checkAge(at token.Fence) error { return d.checkBallot(uint64(at) >> token.FenceBits) }

// checkLimit checks a limit, who said it, and its age.
func (d *Decoder) checkLimit(limit token.Limit, by token.Member, at token.Fence) error {
	switch {
	case limit == token.Exclusive && by != 0:
		return fmt.Errorf("no limit, said by member %d", by)
	case (limit == token.Exclusive) != (at == 0):
		return fmt.Errorf("limit %d of age %d; want both or neither", limit, at)
	case limit > token.MaxPermits && limit != token.Unlimited:
		return fmt.Errorf("limit %d; want at most %d, or %d for readers", limit, token.MaxPermits, token.Unlimited)
	}
	return cmp.Or(d.checkMember("the limit", by), d.checkAge(at))
}
