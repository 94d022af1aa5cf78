package sim

// source is a stream of random numbers that is cheap to seed (splitmix64).
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	x := uint64(*s)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below draws from 0 to n-1; 0 if n is not positive.
func (s *source) below(n int64) int64 {
	if n <= 0 {
		return 0
	}
	return int64(s.next() % uint64(n))
}

// between draws from low to high, both included.
func (s *source) between(low, high int64) int64 { return low + s.below(high-low+1) }

// chance is true in percent of 100 cases.
func (s *source) chance(percent int64) bool { return s.below(100) < percent }

// pick draws one of several.
func pick[T any](s *source, choices ...T) T { return choices[s.below(int64(len(choices)))] }
