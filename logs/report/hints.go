package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"conch/logs"
)

// missing says what a hand-in needs and was not given.
func (b *builder) missing() []string {
	var lacks []string
	if len(b.Authors) == 0 {
		lacks = append(lacks, "The report names no author: add --author \"NAME\" to the command.")
	}
	if b.Repository == "" {
		lacks = append(lacks, "The report has no link to the repository: add --repository URL to the command.")
	}
	if b.crash != nil && !b.crash.foreign() && b.crash.crashed() == nil {
		lacks = append(lacks, "No node died in the run that --crash names: give the folder of a run in which one did, such as conch demo --kill --out FOLDER makes.")
	}
	for _, s := range b.runs() {
		if first := secondRun(s.run); first != nil {
			lacks = append(lacks, fmt.Sprintf("The files of appendix %d seem to be those of two runs, the second beginning with %s: all files before it end before it begins. Give the files of one run.", s.Number, first.Name))
		}
	}
	return lacks
}

// secondRun returns the first file of a second run of the same nodes; nil if there is none.
// Two runs of the same addresses cannot be at the same time, so the files of the one end
// before those of the other begin, each with the start of a process. Within one run the
// files of the nodes overlap, also where one node was started again with another file, or
// logs were rotated.
func secondRun(run *logs.Run) *logs.File {
	var files []*logs.File
	for _, f := range run.Files {
		if len(f.Events) > 0 {
			files = append(files, f)
		}
	}
	begin := func(f *logs.File) time.Time { return f.Events[0].Time }
	slices.SortFunc(files, func(x, y *logs.File) int { return cmp.Or(begin(x).Compare(begin(y)), cmp.Compare(x.Name, y.Name)) })
	var end time.Time
	for i, f := range files {
		starts := !slices.ContainsFunc(files[i:], func(f *logs.File) bool { return f.Events[0].Kind != logs.NodeStarted })
		if i > 0 && begin(f).After(end) && starts {
			return f
		}
		if last := f.Events[len(f.Events)-1].Time; last.After(end) {
			end = last
		}
	}
	return nil
}
