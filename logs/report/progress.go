package report

// Progress is told, now and then, how many lines of the appendices are set, and how
// many there are. It may be nil.
type Progress func(done, total int)

// progressStep is after how many lines Progress is told.
const progressStep = 10_000

// begin returns what counts a line.
func (p Progress) begin(total int) func() {
	done := 0
	return func() {
		done++
		if p != nil && (done%progressStep == 0 || done == total && total > progressStep) {
			p(done, total)
		}
	}
}
