package wire

import (
	"strings"
	"testing"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

func TestDecodeRefusesNonsenseAboutValues(t *testing.T) {
	right := func() *peerv1.Say {
		return &peerv1.Say{Lock: "cs", Session: 1, Fence: 1 << token.FenceBits, Count: 1, Value: "here"}
	}
	over := func(s *peerv1.Say) { s.Value, s.Over = "", true }
	d := testDecoder(3, 1, 0)
	for says, change := range map[string]func(*peerv1.Say){
		"SAY: bad lock name: it is empty":                   func(s *peerv1.Say) { s.Lock = "" },
		"session 0; want":                                   func(s *peerv1.Say) { s.Session = 0 },
		"a value without a fence":                           func(s *peerv1.Say) { s.Fence = 0 },
		"ballot 549755813888; want":                         func(s *peerv1.Say) { s.Fence = 1 << 63 },
		"value 0 of a hold; want 1":                         func(s *peerv1.Say) { s.Count = 0 },
		"a value of a hold that is over":                    func(s *peerv1.Say) { s.Over = true },
		"bad value: it has 1025 bytes; want at most 1024":   func(s *peerv1.Say) { s.Value = strings.Repeat("x", 1025) },
		"SAY: bad value: it is not UTF-8":                   func(s *peerv1.Say) { s.Value = "\xff" },
		"value 4611686018427387905 of a hold; want 1 to 46": func(s *peerv1.Say) { s.Count = MaxSession + 1 },
	} {
		_, err := d.Messages([]*peerv1.Message{{Kind: &peerv1.Message_Say{Say: wrong(right, change)}}})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want an error with %q", err, says)
		}
	}
	for _, change := range []func(*peerv1.Say){func(*peerv1.Say) {}, over} {
		if _, err := d.Messages([]*peerv1.Message{{Kind: &peerv1.Message_Say{Say: wrong(right, change)}}}); err != nil {
			t.Error(err)
		}
	}
}
