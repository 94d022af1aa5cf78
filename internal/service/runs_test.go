package service

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// wantsRun asks for the run of a tick.
func (w *wire) wantsRun(id uint64, lock string, tick int64, skip bool) {
	w.t.Helper()
	w.send(&clientv1.AcquireRun{
		Acquire: &clientv1.Acquire{Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT},
		Run:     &clientv1.RunRequest{Tick: tick, AtMostOnce: skip},
	})
}

func (w *wire) endsRun(id uint64, lock string, fence uint64, tick int64) *clientv1.RunEnded {
	w.t.Helper()
	w.send(&clientv1.EndRun{
		Id: id, Lock: lock, Fence: fence, Run: &clientv1.RunRequest{Tick: tick}, ExitCode: 3, Text: "no", RanNs: int64(5 * time.Second),
	})
	m := w.next()
	if m.GetRunEnded().GetId() != id || m.GetRunEnded().GetFence() != fence {
		w.t.Fatalf("got %v; want RunEnded for %d, %d", m, id, fence)
	}
	return m.GetRunEnded()
}

// keeps asks for a kept hold.
func (w *wire) keeps(id uint64, lock, owner string, adopt bool) {
	w.t.Helper()
	w.send(&clientv1.AcquireKept{Acquire: &clientv1.Acquire{Id: id, Lock: lock, Mode: clientv1.Acquire_MODE_WAIT}, Owner: owner, Adopt: adopt})
}

// only has the node's rules be these.
func (n *node) only(lines string) {
	n.t.Helper()
	all, err := rules.Parse("test", lines)
	if err != nil {
		n.t.Fatal(err)
	}
	n.rules = all
}

func TestClientsRunATickOnce(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w, other := n.attach(1), n.attach(2)
		w.ping(1)
		tick := time.Now().Unix()
		w.wantsRun(1, "job", tick, false)
		g := w.granted(1)
		other.wantsRun(1, "job", tick, false)
		time.Sleep(testTTL / 4)
		if e := w.endsRun(1, "job", g.GetFence(), tick); e.GetOutcome() != clientv1.RunEnded_OUTCOME_NOTED {
			t.Errorf("the end of the run: %v", e)
		}
		r := other.next().GetRefused()
		if r.GetError().GetCode() != clientv1.Code_CODE_RAN || r.GetRun().GetTick() != tick || r.GetRun().GetClient().GetPid() != 1 ||
			r.GetRun().GetExitCode() != 3 || r.GetRun().GetText() != "no" || r.GetRun().GetMember() != "a:1" || r.GetRun().GetState() != clientv1.RunRecord_STATE_DONE {
			t.Errorf("the other is told %v", r)
		}
		if e := w.endsRun(9, "job", g.GetFence(), tick); e.GetOutcome() != clientv1.RunEnded_OUTCOME_NOTED {
			t.Errorf("the end of the run, again: %v", e)
		}
		if e := other.endsRun(9, "job", g.GetFence(), tick); e.GetOutcome() != clientv1.RunEnded_OUTCOME_LOST {
			t.Errorf("the end of the run, by another: %v", e)
		}
		list, err := n.api.ListRuns(t.Context(), &clientv1.ListRunsRequest{Lock: "job"})
		if err != nil || len(list.GetRuns()) != 1 || list.GetRuns()[0].GetTick() != tick || list.GetRuns()[0].GetEndedS() == 0 {
			t.Errorf("the runs are %v, %v", list, err)
		}
		list, err = n.api.ListRuns(t.Context(), &clientv1.ListRunsRequest{Lock: "other"})
		if err != nil || len(list.GetRuns()) != 0 {
			t.Errorf("the runs of another lock are %v, %v", list, err)
		}
		whole, _ := n.service.state(t.Context(), n.service.members(), "job")
		if whole.GetRun().GetTick() != tick {
			t.Errorf("the lock is shown as %v; want its run", whole)
		}
		w.end()
		other.end()
	})
}

