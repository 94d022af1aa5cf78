package conch_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"conch"
	"conch/broadcast"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// A member whose ballots count from a time far ahead is refused: nobody else's ballots
// would ever have room above them.
func TestBallotsFromTheFutureAreRefused(t *testing.T) {
	addresses := freeAddresses(t, 2)
	self, peer := addresses[0], addresses[1]
	for _, dir := range []string{"", t.TempDir()} {
		node := startNode(t, conch.Config{Listen: self, Peers: addresses, DataDir: dir})
		conn, err := grpc.NewClient(self, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		stream, err := peerv1.NewPeerServiceClient(conn).Deliver(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const inTheYear2094 = (1<<31 - 1) * token.BallotsPerSecond
		hello := &peerv1.Hello{
			Version: broadcast.ProtocolVersion, Member: peer, Incarnation: make([]byte, 16), Boot: 1, Members: node.Members(), Ttl: int64(conch.DefaultSessionTTL), Floor: inTheYear2094,
		}
		if err := stream.Send(&peerv1.Frame{Messages: []*peerv1.Message{{Kind: &peerv1.Message_Hello{Hello: hello}}}}); err != nil {
			t.Fatal(err)
		}
		err = stream.RecvMsg(new(peerv1.Receipt))
		if s := status.Convert(err); s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), "floor 549755813632; want at most ") {
			t.Errorf("with data directory %q: %v; want the floor refused", dir, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		stopNode(t, node)
	}
}
