package render

import (
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// A Printer writes answers. Each method writes one, but for Listed, which writes
// one lock of many. The errors are those of writing. A Printer is for one command:
// it is not for several goroutines, nor for two lists.
//
// The members that did not answer are given as missing. What is said of a lock is
// not the whole truth then, and each Printer says so.
type Printer interface {
	// Status tells of the members.
	Status(answer *clientv1.StatusResponse) error
	// Who tells who holds a lock.
	Who(lock *clientv1.LockStatus, missing []*clientv1.Missing) error
	// Why tells why those who wait for a lock do.
	Why(lock *clientv1.LockStatus, missing []*clientv1.Missing) error
	// Listed tells of the next lock in a list.
	Listed(lock *clientv1.LockStatus, missing []*clientv1.Missing) error
	// ListEnd ends a list, of none perhaps.
	ListEnd(missing []*clientv1.Missing) error
	// Changed tells what changed, and when.
	Changed(at time.Time, change *Change) error
	// Broken tells whose hold of a lock was ended.
	Broken(lock string, holder *clientv1.Holder) error
	// Drained tells who holds locks at a node that drains, or that takes requests again.
	Drained(answer *clientv1.DrainResponse) error
}

// IsIdle reports whether nobody holds the lock, and nobody waits for it, as far as
// is known.
func IsIdle(lock *clientv1.LockStatus) bool {
	return lock.GetHolder() == nil && lock.GetWaiting() == 0
}

// Unanswered says in one line that a member did not answer, and why.
func Unanswered(m *clientv1.Missing) string {
	if m.GetReason() == "" {
		return Plain(m.GetMember()) + " did not answer"
	}
	return Plain(m.GetMember()) + " did not answer: " + Plain(m.GetReason())
}