// A request that makes no sense is refused, and the stream stays open.
func TestBadInputAboutNotes(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		fence := w.lock(1, "plain").GetFence()
		acquire := func(lock string) *clientv1.Acquire {
			return &clientv1.Acquire{Id: 2, Lock: lock, Mode: clientv1.Acquire_MODE_TRY}
		}
		now := time.Now().Unix()
		run := &clientv1.RunRequest{Tick: now}
		shared, resumed := acquire("x"), acquire("x")
		shared.Limit, resumed.ResumeFence = 1<<32-1, 5
		long := strings.Repeat("o", 129)
		for _, test := range []struct {
			m    any
			code clientv1.Code
		}{
			{&clientv1.AcquireRun{Acquire: acquire("x")}, clientv1.Code_CODE_INVALID_TICK},
			{&clientv1.AcquireRun{Acquire: acquire("x"), Run: &clientv1.RunRequest{Tick: -1}}, clientv1.Code_CODE_INVALID_TICK},
			{&clientv1.AcquireRun{Acquire: acquire("x"), Run: &clientv1.RunRequest{Tick: now + 2*24*60*60}}, clientv1.Code_CODE_INVALID_TICK},
			{&clientv1.AcquireRun{Acquire: acquire("x"), Run: &clientv1.RunRequest{Tick: now - 34*24*60*60}}, clientv1.Code_CODE_INVALID_TICK},
			{&clientv1.AcquireRun{Acquire: acquire("x"), Run: &clientv1.RunRequest{Tick: now, RememberS: -5}}, clientv1.Code_CODE_INVALID_TICK},
			{&clientv1.AcquireRun{Acquire: acquire(""), Run: run}, clientv1.Code_CODE_INVALID_NAME},
			{&clientv1.AcquireRun{Acquire: shared, Run: run}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.AcquireRun{Acquire: resumed, Run: run}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.AcquireRun{Acquire: &clientv1.Acquire{Id: 2, Lock: "x"}, Run: run}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.AcquireRun{Acquire: &clientv1.Acquire{Id: 1, Lock: "x", Mode: 1}, Run: run}, clientv1.Code_CODE_INVALID_ID},
			{&clientv1.AcquireKept{Acquire: acquire("x"), Owner: long}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.AcquireKept{Acquire: acquire("x"), Adopt: true}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.AcquireKept{Acquire: shared}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.EndRun{Lock: "x", Fence: 5}, clientv1.Code_CODE_INVALID_TICK},
			{&clientv1.EndRun{Lock: "x", Fence: 5, Run: &clientv1.RunRequest{Tick: now * 1000}}, clientv1.Code_CODE_INVALID_TICK},
			{&clientv1.EndRun{Lock: "x", Run: run}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.EndRun{Lock: "x", Fence: 1 << 63, Run: run}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.EndRun{Lock: "x", Fence: 5, Run: run, RanNs: -1}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.EndRun{Lock: "x", Fence: 5, Run: run, Text: strings.Repeat("t", 513)}, clientv1.Code_CODE_INVALID_FIELD},
			{&clientv1.EndRun{Fence: 5, Run: run}, clientv1.Code_CODE_INVALID_NAME},
			{&clientv1.EndRun{Id: 1, Lock: "plain", Fence: fence, Run: run}, clientv1.Code_CODE_INVALID_FIELD},
		} {
			w.send(test.m)
			m := w.next()
			got := m.GetRefused().GetError()
			if got == nil {
				got = m.GetRunEnded().GetError()
			}
			if got.GetCode() != test.code || got.GetMessage() == "" {
				t.Errorf("%v: %v; want %v", test.m, m, test.code)
			}
		}
		if got := w.release(1, "plain", fence); got != clientv1.Released_OUTCOME_RELEASED {
			t.Errorf("the hold did not go on: %v", got)
		}
		_, err := n.api.ListRuns(t.Context(), &clientv1.ListRunsRequest{})
		checkFault(t, err, clientv1.Code_CODE_INVALID_NAME, "empty")
		w.end()
	})
}

