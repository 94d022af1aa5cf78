package service

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"

	"conch/internal/delimited"
	"conch/internal/verify/memconn"
	clientv1 "conch/proto/conch/client/v1"
)

// FuzzFramedBytes: whatever comes behind the preamble, the stream ends, and when its leases
// are over another client gets the lock.
func FuzzFramedBytes(f *testing.F) {
	hello := &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{Version: version, Incarnation: make([]byte, 16)}}}
	lock := &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: 1, Lock: "a", Mode: clientv1.Acquire_MODE_WAIT}}}
	var said bytes.Buffer
	for _, m := range []*clientv1.ClientMessage{hello, lock} {
		if _, err := protodelim.MarshalTo(&said, &clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{m}}); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(said.Bytes(), true)
	f.Add(said.Bytes()[:said.Len()-1], true)  // half a frame, and the end
	f.Add(said.Bytes()[:said.Len()-1], false) // half a frame, and silence
	f.Add(append(bytes.Clone(said.Bytes()), 0xff, 0xff, 0xff, 0xff, 0x0f), false)
	f.Add([]byte{0}, true)
	f.Fuzz(func(t *testing.T, bytes []byte, ends bool) {
		if len(bytes) > maxFrameBytes {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			n := startNode(t)
			defer n.stop()
			here, there := memconn.Pipe(64 << 10)
			n.attached.Go(func() { n.service.AttachConn(there, nil) })
			if _, err := here.Write(bytes); err != nil {
				t.Fatal(err)
			}
			if ends {
				_ = here.CloseWrite()
			}
			time.Sleep(2 * testTTL) // by when what it held is free
			synctest.Wait()
			_ = here.Close()
			_, _ = io.Copy(io.Discard, here)
			n.framed = true
			time.Sleep(2 * testTTL)
			honest := n.attach(2)
			honest.lock(1, "a")
			honest.end()
		})
	})
}

// A client that sends half a frame and keeps still is ended as one that says no Hello, or
// nothing more; one that lies about a length, at once.
func TestFramesThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		says  []byte
		after time.Duration
	}{
		"half a frame":      {[]byte{20, 1}, helloPatience},
		"a length too long": {[]byte{0xff, 0xff, 0x7f}, 0},
		"no message":        {[]byte{2, 0xff, 0xff}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := startNode(t)
				conn := n.connect()
				began := time.Now()
				if _, err := conn.Write(test.says); err != nil {
					t.Fatal(err)
				}
				_, err := delimited.NewClient(conn, maxFrameBytes).Recv()
				if after := time.Since(began); err == nil || after != test.after {
					t.Errorf("ended with %v after %v; want an error after %v", err, after, test.after)
				}
				_ = conn.Close()
				n.stop()
			})
		})
	}
}
