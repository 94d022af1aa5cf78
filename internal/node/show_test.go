package node

import (
	"strings"
	"testing"

	"conch/hosts"
	peerv1 "conch/proto/conch/peer/v1"
)

func TestCheckShown(t *testing.T) {
	good := func() *peerv1.ShowMembersResponse {
		return &peerv1.ShowMembersResponse{Member: "a:1", Members: []string{"a:1", "b:1"}, Stage: peerv1.Stage_STAGE_SETTLED}
	}
	if err := checkShown(good()); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		change func(*peerv1.ShowMembersResponse)
		says   string
	}{
		{func(r *peerv1.ShowMembersResponse) { r.Member = "" }, "not an address"},
		{func(r *peerv1.ShowMembersResponse) { r.Member = "\x1b[2J" + strings.Repeat("x", 1000) }, `\x1b`},
		{func(r *peerv1.ShowMembersResponse) { r.Members[1] = "B:1" }, "B:1"},
		{func(r *peerv1.ShowMembersResponse) { r.Members = make([]string, hosts.MaxMembers+1) }, "1025 members"},
		{func(r *peerv1.ShowMembersResponse) { r.Stage = 0 }, "stage 0"},
		{func(r *peerv1.ShowMembersResponse) { r.Stage = 5 }, "stage 5"},
	} {
		r := good()
		test.change(r)
		if err := checkShown(r); err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 500 {
			t.Errorf("%v; want it to say %q", err, test.says)
		}
	}
}
