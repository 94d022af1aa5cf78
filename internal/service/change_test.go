package service

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// cluster is the one of all memberships here.
var cluster = token.Cluster{15: 1}

// disk is that of the member with an ID.
func disk(id byte) token.Disk { return token.Disk{0: 0xd, 15: id} }

// listed makes a list of the members with some IDs, at a:1, b:1 and so on.
func listed(ids ...byte) []token.Listed {
	var list []token.Listed
	for _, id := range ids {
		list = append(list, token.Listed{ID: token.Member(id), Address: string('a'+rune(id)) + ":1", Disk: disk(id)})
	}
	return list
}

// stable is a stable membership of some IDs, and joint one to those of next.
func stable(ids ...byte) *token.Membership {
	return &token.Membership{Cluster: cluster, Members: listed(ids...), IDs: 9}
}

func joint(from *token.Membership, next ...byte) *token.Membership {
	m := *from
	m.Version, m.Next = from.Version+1, listed(next...)
	return &m
}

// knows is what a:1 knows of a membership, of which it hears some members.
func knows(m *token.Membership, heard ...byte) broadcast.MembershipStatus {
	st := broadcast.MembershipStatus{View: token.MembershipView{Membership: m}, Heard: make([]bool, 9)}
	for _, id := range heard {
		st.Heard[id] = true
	}
	return st
}

// fakeMembership is a driver's part that knows the members and changes them.
type fakeMembership struct {
	mu        sync.Mutex
	st        broadcast.MembershipStatus
	err       error
	shown     map[string]broadcast.NodeShown
	next      *token.Membership
	planErr   error
	changeErr error
	changes   []token.ChangeRequest
	by        broadcast.Caller // who asked for the last
}

func (f *fakeMembership) Membership(context.Context) (broadcast.MembershipStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.st, f.err
}

func (f *fakeMembership) PlanChange(context.Context, token.ChangeRequest) (*token.Membership, error) {
	return f.next, f.planErr
}

func (f *fakeMembership) Change(_ context.Context, change token.ChangeRequest, by broadcast.Caller) (*token.Membership, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes, f.by = append(f.changes, change), by
	return f.next, f.changeErr
}

func (f *fakeMembership) ShowNode(_ context.Context, address string) (broadcast.NodeShown, error) {
	n, there := f.shown[address]
	n.Address = cmp.Or(n.Address, address)
	if !there {
		return n, errors.New("connection refused")
	}
	return n, nil
}

