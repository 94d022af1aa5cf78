package exclusion

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"conch/token"
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
	// Limit is the mode of the hold: how many may share the lock.
	Limit token.Limit
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
// The fence of a hold that is not shared differs from all others of its lock, so fences give
// the only possible order of the grants, but for holds that share: the intervals are right
// if, in that order, whoever was alone began after all before had ended, and whoever shared
// the lock began after all who were alone before; and if no more shared it at a time than
// their limit allows.
func Check(all []Interval) error {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Interval) int {
		return cmp.Or(cmp.Compare(a.Lock, b.Lock), cmp.Compare(a.Fence, b.Fence), cmp.Compare(a.From, b.From))
	})
	var errs []error
	var latest, alone *Interval // of this lock, those that ended last: of all, and of those that did not share it
	for i := range sorted {
		s := &sorted[i]
		if len(errs) >= maxErrors {
			return errors.Join(append(errs, errors.New("and perhaps more"))...)
		}
		if s.To < s.From {
			errs = append(errs, fmt.Errorf("%v: it ended before it began", s))
		}
		if i == 0 || sorted[i-1].Lock != s.Lock {
			latest, alone = nil, nil
		} else if before := &sorted[i-1]; before.Fence == s.Fence && (!before.shares() || !s.shares()) {
			errs = append(errs, fmt.Errorf("%v, and %v: the same fence twice", before, s))
		}
		earlier := latest
		if s.shares() {
			earlier = alone
		}
		switch {
		case earlier == nil || earlier.To < s.From || earlier.Fence == s.Fence:
		case s.To < earlier.From:
			errs = append(errs, fmt.Errorf("%v, and %v: the later one has the lower fence", earlier, s))
		default:
			errs = append(errs, fmt.Errorf("%v, and %v: two holders at a time", earlier, s))
		}
		if latest == nil || s.To > latest.To {
			latest = s
		}
		if !s.shares() && (alone == nil || s.To > alone.To) {
			alone = s
		}
	}
	return errors.Join(append(errs, checkPermits(sorted)...)...)
}

// shares reports whether the lock was not held alone.
func (s *Interval) shares() bool { return s.Limit != token.Exclusive }

// checkPermits counts those who share a lock at a time.
func checkPermits(all []Interval) (errs []error) {
	slices.SortFunc(all, func(a, b Interval) int {
		return cmp.Or(cmp.Compare(a.Lock, b.Lock), cmp.Compare(a.From, b.From))
	})
	var in []Interval // as the latest began
	for i, s := range all {
		if i > 0 && all[i-1].Lock != s.Lock {
			in = nil
		}
		if !s.shares() {
			continue
		}
		in = append(slices.DeleteFunc(in, func(o Interval) bool { return o.To < s.From }), s)
		if uint64(len(in)) > uint64(s.Limit) && len(errs) < maxErrors {
			errs = append(errs, fmt.Errorf("%v: %d share the lock at a time, more than %d", s, len(in), s.Limit))
		}
	}
	return errs
}
