package service

import (
	"context"
	"encoding/binary"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	clientv1 "conch/proto/conch/client/v1"
)

// spoken is a client's stream whose messages were written down.
type spoken struct {
	grpc.ServerStream // of which nothing else is called
	ctx               context.Context
	messages          []*clientv1.ClientMessage
	begun             bool
	atOnce            int // messages in each frame but the first, which has one
	pause             time.Duration
}

func (s *spoken) Context() context.Context { return s.ctx }

func (s *spoken) Recv() (*clientv1.ClientFrame, error) {
	if len(s.messages) == 0 {
		return nil, io.EOF
	}
	time.Sleep(s.pause)
	n := 1
	if s.begun {
		n = min(s.atOnce, len(s.messages))
	}
	s.begun = true
	frame := &clientv1.ClientFrame{Messages: s.messages[:n]}
	s.messages = s.messages[n:]
	return frame, nil
}

func (*spoken) Send(*clientv1.NodeFrame) error { return nil }

// write writes down messages, each behind its length.
func write(messages ...*clientv1.ClientMessage) []byte {
	var all []byte
	for _, m := range messages {
		wire, err := proto.Marshal(m)
		if err != nil {
			panic(err) // names in this file are UTF-8
		}
		all = binary.AppendUvarint(all, uint64(len(wire)))
		all = append(all, wire...)
	}
	return all
}

// read reads what write has written, or as much of it as can be read.
func read(wire []byte) (messages []*clientv1.ClientMessage) {
	const most = 50
	for len(wire) > 0 && len(messages) < most {
		size, n := binary.Uvarint(wire)
		if n <= 0 || size > uint64(len(wire)-n) {
			return messages
		}
		m := new(clientv1.ClientMessage)
		if proto.Unmarshal(wire[n:n+int(size)], m) != nil {
			return messages
		}
		messages = append(messages, m)
		wire = wire[n+int(size):]
	}
	return messages
}

// FuzzClientMessages: whatever a client says, in whatever order, it is answered or
// refused; and when its leases are over another client gets each lock that it named.
func FuzzClientMessages(f *testing.F) {
	hello := &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{
		Version: version, Incarnation: make([]byte, 16), Client: &clientv1.Client{Host: "there", Pid: 7, User: "eve", Command: "job"},
	}}}
	acquire := func(a *clientv1.Acquire) *clientv1.ClientMessage {
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Acquire{Acquire: a}}
	}
	wait, try := clientv1.Acquire_MODE_WAIT, clientv1.Acquire_MODE_TRY
	ping := &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: -1}}}
	withdraw := &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Withdraw{Withdraw: &clientv1.Withdraw{Id: 2}}}
	release := &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Release{Release: &clientv1.Release{Id: 1, Lock: "a", Fence: 1<<32 + 1}}}
	say := func(number uint64, value string) *clientv1.ClientMessage {
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Say{Say: &clientv1.Say{Id: 1, Lock: "a", Fence: 1<<32 + 1, Number: number, Value: value}}}
	}
	run := func(id uint64, tick int64, skip bool) *clientv1.ClientMessage {
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireRun{AcquireRun: &clientv1.AcquireRun{
			Acquire: &clientv1.Acquire{Id: id, Lock: "a", Mode: wait}, Run: &clientv1.RunRequest{Tick: tick, Plain: tick < 100, AtMostOnce: skip},
		}}}
	}
	endRun := func(tick int64) *clientv1.ClientMessage {
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_EndRun{EndRun: &clientv1.EndRun{
			Id: 1, Lock: "a", Fence: 1<<32 + 1, Run: &clientv1.RunRequest{Tick: tick, Plain: true}, ExitCode: -1, Text: "end", RanNs: 5,
		}}}
	}
	kept := func(id uint64, owner string, adopt bool) *clientv1.ClientMessage {
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireKept{AcquireKept: &clientv1.AcquireKept{
			Acquire: &clientv1.Acquire{Id: id, Lock: "a", Mode: wait}, Owner: owner, Adopt: adopt,
		}}}
	}
	for _, said := range [][]*clientv1.ClientMessage{
		{hello, acquire(&clientv1.Acquire{Id: 1, Lock: "a", Mode: wait}), ping, release},
		{hello, acquire(&clientv1.Acquire{Id: 1, Lock: "a", Mode: wait}), acquire(&clientv1.Acquire{Id: 2, Lock: "a", Mode: wait}), withdraw, release, release},
		{hello, acquire(&clientv1.Acquire{Id: 1, Lock: "a", Mode: try}), acquire(&clientv1.Acquire{Id: 1, Lock: "b", Mode: try}), ping, ping},
		{hello, acquire(&clientv1.Acquire{Id: 1, Lock: "a", Mode: wait, ResumeFence: 5}), acquire(&clientv1.Acquire{Lock: "a", Mode: 9}), acquire(&clientv1.Acquire{Id: 3})},
		{hello, acquire(&clientv1.Acquire{Id: 1, Lock: "a", Mode: wait, Limit: 2}), acquire(&clientv1.Acquire{Id: 2, Lock: "a", Mode: try, Limit: 2}),
			acquire(&clientv1.Acquire{Id: 3, Lock: "a", Mode: wait, Limit: 1<<32 - 1}), acquire(&clientv1.Acquire{Id: 4, Lock: "a", Mode: wait, Limit: 65536}), ping, release},
		{hello, acquire(&clientv1.Acquire{Id: 1, Lock: "a", Mode: wait, Limit: 1<<32 - 1}), acquire(&clientv1.Acquire{Id: 2, Lock: "a", Mode: wait, Limit: 1<<32 - 1}),
			acquire(&clientv1.Acquire{Id: 3, Lock: "a", Mode: wait}), withdraw, release, release},
		{hello, acquire(&clientv1.Acquire{Id: 1, Lock: "a", Mode: wait}), say(1, "here"), say(1, "again"), say(2, ""), release, say(3, "late")},
		{hello, run(1, 7, false), endRun(7), endRun(7), run(2, 7, true), run(3, 6, false), run(4, 1<<62, false), run(5, 8, true), endRun(9)},
		{hello, kept(1, "o", false), kept(2, "", true), release, ping, kept(3, "o", true)},
		{hello, hello},
		{ping},
		{{}},
	} {
		f.Add(write(said...), uint16(0))
		f.Add(write(said...), uint16(700))
	}
	f.Fuzz(func(t *testing.T, wire []byte, pause uint16) {
		messages := read(wire)
		if len(messages) == 0 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			n := startNode(t)
			defer n.stop()
			st := &spoken{ctx: t.Context(), messages: messages, atOnce: 1 + int(pause)%3, pause: time.Duration(pause) * time.Millisecond}
			_ = n.service.Attach(st) // in peace, or for a reason
			time.Sleep(2 * testTTL)  // by when what it held is free
			honest := n.attach(2)
			for i, m := range messages {
				id, lock := uint64(i+1), lockOf(m)
				if checkLock(lock) != nil {
					continue
				}
				if whole, _ := n.service.state(t.Context(), n.service.members(), lock); whole.GetKept() != nil {
					if _, err := n.api.Break(t.Context(), &clientv1.BreakRequest{Lock: lock, Fence: whole.GetKept().GetFence(), Reason: "kept"}); err != nil {
						t.Fatal(err)
					}
				}
				if got := honest.release(id, lock, honest.lock(id, lock).GetFence()); got != clientv1.Released_OUTCOME_RELEASED {
					t.Errorf("release of %q: %v", lock, got)
				}
			}
			honest.end()
		})
	})
}

