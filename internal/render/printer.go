package render

import (
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// A Printer writes answers. Each method writes one; Listed writes one lock of many. The
// errors are those of writing. A Printer is for one command: not for several goroutines,
// nor for two lists.
//
// missing names the members that did not answer. The answer about a lock is then
// incomplete, and each Printer says so.
type Printer interface {
	// Status describes the members, and the locks that kept holds bar.
	Status(answer *clientv1.StatusResponse, kept []*clientv1.LockStatus) error
	// Who describes a lock's holders.
	Who(lock *clientv1.LockStatus, missing []*clientv1.Missing) error
	// Why explains what a lock's waiters wait for.
	Why(lock *clientv1.LockStatus, missing []*clientv1.Missing) error
	// Listed describes the next lock in a list.
	Listed(lock *clientv1.LockStatus, missing []*clientv1.Missing) error
	// ListEnd ends a list, which may be empty.
	ListEnd(missing []*clientv1.Missing) error
	// Changed describes a change, with its time.
	Changed(at time.Time, change *Change) error
	// Broken describes the broken holds of a lock.
	Broken(lock string, holders []*clientv1.Holder) error
	// Freed describes a kept hold that is over because somebody freed it.
	Freed(lock string, hold *clientv1.KeptHold) error
	// Runs describes the runs of a lock.
	Runs(lock string, runs []*clientv1.RunRecord) error
	// Permits describes how many may hold a lock at once, and who holds it.
	Permits(lock *clientv1.LockStatus, missing []*clientv1.Missing) error
	// LimitSet says that a lock has another limit.
	LimitSet(lock string, limit uint32) error
	// Leader describes who leads; nil is nobody.
	Leader(lock string, leader *clientv1.Leader) error
	// LeaderChanged describes who leads after a change, with its time.
	LeaderChanged(at time.Time, lock string, leader *clientv1.Leader) error
	// Drained describes the holders at a node that drains, or that takes requests again.
	Drained(answer *clientv1.DrainResponse) error
	// Members describes the members, and a change of them under way.
	Members(answer *clientv1.ShowMembersResponse) error
	// Planned describes what a change of the members means.
	Planned(plan *clientv1.ChangePlan) error
	// Stepped describes how far a change of the members is.
	Stepped(step *clientv1.ChangeMembersResponse) error
}

// IsIdle reports whether nobody holds the lock or waits for it, and no kept hold bars it, as
// far as is known.
func IsIdle(lock *clientv1.LockStatus) bool {
	return len(Holders(lock)) == 0 && lock.GetWaiting() == 0 && lock.GetKept() == nil
}

// Unanswered says in one line which member did not answer, and why.
func Unanswered(m *clientv1.Missing) string {
	if m.GetReason() == "" {
		return Plain(m.GetMember()) + " did not answer"
	}
	return Plain(m.GetMember()) + " did not answer: " + Plain(m.GetReason())
}