func (f *fakeMembership) set(change func(*fakeMembership)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// joining is what a process shows that waits to be added.
func joining(id byte) broadcast.NodeShown {
	return broadcast.NodeShown{Version: broadcast.ProtocolVersion, TTL: testTTL, Disk: disk(id), Stage: peerv1.Stage_STAGE_JOINING}
}

func TestWhyAChangeIsRefused(t *testing.T) {
	other := &token.Membership{Cluster: token.Cluster{15: 2}, Members: listed(3), IDs: 9}
	ours := stable(0, 1, 2)
	with := func(change func(*broadcast.NodeShown)) map[string]broadcast.NodeShown {
		n := joining(3)
		change(&n)
		return map[string]broadcast.NodeShown{"d:1": n}
	}
	joins := with(func(*broadcast.NodeShown) {})
	add := &clientv1.ChangeMembersRequest{Add: []string{"d:1"}}
	quiet := knows(ours, 1, 2)
	for name, test := range map[string]struct {
		st      broadcast.MembershipStatus
		request *clientv1.ChangeMembersRequest
		shown   map[string]broadcast.NodeShown
		next    *token.Membership
		planErr error
		code    clientv1.Code
		says    string
	}{
		"nothing": {st: quiet, request: &clientv1.ChangeMembersRequest{}, code: clientv1.Code_CODE_INVALID_FIELD, says: "adds nobody and removes nobody"},
		"no address": {st: quiet, request: &clientv1.ChangeMembersRequest{Add: []string{"d"}},
			code: clientv1.Code_CODE_INVALID_FIELD, says: "ChangeMembersRequest.add: bad address"},
		"twice": {st: quiet, request: &clientv1.ChangeMembersRequest{Remove: []string{"b:1", "B:1"}},
			code: clientv1.Code_CODE_INVALID_FIELD, says: "ChangeMembersRequest.remove: b:1 stands in it twice"},
		"unknown member": {st: quiet, request: &clientv1.ChangeMembersRequest{Remove: []string{"x:1"}},
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "x:1 is not a member; the members are a:1, b:1, c:1"},
		"all members": {st: quiet, request: &clientv1.ChangeMembersRequest{Remove: []string{"a:1", "b:1", "c:1"}},
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "nobody would be left"},
		"a member already": {st: quiet, request: &clientv1.ChangeMembersRequest{Add: []string{"b:1"}},
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "b:1 is a member already; to replace its disk, write: conch members replace b:1 b:1"},
		"the listed disk": {st: quiet, request: &clientv1.ChangeMembersRequest{Add: []string{"b:1"}, Remove: []string{"b:1"}},
			shown: map[string]broadcast.NodeShown{"b:1": joining(1)},
			code:  clientv1.Code_CODE_CANNOT_CHANGE, says: "the process at b:1 has the disk that the list has for it"},
		"not running": {st: quiet, request: add, code: clientv1.Code_CODE_CANNOT_CHANGE,
			says: "d:1 does not answer: connection refused; start it with an empty data directory: conch node --listen d:1 --join a:1"},
		"another version": {st: quiet, request: add, shown: with(func(n *broadcast.NodeShown) { n.Version = 1 }),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "d:1 is of another version: it speaks version 1"},
		"another name": {st: quiet, request: add, shown: with(func(n *broadcast.NodeShown) { n.Address = "\x1b:1" }),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: `the node at d:1 calls itself "\x1b:1"`},
		"another time to live": {st: quiet, request: add, shown: with(func(n *broadcast.NodeShown) { n.TTL = time.Minute }),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "d:1 has the session time to live 1m0s, and the cluster 2s: start it with --session-ttl 2s"},
		"no disk": {st: quiet, request: add, shown: with(func(n *broadcast.NodeShown) { n.Disk = token.Disk{} }),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "d:1 has no data directory"},
		"a member's disk": {st: quiet, request: add, shown: with(func(n *broadcast.NodeShown) { n.Disk = disk(1) }),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "d:1 and b:1 are the same node"},
		"two names": {st: quiet, request: &clientv1.ChangeMembersRequest{Add: []string{"d:1", "e:1"}},
			shown: map[string]broadcast.NodeShown{"d:1": joining(3), "e:1": joining(3)},
			code:  clientv1.Code_CODE_CANNOT_CHANGE, says: "d:1 and e:1 are the same node"},
		"another cluster": {st: quiet, request: add, shown: with(func(n *broadcast.NodeShown) { n.Membership = other }),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "d:1 is a member of another cluster, 00000000000000000000000000000002"},
		"not waiting": {st: quiet, request: add, shown: with(func(n *broadcast.NodeShown) { n.Stage = peerv1.Stage_STAGE_RUNNING }),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "d:1 runs, but does not wait to be added: stop it, and start it"},
		"under way": {st: knows(joint(ours, 0, 1, 2, 4), 1, 2), request: add, shown: joins,
			code: clientv1.Code_CODE_CHANGING, says: "another change of the members came first: from a:1, b:1, c:1 to a:1, b:1, c:1, e:1"},
		"chosen just now":  {st: quiet, request: add, shown: joins, planErr: token.ErrChanging, code: clientv1.Code_CODE_CHANGING, says: "came first: they are a:1, b:1, c:1 now"},
		"no session since": {st: quiet, request: add, shown: joins, planErr: token.ErrOutside, code: clientv1.Code_CODE_CANNOT_CHANGE, says: "ask another"},
		"the core refuses": {st: quiet, request: add, shown: joins, planErr: token.ErrTooMany, code: clientv1.Code_CODE_CANNOT_CHANGE, says: "too many members"},
		"never":            {st: knows(token.NewMembership([]string{"", ""})), request: add, shown: joins, code: clientv1.Code_CODE_CANNOT_CHANGE, says: "this node has no data directory"},
		"not born": {
			st: broadcast.MembershipStatus{View: token.MembershipView{
				Membership: token.NewMembership([]string{"a:1", "b:1"}), Waits: true, Unseen: []token.Member{1},
			}},
			request: add, shown: joins, code: clientv1.Code_CODE_CANNOT_CHANGE, says: "not all members have shown their disks yet: b:1 not"},
		"no quorum of the list": {st: knows(ours), request: add, shown: joins, next: joint(ours, 0, 1, 2, 3),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "this node hears 1 of the 3 members, and the change needs 2 (not heard: b:1, c:1)"},
		"no quorum of the new list": {st: knows(stable(0, 1, 2, 3, 4), 1, 2), request: &clientv1.ChangeMembersRequest{Remove: []string{"b:1", "c:1"}},
			next: joint(stable(0, 1, 2, 3, 4), 0, 3, 4),
			code: clientv1.Code_CODE_CANNOT_CHANGE, says: "the change would stop the cluster: of the 3 new members 1 are there, and a quorum is 2 (not heard: d:1, e:1)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeMembership{st: test.st, shown: test.shown, next: test.next, planErr: test.planErr}
				n := startNodeWith(t, fake)
				defer n.stop()
				n.mayChange()
				for _, plan := range []bool{true, false} {
					test.request.Plan = plan
					rpc, err := n.api.ChangeMembers(t.Context(), test.request)
					if err != nil {
						t.Fatal(err)
					}
					checkFault(t, endOf(rpc.Recv), test.code, test.says)
				}
				if len(fake.changes) > 0 {
					t.Errorf("refused, and changed: %v", fake.changes)
				}
			})
		})
	}
}

