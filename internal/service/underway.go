package service

import (
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// The bounds on calls that go on for long: in all, and for each caller. A node asks each
// other one as often as it is asked itself, and all over one connection; so together
// these are below what a connection carries (conch.maxStreams).
const (
	maxWatches       = 64
	watchesPerCaller = 16
	maxLists         = 16
	listsPerCaller   = 4

	maxObservers       = 256
	observersPerCaller = 64
)

// underWay are calls of one kind that are under way. Those of members are not among them:
// they are bounded where a member is asked.
type underWay struct {
	what         string
	most, ofEach int

	mu       sync.Mutex
	all      int
	byCaller map[string]int
}

func newUnderWay(what string, most, ofEach int) underWay {
	return underWay{what: what, most: most, ofEach: ofEach, byCaller: make(map[string]int)}
}

// begin counts a call in, if there is room for it.
func (u *underWay) begin(who rules.Identity) (end func(), f *clientv1.Error) {
	if who.Kind == rules.Member {
		return func() {}, nil
	}
	caller := who.String()
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.byCaller[caller] >= u.ofEach:
		return nil, fault(clientv1.Code_CODE_TOO_MANY_CALLS, "%s has %d %s under way, and may have no more", caller, u.ofEach, u.what)
	case u.all >= u.most:
		return nil, fault(clientv1.Code_CODE_TOO_MANY_CALLS, "%d %s are under way at this node, and there may be no more; try another node", u.most, u.what)
	}
	u.all++
	u.byCaller[caller]++
	return func() { u.end(caller) }, nil
}

func (u *underWay) end(caller string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all--
	if u.byCaller[caller]--; u.byCaller[caller] == 0 {
		delete(u.byCaller, caller)
	}
}

// readPatience is how long a client may take to read a message of an answer.
const readPatience = 30 * time.Second

// errNotRead ends what a client asks for and does not read.
var errNotRead = asStatus(fault(clientv1.Code_CODE_NOT_READ, "the client does not read what it is sent"))

// whileRead has an answer told until that is done, or a message of it is not read for too
// long. Only the call's end, which is whileRead's return, frees a sender that waits; so
// it runs in a goroutine of its own.
func whileRead[M any](s *Service, rpc grpc.ServerStreamingServer[M], tell func(send func(*M) error) error) error {
	unread := time.NewTimer(readPatience)
	defer unread.Stop()
	unread.Stop()
	told := make(chan error, 1)
	telling := func() {
		told <- tell(func(m *M) error {
			unread.Reset(readPatience)
			defer unread.Stop()
			return rpc.Send(m)
		})
	}
	if !s.start(telling) {
		return errLeaving
	}
	select {
	case err := <-told:
		if s.life.Err() != nil {
			return errLeaving
		}
		return err
	case <-unread.C:
		return errNotRead
	case <-s.life.Done():
		return errLeaving
	case <-rpc.Context().Done():
		return status.FromContextError(rpc.Context().Err()).Err()
	}
}
