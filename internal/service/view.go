package service

import (
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	clientv1 "conch/proto/conch/client/v1"
)

const (
	// manyLocks is from how many locks on a view drops those that nobody uses.
	manyLocks = 10_000
	// maxViewed is how many locks the views of a node may have together. One with no
	// more than fairViewed is not ended for the sake of the others.
	maxViewed  = 1 << 17
	fairViewed = maxViewed / maxWatches
)

// viewed is how many locks the views of a node have.
type viewed struct {
	most, fair int64
	all        atomic.Int64
}

// change notes that a view has another number of locks than before. It says so if that is
// too many.
func (v *viewed) change(before, now int) *clientv1.Error {
	if all := v.all.Add(int64(now - before)); all <= v.most || int64(now) <= v.fair {
		return nil
	}
	return fault(clientv1.Code_CODE_TOO_MANY_CALLS,
		"this watch keeps track of %d locks, and all watches of this node may of %d together; watch a lock by name", now, v.most)
}

// view is what the members have told to one who watches.
type view struct {
	members []string
	only    string // the lock that is watched; empty: all are
	// parts are what each member knows of a lock, in member order.
	parts map[string][]*clientv1.LockStatus
	// ready: the member has told all that was there at first. errs: why it does not
	// answer.
	ready []bool
	errs  []error
	// changed are the locks that are to be told of.
	changed        map[string]struct{}
	missingChanged bool
}

func newView(members []string, only string) *view {
	v := &view{
		members: members,
		only:    only,
		parts:   make(map[string][]*clientv1.LockStatus),
		ready:   make([]bool, len(members)),
		errs:    make([]error, len(members)),
		changed: make(map[string]struct{}),
	}
	if only != "" {
		v.changed[only] = struct{}{} // to be told of, known or not
	}
	return v
}

// take takes what a member has told.
func (v *view) take(n news) {
	member := slices.Index(v.members, n.member)
	switch {
	case member < 0: // it was removed meanwhile
		return
	case n.err != nil:
		v.lose(member, n.err)
		return
	case v.errs[member] != nil:
		v.errs[member], v.missingChanged = nil, true
		v.changeAll()
	}
	if n.ready {
		v.ready[member] = true
	}
	if n.part != nil {
		v.set(n.part.GetLock(), member, n.part)
	}
}

// setMembers goes on with other members, and what those told that are still among them.
func (v *view) setMembers(members []string) {
	old := *v
	v.members, v.ready, v.errs = members, make([]bool, len(members)), make([]error, len(members))
	from := make([]int, len(members))
	for i, address := range members {
		if from[i] = slices.Index(old.members, address); from[i] >= 0 {
			v.ready[i], v.errs[i] = old.ready[from[i]], old.errs[from[i]]
		}
	}
	for lock, before := range old.parts {
		parts := make([]*clientv1.LockStatus, len(members))
		for i, f := range from {
			if f >= 0 {
				parts[i] = before[f]
			}
		}
		v.parts[lock] = parts
	}
	v.missingChanged = true
	v.changeAll()
}

// lose forgets what a member told that does not answer any more.
func (v *view) lose(member int, why error) {
	if v.errs[member] == nil {
		v.missingChanged = true
		v.changeAll()
	}
	v.errs[member], v.ready[member] = why, false
	for lock, parts := range v.parts {
		if parts[member] != nil {
			v.set(lock, member, nil)
		}
	}
}

// set notes what a member knows of a lock; nil is that it does not answer.
func (v *view) set(lock string, member int, part *clientv1.LockStatus) {
	parts := v.parts[lock]
	if parts == nil {
		parts = make([]*clientv1.LockStatus, len(v.members))
		v.parts[lock] = parts
	}
	if len(part.GetViews()) == 0 && part.GetKept() == nil && part.GetRun() == nil { // it knows nothing
		part = nil
	}
	parts[member] = part
	v.changed[lock] = struct{}{}
}

// changeAll has all locks told of again: who is missing is an obstacle to those who
// wait.
func (v *view) changeAll() {
	for lock := range v.parts {
		v.changed[lock] = struct{}{}
	}
}

// complete reports whether every member has told all, or does not answer.
func (v *view) complete() bool {
	for i := range v.members {
		if !v.ready[i] && v.errs[i] == nil {
			return false
		}
	}
	return true
}

var errLate = errors.New("it has not answered yet")

// giveUp counts those as missing who have not told all.
func (v *view) giveUp() {
	for i := range v.members {
		if !v.ready[i] && v.errs[i] == nil {
			v.errs[i] = errLate
		}
	}
}

// absent lists the members that do not answer.
func (v *view) absent() []*clientv1.Missing {
	var absent []*clientv1.Missing
	for i, err := range v.errs {
		if err != nil {
			absent = append(absent, missing(v.members[i], err))
		}
	}
	return absent
}

// used reports whether anybody holds a lock or waits for it, or a hold of it is kept.
func used(parts []*clientv1.LockStatus) bool {
	return slices.ContainsFunc(parts, func(p *clientv1.LockStatus) bool { return p.GetHolder() != nil || p.GetWaiting() > 0 || keeps(p) })
}

// anyKnows reports whether a member knows a lock, or a hold of it is kept. What else is
// remembered of it is of interest only to who watches it by name.
func anyKnows(parts []*clientv1.LockStatus) bool {
	return slices.ContainsFunc(parts, func(p *clientv1.LockStatus) bool { return len(p.GetViews()) > 0 || keeps(p) })
}

// tell tells of all locks that have changed, and, where all are watched, forgets those that
// nobody knows; where there are many, those that nobody uses as well. Of such a lock, the
// view then begins with what the members tell of it next.
func (v *view) tell(tell func(*clientv1.WatchResponse) error) error {
	absent := v.absent()
	for _, lock := range slices.Sorted(maps.Keys(v.changed)) {
		parts := v.parts[lock]
		r := &clientv1.WatchResponse{Lock: merge(v.members, lock, parts, absent), Missing: absent}
		if err := tell(r); err != nil {
			return err
		}
		if v.only == "" && (!anyKnows(parts) || len(v.parts) > manyLocks && !used(parts)) {
			delete(v.parts, lock)
		}
	}
	clear(v.changed)
	if v.missingChanged {
		v.missingChanged = false
		return tell(&clientv1.WatchResponse{Missing: absent})
	}
	return nil
}
