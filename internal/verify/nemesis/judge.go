package nemesis

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"conch/logs"
)

// judge judges what the nodes wrote, after they have stopped.
func (o *trial) judge() error {
	run, err := logs.Open(o.cluster.LogFiles()...)
	if err != nil {
		return err
	}
	report := logs.Check(run)
	if o.sections.late == 0 { // see doc.go; package logs does not know of late lines
		file, err := os.Open(o.cluster.WitnessFile())
		if err != nil {
			return err
		}
		defer file.Close()
		if err := report.CheckCriticalSectionFile(run, o.cluster.WitnessFile(), file); err != nil {
			return err
		}
	}
	o.Log("%d lines in the shared file, %d of them late; %d entries in the logs, verdict %v", len(o.sections.lines), o.sections.late, report.Figures.Entries, report.Verdict())
	return errors.Join(o.sections.finish(), checkHistory(o.sections.lines), checkReport(report))
}

// checkReport fails if the logs show a violation, or do not suffice.
func checkReport(report *logs.Report) error {
	if report.Verdict() == logs.Holds {
		return nil
	}
	var table strings.Builder
	if err := report.WriteTable(&table); err != nil {
		return err
	}
	return fmt.Errorf("the logs do not show what was promised:\n%s", table.String())
}