// Who may lock may run and keep; look shows runs; only who may break frees a kept hold.
func TestRulesOfRunsAndKeptHolds(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w := n.attach(1)
		tick := time.Now().Unix()
		w.wantsRun(1, "job", tick, true)
		fence := w.granted(1).GetFence()
		w.keeps(2, "deploy", "ops", false)
		kept := w.granted(2).GetFence()
		n.only("@anonymous look job\n@anonymous look deploy\n@anonymous share *\n")
		w.wantsRun(3, "job", tick, false)
		w.keeps(4, "job", "", false)
		for range 2 {
			if r := w.next().GetRefused(); r.GetError().GetCode() != clientv1.Code_CODE_FORBIDDEN {
				t.Errorf("one who may not lock: %v", r)
			}
		}
		if e := w.endsRun(1, "job", fence, tick); e.GetError().GetCode() != clientv1.Code_CODE_FORBIDDEN {
			t.Errorf("the end of a run by one who may not lock: %v", e)
		}
		if _, err := n.api.ListRuns(t.Context(), &clientv1.ListRunsRequest{Lock: "job"}); err != nil {
			t.Errorf("one who may look: %v", err)
		}
		w.end()
		time.Sleep(testTTL + time.Second)
		free := &clientv1.BreakRequest{Lock: "deploy", Fence: kept, Reason: "done"}
		_, err := n.api.Break(t.Context(), free)
		checkFault(t, err, clientv1.Code_CODE_FORBIDDEN, "break")
		n.only("@anonymous break deploy\n")
		if r, err := n.api.Break(t.Context(), free); err != nil || r.GetFreed().GetFence() != kept {
			t.Errorf("one who may break: %v, %v", r, err)
		}
		_, err = n.api.ListRuns(t.Context(), &clientv1.ListRunsRequest{Lock: "job"})
		checkFault(t, err, clientv1.Code_CODE_FORBIDDEN, "look")
	})
}

// A kept hold whose client has vanished is shown, bars the lock, and is broken by its fence.
func TestKeptHoldOfAVanishedClient(t *testing.T) {
	in(t, func(t *testing.T, n *node) {
		w, other := n.attach(1), n.attach(2)
		w.ping(1)
		w.keeps(1, "deploy", "ops", false)
		fence := w.granted(1).GetFence()
		part, _ := n.service.state(t.Context(), n.service.members(), "deploy")
		if h := part.GetHolder(); !h.GetKept() || h.GetOwner() != "ops" || part.GetKept() != nil {
			t.Errorf("while it is held it is shown as %v", part)
		}
		w.end()
		synctest.Wait() // the node has noted that
		for i := range 8 {
			time.Sleep(testTTL / 4)
			other.ping(int64(i + 1))
		}
		other.send(&clientv1.Acquire{Id: 1, Lock: "deploy", Mode: clientv1.Acquire_MODE_TRY})
		if r := other.next().GetRefused(); r.GetError().GetCode() != clientv1.Code_CODE_BUSY {
			t.Errorf("a try: %v", r)
		}
		other.send(&clientv1.Acquire{Id: 2, Lock: "deploy", Mode: clientv1.Acquire_MODE_WAIT})
		other.ping(100)
		part, _ = n.service.state(t.Context(), n.service.members(), "deploy")
		if k := part.GetKept(); k.GetFence() != fence || k.GetOwner() != "ops" || k.GetClient().GetUser() != "alice" || k.GetMember() != "a:1" || !k.GetInToken() || k.GetSinceS() == 0 {
			t.Errorf("it is shown as %v", part)
		}
		if o := part.GetObstacles(); len(o) == 0 || o[0].GetKind() != clientv1.Obstacle_KIND_KEPT {
			t.Errorf("the obstacles are %v", o)
		}
		status, err := n.api.Status(t.Context(), &clientv1.StatusRequest{})
		if s := status.GetStatuses()[0]; err != nil || !s.GetRemembers() || s.GetKept() != 1 || s.GetNotes() != 1 || s.GetMaxNotes() == 0 {
			t.Errorf("status: %v, %v", status, err)
		}
		for _, bad := range []*clientv1.BreakRequest{
			{Lock: "deploy", Fence: fence + 1, Reason: "x"},
			{Lock: "deploy", Fence: fence, Reason: "x", Pid: 99},
			{Lock: "deploy", Fence: fence, Reason: "x", Host: "elsewhere"},
		} {
			_, err := n.api.Break(t.Context(), bad)
			checkFault(t, err, clientv1.Code_CODE_WRONG_FENCE, "kept")
		}
		r, err := n.api.Break(t.Context(), &clientv1.BreakRequest{Lock: "deploy", Fence: fence, Reason: "x", Pid: 1, Host: "there"})
		if err != nil || r.GetFreed().GetOwner() != "ops" || r.GetHolder() != nil {
			t.Errorf("it is broken: %v, %v", r, err)
		}
		other.granted(2)
		_, err = n.api.Break(t.Context(), &clientv1.BreakRequest{Lock: "deploy", Fence: fence, Reason: "x"})
		checkFault(t, err, clientv1.Code_CODE_WRONG_FENCE, "")
		other.end()
	})
}