// lockOf is the lock that a client asks for.
func lockOf(m *clientv1.ClientMessage) string {
	switch {
	case m.GetAcquireRun() != nil:
		return m.GetAcquireRun().GetAcquire().GetLock()
	case m.GetAcquireKept() != nil:
		return m.GetAcquireKept().GetAcquire().GetLock()
	}
	return m.GetAcquire().GetLock()
}

// FuzzMerge: whatever the members say that they know of a lock, it can be put together,
// and no waiter is told of twice or left out.
func FuzzMerge(f *testing.F) {
	marshal := func(l *clientv1.LockStatus) []byte {
		wire, err := proto.Marshal(l)
		if err != nil {
			f.Fatal(err)
		}
		return wire
	}
	busy := partOf("a:1", "a1", "a2")
	busy.Holder = &clientv1.Holder{Member: "a:1", Fence: 7}
	busy.Token = &clientv1.TokenStatus{Member: "a:1", Queue: []string{"c:1", "nobody", "a:1"}}
	f.Add(marshal(busy), marshal(partOf("b:1", "b1")), marshal(&clientv1.LockStatus{}))
	f.Add([]byte{}, marshal(busy), marshal(busy))
	shared := holding(partOf("b:1", "b1"), &clientv1.Holder{Fence: 5, Limit: 3}, &clientv1.Holder{Fence: 6, Limit: 3})
	f.Add(marshal(shared), marshal(busy), marshal(shared))
	kept := partOf("c:1", "c1")
	kept.Kept, kept.Run = &clientv1.KeptHold{Fence: 8, InToken: true}, &clientv1.RunRecord{Tick: 5, State: 3}
	f.Add(marshal(kept), marshal(busy), marshal(&clientv1.LockStatus{Kept: &clientv1.KeptHold{Fence: 8, Over: true}, Run: &clientv1.RunRecord{}}))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		parts := make([]*clientv1.LockStatus, len(abc))
		waiters := 0
		for i, wire := range [][]byte{a, b, c} {
			part := new(clientv1.LockStatus)
			if proto.Unmarshal(wire, part) != nil {
				continue // the member did not answer
			}
			parts[i] = part
			waiters += len(part.GetWaiters())
		}
		whole := merge(abc, "cs", parts, []*clientv1.Missing{{Member: "c:1"}})
		if len(whole.GetHolders()) > 0 && whole.GetHolder() != whole.GetHolders()[0] {
			t.Errorf("holder %v; want the first of %v", whole.GetHolder(), whole.GetHolders())
		}
		if whole.GetKept().GetOver() {
			t.Errorf("a kept hold that is over: %v", whole.GetKept())
		}
		if len(whole.GetWaiters()) != waiters || whole.GetLock() != "cs" {
			t.Errorf("%d waiters of %q; want %d of cs", len(whole.GetWaiters()), whole.GetLock(), waiters)
		}
	})
}
