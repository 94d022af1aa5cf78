package wire

import (
	"cmp"
	"errors"
	"fmt"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// Shares on the wire: in a TOKEN, in a promise, and in RECALL and DONE. A lock that nobody
// shares has none of these fields.

// shares decodes the limit and the shares of a token whose other fields are decoded.
func (d Decoder) shares(t *token.Token, w *peerv1.Token) error {
	t.Limit, t.LimitBy = token.Limit(w.GetLimit()), token.Member(w.GetLimitBy())
	if err := d.checkLimit(t.Limit, t.LimitBy); err != nil {
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
func (d Decoder) promised(m *token.Message, w *peerv1.BallotAnswer) error {
	m.Limit, m.LimitBy = token.Limit(w.GetLimit()), token.Member(w.GetLimitBy())
	if err := d.checkLimit(m.Limit, m.LimitBy); err != nil {
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

func (d Decoder) recall(w *peerv1.Recall) (token.Message, error) {
	m := token.Message{Kind: token.Recall, Lock: w.GetLock(), Recaller: token.Member(w.GetRecaller()), Anyhow: w.GetAnyhow()}
	var err error
	m.Share, err = d.share(w.GetShare())
	return m, cmp.Or(CheckName(m.Lock), err, d.checkRecaller(&m))
}

func (d Decoder) done(w *peerv1.Done) (token.Message, error) {
	m := token.Message{Kind: token.Done, Lock: w.GetLock(), Recaller: token.Member(w.GetRecaller()), Kept: w.GetKept()}
	var err error
	m.Share, err = d.share(w.GetShare())
	if err == nil && m.Kept > uint32(token.MaxPermits) {
		err = fmt.Errorf("%d permits kept; want at most %d", m.Kept, token.MaxPermits)
	}
	return m, cmp.Or(CheckName(m.Lock), err, d.checkRecaller(&m))
}

// checkRecaller checks between whom a RECALL or DONE goes.
func (d Decoder) checkRecaller(m *token.Message) error {
	if err := d.checkMember("recaller", m.Recaller); err != nil {
		return err
	}
	if m.Recaller == m.Share.Member {
		return fmt.Errorf("member %d recalls its own share", m.Recaller)
	}
	return nil
}

// share decodes a share that is there.
func (d Decoder) share(w *peerv1.Share) (token.Share, error) {
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

// checkLimit checks a limit and who said it.
func (d Decoder) checkLimit(limit token.Limit, by token.Member) error {
	switch {
	case limit == token.Exclusive && by != 0:
		return fmt.Errorf("no limit, said by member %d", by)
	case limit > token.MaxPermits && limit != token.Unlimited:
		return fmt.Errorf("limit %d; want at most %d, or %d for readers", limit, token.MaxPermits, token.Unlimited)
	}
	return d.checkMember("the limit", by)
}