// What members remember of a lock is put together: what is over anywhere is over, and who
// holds the lock has a later hold than the kept one.
func TestNotesOfMembersAreMerged(t *testing.T) {
	kept := func(fence uint64, over, inToken bool) *clientv1.LockStatus {
		return &clientv1.LockStatus{Lock: "cs", Kept: &clientv1.KeptHold{Fence: fence, Over: over, InToken: inToken}}
	}
	ran := func(tick int64, state clientv1.RunRecord_State) *clientv1.LockStatus {
		return &clientv1.LockStatus{Lock: "cs", Run: &clientv1.RunRecord{Tick: tick, Fence: 1, State: state}}
	}
	held := func(fence uint64) *clientv1.LockStatus {
		return holding(partOf("c:1"), &clientv1.Holder{Fence: fence})
	}
	for name, test := range map[string]struct {
		parts   []*clientv1.LockStatus
		fence   uint64 // 0: none is kept
		inToken bool
	}{
		"nothing":                         {[]*clientv1.LockStatus{nil, {}, nil}, 0, false},
		"kept":                            {[]*clientv1.LockStatus{kept(5, false, false), nil, kept(4, true, false)}, 5, false},
		"kept, and in the token":          {[]*clientv1.LockStatus{kept(5, false, false), kept(5, false, true), nil}, 5, true},
		"over at one":                     {[]*clientv1.LockStatus{kept(5, false, true), kept(5, true, false), nil}, 0, false},
		"over, and a later one kept":      {[]*clientv1.LockStatus{kept(5, true, false), kept(6, false, false), nil}, 6, false},
		"held by its holder":              {[]*clientv1.LockStatus{kept(5, false, false), nil, held(5)}, 0, false},
		"held later by another":           {[]*clientv1.LockStatus{kept(5, false, false), nil, held(6)}, 0, false},
		"an old holder does not yet know": {[]*clientv1.LockStatus{kept(5, false, true), nil, held(4)}, 5, true},
	} {
		whole := merge(abc, "cs", test.parts, nil)
		if k := whole.GetKept(); k.GetFence() != test.fence || k.GetInToken() != test.inToken {
			t.Errorf("%s: %v; want the fence %d, in the token: %v", name, k, test.fence, test.inToken)
		}
	}
	done, begun := clientv1.RunRecord_STATE_DONE, clientv1.RunRecord_STATE_BEGUN
	if r := merge(abc, "cs", []*clientv1.LockStatus{ran(5, begun), ran(5, done), ran(4, done)}, nil).GetRun(); r.GetTick() != 5 || r.GetState() != done {
		t.Errorf("the run is %v", r)
	}
	var many []*clientv1.RunRecord
	for tick := range int64(80) {
		many = append(many, &clientv1.RunRecord{Tick: tick + 1, State: begun})
	}
	all := mergeRuns([][]*clientv1.RunRecord{many, nil, {{Tick: 80, State: done}, {Tick: 2, State: done}}})
	if len(all) != mostRuns || all[0].GetTick() != 31 || all[mostRuns-1].GetState() != done {
		t.Errorf("%d runs from %v to %v", len(all), all[0], all[len(all)-1])
	}
}