// mayChange lets the tests' clients change the members.
func (n *node) mayChange() {
	n.t.Helper()
	all, err := rules.Parse("test", "@anonymous lock,members *\n")
	if err != nil {
		n.t.Fatal(err)
	}
	n.rules = all
}

func TestWhatAChangeMeans(t *testing.T) {
	for name, test := range map[string]struct {
		st   broadcast.MembershipStatus
		next []byte
		want []string // of the warnings, how they begin
	}{
		"three to five":              {knows(stable(0, 1, 2), 1, 2), []byte{0, 1, 2, 3, 4}, nil},
		"one to three":               {knows(stable(0)), []byte{0, 1, 2}, nil},
		"three to four":              {knows(stable(0, 1, 2), 1, 2), []byte{0, 1, 2, 3}, []string{"4 members survive as many crashes as 3."}},
		"one to two":                 {knows(stable(0)), []byte{0, 1}, []string{"2 members survive no crash: three", "During the change 2 of the 2 new"}},
		"two to one, of the other":   {knows(stable(0, 1), 1), []byte{1}, []string{"1 member survives no crash", "During the change 2 of the 2 present", "The change removes the member that answers"}},
		"a dead member is replaced":  {knows(stable(0, 1, 2), 1), []byte{0, 1, 3}, []string{"During the change 2 of the 3 present members must be up", "Not heard: c:1. The change is complete only when a quorum of both lists takes it for dead"}},
		"another member is replaced": {knows(stable(0, 1, 2), 1), []byte{0, 2, 3}, []string{"After this change the cluster survives no crash: 2 of the 3", "During the change 2 of the 3 present", "During the change 2 of the 3 new", "Not heard: c:1."}},
	} {
		t.Run(name, func(t *testing.T) {
			next := joint(test.st.View.Membership, test.next...)
			plan, f := planOf(&test.st, next)
			if f != nil {
				t.Fatalf("refused: %v", f)
			}
			if !slices.Equal(plan.GetBefore(), addressesOf(next.Members)) || !slices.Equal(plan.GetAfter(), addressesOf(next.Next)) ||
				int(plan.GetQuorumBefore()) != len(next.Members)/2+1 || int(plan.GetQuorumAfter()) != len(next.Next)/2+1 {
				t.Errorf("plan %v", plan)
			}
			same := len(plan.GetWarnings()) == len(test.want)
			for i := 0; same && i < len(test.want); i++ {
				same = strings.HasPrefix(plan.GetWarnings()[i], test.want[i])
			}
			if !same {
				t.Errorf("warnings %q; want %q", plan.GetWarnings(), test.want)
			}
		})
	}
}

