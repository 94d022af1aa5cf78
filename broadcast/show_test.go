package broadcast

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	peerv1 "conch/proto/conch/peer/v1"
)

// TestShowMembers checks that a node shows its list to members, and to nobody else.
func TestShowMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		a := startWithPeer(t, w)
		s := w.approach(t, "b:1", "a:1")
		peer := peerv1.NewPeerServiceClient(s.conn)
		shown, err := peer.ShowMembers(t.Context(), &peerv1.ShowMembersRequest{Member: "b:1"})
		if err != nil {
			t.Fatal(err)
		}
		if shown.GetVersion() != ProtocolVersion || shown.GetMember() != "a:1" || shown.GetStage() != peerv1.Stage_STAGE_RUNNING ||
			!slices.Equal(shown.GetMembers(), []string{"a:1", "b:1"}) {
			t.Errorf("got %v", shown)
		}
		for _, stranger := range []string{"", "c:1", strings.Repeat("x", 1000)} {
			_, err := peer.ShowMembers(t.Context(), &peerv1.ShowMembersRequest{Member: stranger})
			if got := status.Convert(err); got.Code() != codes.FailedPrecondition || !strings.Contains(got.Message(), "is not a member; the members are a:1, b:1") {
				t.Errorf("%.20q: got %v", stranger, err)
			}
		}
		_ = s.conn.Close()
		a.stop()
	})
}