// A member that was away when a kept hold ended can be told so, by the fence that it shows; but
// not that a hold is over which somebody has.
func TestOutdatedKeptHold(t *testing.T) {
	kept := func(fence uint64, over bool) *clientv1.LockStatus {
		return &clientv1.LockStatus{Lock: "cs", Kept: &clientv1.KeptHold{Fence: fence, Over: over}}
	}
	for name, test := range map[string]struct {
		parts []*clientv1.LockStatus
		fence uint64 // 0: there is none
	}{
		"over elsewhere":           {[]*clientv1.LockStatus{kept(5, true), kept(5, false), nil}, 5},
		"a later one is over":      {[]*clientv1.LockStatus{kept(6, true), kept(5, false), nil}, 5},
		"held later by another":    {[]*clientv1.LockStatus{holding(partOf("a:1"), &clientv1.Holder{Fence: 6}), kept(5, false), nil}, 5},
		"held by its holder":       {[]*clientv1.LockStatus{holding(partOf("a:1"), &clientv1.Holder{Fence: 5}), kept(5, false), nil}, 0},
		"all know that it is over": {[]*clientv1.LockStatus{kept(5, true), kept(5, true), nil}, 0},
		"another fence":            {[]*clientv1.LockStatus{kept(5, true), kept(4, false), nil}, 0},
	} {
		if k := outdated(merge(abc, "cs", test.parts, nil), test.parts, 5); k.GetFence() != test.fence {
			t.Errorf("%s: %v; want the fence %d", name, k, test.fence)
		}
	}
}

// What is kept is shown, and not forgotten by those who watch, though nobody knows the lock.
func TestViewKeepsKeptHolds(t *testing.T) {
	v := newView(abc, "")
	told := 0
	tell := func(*clientv1.WatchResponse) error { told++; return nil }
	v.take(news{member: "a:1", part: &clientv1.LockStatus{Lock: "cs", Kept: &clientv1.KeptHold{Fence: 5}}})
	if err := v.tell(tell); err != nil || told != 1 || len(v.parts) != 1 {
		t.Errorf("told of %d, %d kept, %v", told, len(v.parts), err)
	}
	v.take(news{member: "a:1", part: &clientv1.LockStatus{Lock: "cs", Kept: &clientv1.KeptHold{Fence: 5, Over: true}}})
	if err := v.tell(tell); err != nil || told != 2 || len(v.parts) != 0 {
		t.Errorf("told of %d, %d kept, %v", told, len(v.parts), err)
	}
}

// Who watches a lock by name hears what each member remembers of it, though none knows it: that
// a kept hold is over, which a member that was away takes for kept, and the latest run.
func TestNamedViewHasWhatIsRemembered(t *testing.T) {
	v := newView(abc, "cs")
	var last *clientv1.LockStatus
	tell := func(r *clientv1.WatchResponse) error { last = r.GetLock(); return nil }
	for i, part := range []*clientv1.LockStatus{
		{Lock: "cs", Kept: &clientv1.KeptHold{Fence: 5, Over: true}},
		{Lock: "cs", Kept: &clientv1.KeptHold{Fence: 5}},
		{Lock: "cs", Run: &clientv1.RunRecord{Tick: 3, Fence: 4}},
	} {
		v.take(news{member: abc[i], part: part})
		if err := v.tell(tell); err != nil || last.GetKept() != nil {
			t.Errorf("told of %v, %v; want none kept", last, err)
		}
	}
	if last.GetRun().GetTick() != 3 {
		t.Errorf("told of %v; want the run of tick 3", last)
	}
}