// A change is told of step by step, until all members go by the new list.
func TestAChangeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := stable(0)
		to := joint(from, 0, 1, 2)
		fake := &fakeMembership{st: knows(from), next: to, shown: map[string]broadcast.NodeShown{"b:1": joining(1), "c:1": joining(2)}}
		n := startNodeWith(t, fake)
		defer n.stop()
		n.mayChange()
		request := &clientv1.ChangeMembersRequest{
			Add: []string{"b:1", "c:1"}, Plan: true, Caller: &clientv1.Client{User: "ann", Host: "desk", Pid: 7, Identity: "CN=root"},
		}
		rpc, err := n.api.ChangeMembers(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := rpc.Recv(); err != nil || len(r.GetPlan().GetAfter()) != 3 {
			t.Errorf("got %v, %v; want the plan", r, err)
		}
		if r, err := rpc.Recv(); !errors.Is(err, io.EOF) || len(fake.changes) > 0 {
			t.Errorf("got %v, %v, and %d changes; want the end, and nothing changed", r, err, len(fake.changes))
		}

		request.Plan = false
		if rpc, err = n.api.ChangeMembers(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		step := func() *clientv1.ChangeMembersResponse {
			t.Helper()
			r, err := rpc.Recv()
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := step(); r.GetPlan() == nil || r.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_UNSPECIFIED {
			t.Errorf("first %v; want the plan", r)
		}
		if r := step(); r.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_CHOOSING {
			t.Errorf("then %v; want CHOOSING", r)
		}
		if r := step(); r.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_JOINT || !slices.Equal(r.GetAwaited(), []string{"a:1", "b:1", "c:1"}) {
			t.Errorf("then %v; want JOINT, and all awaited", r)
		}
		fake.set(func(f *fakeMembership) { f.st.View.Membership, f.st.View.Awaited = to, []token.Member{2} })
		if r := step(); r.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_JOINT || !slices.Equal(r.GetAwaited(), []string{"c:1"}) {
			t.Errorf("then %v; want JOINT, and c:1 awaited", r)
		}
		fake.set(func(f *fakeMembership) {
			f.st.View.Membership = &token.Membership{Version: 2, Cluster: cluster, Members: to.Next, IDs: 9}
		})
		if r := step(); r.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_COMPLETE || !slices.Equal(r.GetMembers(), []string{"a:1", "b:1", "c:1"}) {
			t.Errorf("last %v; want COMPLETE, and the members", r)
		}
		if r, err := rpc.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, %v; want the end", r, err)
		}
		want := []token.Listed{{Address: "b:1", Disk: disk(1)}, {Address: "c:1", Disk: disk(2)}}
		if len(fake.changes) != 1 || !slices.Equal(fake.changes[0].Add, want) || fake.changes[0].Remove != nil {
			t.Errorf("changes %v; want the two with the disks that they showed", fake.changes)
		}
		if got := fake.by.String(); got != "ann@desk, process 7" { // this node knows of no identity
			t.Errorf("the change is asked for by %q; want ann", got)
		}
	})
}

// Who asks for a change that is under way is told how far it is, as the first one is.
func TestAChangeIsAskedForAgain(t *testing.T) {
	from := stable(0, 1, 2)
	for name, test := range map[string]struct {
		next    []byte
		request *clientv1.ChangeMembersRequest
		same    bool
	}{
		"add":                   {[]byte{0, 1, 2, 3}, &clientv1.ChangeMembersRequest{Add: []string{"d:1"}}, true},
		"remove":                {[]byte{0, 1}, &clientv1.ChangeMembersRequest{Remove: []string{"c:1"}}, true},
		"replace":               {[]byte{0, 1, 3}, &clientv1.ChangeMembersRequest{Add: []string{"d:1"}, Remove: []string{"c:1"}}, true},
		"another is added":      {[]byte{0, 1, 2, 4}, &clientv1.ChangeMembersRequest{Add: []string{"d:1"}}, false},
		"more are added":        {[]byte{0, 1, 2, 3, 4}, &clientv1.ChangeMembersRequest{Add: []string{"d:1"}}, false},
		"another leaves":        {[]byte{0, 2}, &clientv1.ChangeMembersRequest{Remove: []string{"c:1"}}, false},
		"one leaves, too":       {[]byte{0, 1, 3}, &clientv1.ChangeMembersRequest{Add: []string{"d:1"}}, false},
		"a disk of another one": {[]byte{0, 1, 2}, &clientv1.ChangeMembersRequest{Add: []string{"c:1"}, Remove: []string{"c:1"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := joint(from, test.next...)
				fake := &fakeMembership{st: knows(m, 1, 2)}
				fake.st.View.Awaited = []token.Member{1}
				n := startNodeWith(t, fake)
				defer n.stop()
				n.mayChange()
				rpc, err := n.api.ChangeMembers(t.Context(), test.request)
				if err != nil {
					t.Fatal(err)
				}
				first, err := rpc.Recv()
				if !test.same {
					checkFault(t, err, clientv1.Code_CODE_CHANGING, "another change of the members came first: from a:1, b:1, c:1")
					return
				}
				if err != nil || !slices.Equal(first.GetPlan().GetAfter(), addressesOf(m.Next)) {
					t.Fatalf("got %v, %v; want the plan", first, err)
				}
				if r, err := rpc.Recv(); err != nil || r.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_JOINT || !slices.Equal(r.GetAwaited(), []string{"b:1"}) {
					t.Fatalf("got %v, %v; want JOINT, and b:1 awaited", r, err)
				}
				fake.set(func(f *fakeMembership) {
					f.st.View.Membership = &token.Membership{Version: m.Version + 1, Cluster: cluster, Members: m.Next, IDs: 9}
				})
				if r, err := rpc.Recv(); err != nil || r.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_COMPLETE {
					t.Errorf("got %v, %v; want COMPLETE", r, err)
				}
				if len(fake.changes) > 0 {
					t.Errorf("asked the members for %v", fake.changes)
				}
			})
		})
	}
}

