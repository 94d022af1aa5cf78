package broadcast

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	peerv1 "conch/proto/conch/peer/v1"
)

// floods are the messages that a member may repeat as often as it likes.
var floods = map[string]func(i uint64) *peerv1.Message{
	"PINGs of ever new sessions": func(i uint64) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Ping{Ping: &peerv1.Ping{
			Incarnation: []byte("0123456789abcdef"), Session: i%1000 + 1, Begun: true, Stamp: int64(i),
		}}}
	},
	"REQUESTs for ever new names": func(i uint64) *peerv1.Message { return requestMessage(fmt.Sprint("new", i)) },
	"PROBEs that ask for help with ever new names": func(i uint64) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Probe{Probe: &peerv1.Probe{
			Lock: fmt.Sprint("help", i%100), Number: &peerv1.Number{Session: 1, Count: i + 1}, Probe: i + 1, Helper: 1,
		}}}
	},
	"BALLOTs of ever higher numbers": func(i uint64) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Ballot{Ballot: &peerv1.Ballot{
			Lock: "other", Number: &peerv1.Number{Session: 1, Count: 1}, Ballot: &peerv1.BallotNumber{Number: 1000 * (i + 1), Proposer: 2},
		}}}
	},
	"BUSYs of many names": func(i uint64) *peerv1.Message {
		busy := new(peerv1.Busy)
		for j := range 100 {
			busy.Locks = append(busy.Locks, fmt.Sprint("busy", i, j))
		}
		return &peerv1.Message{Kind: &peerv1.Message_Busy{Busy: busy}}
	},
	"BYEs": func(i uint64) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Bye{Bye: &peerv1.Bye{Session: i + 1}}}
	},
}

// TestFloodHoldsNobodyUp: while one member sends as much as it can, the two others go on
// with a lock that they have.
func TestFloodHoldsNobodyUp(t *testing.T) {
	for name, message := range floods {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const frames, perFrame, turns = 40, 50, 10
				w := newNetwork()
				addresses := []string{"a:1", "b:1", "c:1"}
				a := w.startMember(t, "a:1", setup{members: addresses})
				b := w.startMember(t, "b:1", setup{members: addresses})
				a.release(a.acquire("cs")) // which takes until the absent c can be buried

				c := &deaf{hellos: make(chan *peerv1.Hello, 100), listen: make(chan struct{}), heard: make(chan *peerv1.Message)}
				close(c.listen)
				over, listened := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(listened)
					for {
						select {
						case <-c.heard:
						case <-over:
							return
						}
					}
				}()
				server := grpc.NewServer()
				peerv1.RegisterPeerServiceServer(server, c)
				port, served := w.listen("c:1"), make(chan struct{})
				go func() {
					defer close(served)
					_ = server.Serve(port)
				}()
				s := w.approach(t, "c:1", "a:1")
				s.send(helloMessage(helloOf("c:1", addresses...)))
				s.accepted()
				eventually(t, "a connected with c", func() bool { return len(a.lines("peer_connected")) == 2 })

				flooded := make(chan error, 1)
				go func() {
					for i := range uint64(frames) {
						frame := &peerv1.Frame{}
						for j := range uint64(perFrame) {
							frame.Messages = append(frame.Messages, message(perFrame*i+j))
						}
						if err := s.call.Send(frame); err != nil {
							flooded <- err
							return
						}
					}
					flooded <- nil
				}()
				for range turns {
					a.release(a.acquire("cs"))
					b.release(b.acquire("cs"))
				}
				if err := <-flooded; err != nil {
					t.Errorf("the flood ended: %v", err)
				}
				for _, m := range []*member{a, b} {
					if lapsed := m.lines("session_lapsed", "lost"); len(lapsed) > 0 {
						t.Errorf("%s: %v", m.address, lapsed)
					}
				}
				status, err := a.driver.Status(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range status.Peers {
					if p.Queued > defaultLimits.queue {
						t.Errorf("%d messages wait for %s; want at most %d", p.Queued, p.Address, defaultLimits.queue)
					}
				}
				time.Sleep(testTTL)
				a.stop()
				b.stop()
				close(over)
				<-listened
				server.Stop()
				<-served
				_ = s.conn.Close()
			})
		})
	}
}
