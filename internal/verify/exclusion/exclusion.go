package exclusion

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Interval is the time in which a holder certainly held a lock.
type Interval struct {
	Lock   string
	Fence  uint64
	Holder string
	// From and To are the first and the last moment at which the holder certainly
	// believed that it held the lock, in nanoseconds of a clock that all holders share.
	From, To int64
	// Story says how the hold began and ended, for people.
	Story string
}

func (s Interval) String() string {
	text := fmt.Sprintf("%s with fence %d held %q from %d to %d", s.Holder, s.Fence, s.Lock, s.From, s.To)
	if s.Story != "" {
		text += " (" + s.Story + ")"
	}
	return text
}

// maxErrors bounds the violations that Check reports.
const maxErrors = 10

// Check returns an error that names the violations in a whole run, nil if there are none.
// The fences of a lock are all different, so they give the only possible order of the
// grants: the intervals are right if, in that order, each begins after the one before has
// ended.
func Check(all []Interval) error {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Interval) int {
		return cmp.Or(cmp.Compare(a.Lock, b.Lock), cmp.Compare(a.Fence, b.Fence), cmp.Compare(a.From, b.From))
	})
	var errs []error
	var latest Interval // of this lock: the one that ended last
	for i, s := range sorted {
		if len(errs) == maxErrors {
			return errors.Join(append(errs, errors.New("and perhaps more"))...)
		}
		if s.To < s.From {
			errs = append(errs, fmt.Errorf("%v: it ended before it began", s))
		}
		if i == 0 || sorted[i-1].Lock != s.Lock {
			latest = s
			continue
		}
		switch before := sorted[i-1]; {
		case before.Fence == s.Fence:
			errs = append(errs, fmt.Errorf("%v, and %v: the same fence twice", before, s))
		case s.To < latest.From:
			errs = append(errs, fmt.Errorf("%v, and %v: the later one has the lower fence", latest, s))
		case s.From <= latest.To:
			errs = append(errs, fmt.Errorf("%v, and %v: two holders at a time", latest, s))
		}
		if s.To > latest.To {
			latest = s
		}
	}
	return errors.Join(errs...)
}