// What comes of a change that this node does not bring about.
func TestOutcomesOfAChange(t *testing.T) {
	to := joint(stable(0), 0, 1)
	for name, test := range map[string]struct {
		err    error // of Change
		after  error // of Membership, once it is chosen
		code   clientv1.Code
		says   string
		status codes.Code
		first  *token.Membership // nil is to
	}{
		"another came first": {err: broadcast.ErrOtherChange, code: clientv1.Code_CODE_CHANGING, says: "came first: from a:1 to a:1, b:1", status: codes.Aborted},
		"another is complete": {err: broadcast.ErrOtherChange, first: stable(0, 2), code: clientv1.Code_CODE_CHANGING,
			says: "came first: they are a:1, c:1 now", status: codes.Aborted},
		"another began":      {err: token.ErrChanging, code: clientv1.Code_CODE_CHANGING, says: "came first: from a:1 to a:1, c:1", status: codes.Aborted},
		"the session lapsed": {err: token.ErrOutside, code: clientv1.Code_CODE_CANNOT_CHANGE, says: "this node has no session: it started less than --session-ttl ago, or does not reach a quorum of the members", status: codes.FailedPrecondition},
		"nobody knows":       {err: broadcast.ErrNotChosen, code: clientv1.Code_CODE_UNREACHABLE, says: "not known whether the members take the change; see 'conch members'", status: codes.Unavailable},
		"it fails later":     {after: broadcast.ErrStopped, code: clientv1.Code_CODE_UNREACHABLE, says: "the change goes on", status: codes.Unavailable},
		"it is removed":      {after: broadcast.ErrRemoved},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &fakeMembership{st: knows(stable(0)), next: to, changeErr: test.err}
			fake.st.View.Proposed = joint(stable(0), 0, 2)
			s := &Service{membership: fake}
			_, err := fake.Change(t.Context(), token.ChangeRequest{}, broadcast.Caller{})
			var last *clientv1.ChangeMembersResponse
			if err != nil {
				first := test.first
				if first == nil {
					first = to
				}
				err = s.outcome(t.Context(), first, err)
			} else {
				fake.err = test.after
				err = s.followChange(t.Context(), nil, to, func(r *clientv1.ChangeMembersResponse) error {
					last = r
					return nil
				})
			}
			if test.code == 0 {
				if err != nil || last.GetStage() != clientv1.ChangeStage_CHANGE_STAGE_COMPLETE {
					t.Errorf("%v, and last %v; want it complete", err, last)
				}
				return
			}
			checkFault(t, err, test.code, test.says)
			if status.Code(err) != test.status {
				t.Errorf("status %v; want %v", status.Code(err), test.status)
			}
		})
	}
}

// Who is not let change the members is told who is, and nothing is asked of anybody.
func TestWhoMayNotChangeTheMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t)
		defer n.stop()
		rpc, err := n.api.ChangeMembers(t.Context(), &clientv1.ChangeMembersRequest{Remove: []string{"a:1"}})
		if err != nil {
			t.Fatal(err)
		}
		checkFault(t, endOf(rpc.Recv), clientv1.Code_CODE_FORBIDDEN, "may not change the members: no line of test grants it; want one with members *")
	})
}

