package main

import (
	"context"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	peerv1 "conch/proto/conch/peer/v1"
)

// openings are first messages that no node of ours sends.
var openings = map[string]*peerv1.Message{
	"future": {Kind: &peerv1.Message_Hello{Hello: &peerv1.Hello{Version: 99, Member: "127.0.0.1:1"}}},
	"mute":   {Kind: &peerv1.Message_Request{Request: &peerv1.Request{Lock: "cs"}}},
	"vast":   {Kind: &peerv1.Message_Hello{Hello: &peerv1.Hello{Version: 1, Member: strings.Repeat("x", 8<<20)}}},
}

// open ADDRESS OPENING CODE opens a stream to a node, and waits until the node ends it with
// this status. OPENING is a HELLO of a later version (future), no HELLO (mute), or too
// large a frame (vast).
func open(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 3 || openings[args[1]] == nil, "usage: open ADDRESS future|mute|vast CODE")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := grpc.NewClient(args[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	ts.Check(err)
	defer func() { ts.Check(conn.Close()) }()
	stream, err := peerv1.NewPeerServiceClient(conn).Deliver(ctx)
	ts.Check(err)
	// The node may end the stream before it has read everything.
	_ = stream.Send(&peerv1.Frame{Messages: []*peerv1.Message{openings[args[1]]}})
	err = stream.RecvMsg(&peerv1.Receipt{})
	if got := status.Code(err).String(); got != args[2] {
		ts.Fatalf("%s: the stream ended with %v, want %s", args[0], err, args[2])
	}
}
