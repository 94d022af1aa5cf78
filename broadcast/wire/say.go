package wire

import (
	"cmp"
	"errors"
	"fmt"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// say decodes what the sender says of a hold of its own.
func (d *Decoder) say(w *peerv1.Say) (token.Message, error) {
	s := &token.Saying{
		Session: token.Session(w.GetSession()), Fence: token.Fence(w.GetFence()), Count: w.GetCount(),
		Value: w.GetValue(), None: w.GetOver(),
	}
	m := token.Message{Kind: token.Say, Lock: w.GetLock(), Saying: s}
	switch {
	case s.Fence == 0:
		return m, errors.New("a value without a fence")
	case s.Count == 0 || s.Count > MaxSession:
		return m, fmt.Errorf("value %d of a hold; want 1 to %d", s.Count, uint64(MaxSession))
	case s.None && s.Value != "":
		return m, errors.New("a value of a hold that is over")
	}
	return m, cmp.Or(CheckName(m.Lock), checkSession(s.Session), CheckValue(s.Value), d.checkBallot(uint64(s.Fence)>>token.FenceBits))
}