// A node tells how the members stand, and why they cannot be changed.
func TestMembersAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := joint(stable(0, 1), 0, 2)
		st := knows(to, 2)
		st.View.Joined, st.Since = []token.Member{2}, time.Minute
		n := startNodeWith(t, &fakeMembership{st: st})
		defer n.stop()
		synctest.Wait()
		r, err := n.api.ShowMembers(t.Context(), &clientv1.ShowMembersRequest{AskOthers: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.GetVersion() != 1 || r.GetCluster() != cluster.String() || r.GetSinceNs() != int64(time.Minute) ||
			r.GetFixed() != "a change is under way: from a:1, b:1 to a:1, c:1" {
			t.Errorf("shown %v", r)
		}
		want := []struct {
			standing      clientv1.Standing
			heard, joined bool
		}{
			{clientv1.Standing_STANDING_MEMBER, true, false},
			{clientv1.Standing_STANDING_LEAVING, false, false},
			{clientv1.Standing_STANDING_JOINING, true, true},
		}
		for i, m := range r.GetMembers() {
			if m.GetId() != uint32(i) || m.GetDisk() != disk(byte(i)).String() || m.GetStanding() != want[i].standing ||
				m.GetHeard() != want[i].heard || m.GetJoined() != want[i].joined || (m.GetSession() != 0) != (i == 0) {
				t.Errorf("member %v; want %v", m, want[i])
			}
		}
		s, err := n.api.Status(t.Context(), &clientv1.StatusRequest{})
		if err != nil || s.GetMembership().GetVersion() != 1 || len(s.GetMembership().GetMembers()) != 3 {
			t.Errorf("status %v, %v; want the membership in it", s, err)
		}
	})
}

// The service follows the members: whom it asks, what it tells of a lock, and what it tells
// its clients.
func TestTheServiceFollowsTheMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeMembership{st: knows(stable(0))}
		n := startNodeWith(t, fake)
		defer n.stop()
		w := n.open()
		w.send(&clientv1.Hello{Version: version, Incarnation: make([]byte, 16)})
		frame, err := w.rpc.Recv()
		if err != nil || !slices.Equal(frame.GetMembers(), []string{"a:1"}) {
			t.Fatalf("%v, %v; want the members beside Welcome", frame, err)
		}
		observed, err := n.api.Observe(t.Context(), &clientv1.ObserveRequest{Lock: "x", Heartbeats: true})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := observed.Recv(); err != nil || !slices.Equal(r.GetMembers(), []string{"a:1"}) {
			t.Errorf("%v, %v; want the members beside the first leader", r, err)
		}
		if r, err := observed.Recv(); err != nil || r.GetMembers() != nil {
			t.Errorf("%v, %v; want a heartbeat without the same members", r, err)
		}
		synctest.Wait()
		before := n.service.members()
		for _, m := range []*token.Membership{joint(stable(0), 0, 1, 2), {Version: 2, Cluster: cluster, Members: listed(0, 2), IDs: 9}} {
			fake.set(func(f *fakeMembership) { f.st.View.Membership = m })
			n.service.followMembers()
			<-before.replaced
			before = n.service.members()
			if frame, err = w.rpc.Recv(); err != nil || !slices.Equal(frame.GetMembers(), addressesOf(m.All())) || len(frame.GetMessages()) > 0 {
				t.Errorf("%v, %v; want the members alone", frame, err)
			}
			if r, err := observed.Recv(); err != nil || !r.GetUnchanged() || !slices.Equal(r.GetMembers(), addressesOf(m.All())) {
				t.Errorf("%v, %v; want a heartbeat with the members", r, err)
			}
		}
		r := n.service.members()
		if r.own() != "a:1" || r.quorum != 2 || r.peers[0] != nil || r.peers[1].address != "c:1" {
			t.Errorf("members %v, quorum %d", r.members, r.quorum)
		}
		if got := r.name(1); got != "b:1" {
			t.Errorf("the removed one is %q; want b:1", got)
		}
		if got := r.numbers([]token.Number{{Session: 1}, {Session: 2}, {Session: 3}}); len(got) != 2 || got[1].GetSession() != 3 {
			t.Errorf("numbers %v; want those of a:1 and c:1", got)
		}
		w.end()
	})
}

// What one watches goes on with other members.
func TestViewGoesOnWithOtherMembers(t *testing.T) {
	v := newView(abc, "")
	v.take(news{member: "a:1", part: partOf("a:1", "a1")})
	v.take(news{member: "c:1", part: partOf("c:1", "c1")})
	v.take(news{member: "b:1", err: errors.New("refused")})
	v.setMembers([]string{"a:1", "c:1", "d:1"})
	v.take(news{member: "b:1", part: partOf("b:1", "b1")}) // late
	v.take(news{member: "d:1", part: partOf("d:1", "d1")})
	var whole *clientv1.WatchResponse
	if err := v.tell(func(r *clientv1.WatchResponse) error {
		if r.GetLock() != nil {
			whole = r
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if whole.GetLock().GetWaiting() != 3 || len(whole.GetLock().GetViews()) != 3 || len(whole.GetMissing()) > 0 {
		t.Errorf("%v; want what a:1, c:1 and d:1 told, and nobody missing", whole)
	}
}
