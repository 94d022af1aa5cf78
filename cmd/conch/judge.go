package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"conch/internal/verify/processes"
	"conch/logs"
)

// judgeDemo shows what the logs of a demonstration prove, one entry, and where the files
// are. It fails unless the logs show all that is promised. The witness file of the critical
// sections counts too, unless its name is empty.
func judgeDemo(out io.Writer, nodes *processes.Cluster, witnessFile, dir string) error {
	run, err := logs.Open(nodes.LogFiles()...)
	if err != nil {
		return err
	}
	report := logs.Check(run)
	if witnessFile != "" {
		if err := hear(report, run, witnessFile); err != nil {
			return err
		}
	}
	fmt.Fprint(out, "\nWhat the logs show\n\n")
	if err := writeVerdicts(out, report); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if err := logs.Brief(run, "", 0, out); err != nil {
		return err
	}
	files := filepath.Join(dir, "node*.log")
	fmt.Fprintf(out, "\nThe files are in %s: node*.log is what each node logged, and cs.txt is what all wrote in the critical section.\n", dir)
	fmt.Fprint(out, "Look closer:\n")
	fmt.Fprintf(out, "  %s logs check %s --cs-file %s\n", os.Args[0], files, nodes.WitnessFile())
	fmt.Fprintf(out, "  %s logs explain %s\n", os.Args[0], files)
	fmt.Fprintf(out, "  %s report %s --out report.pdf\n", os.Args[0], files)
	switch report.Verdict() {
	case logs.Violated:
		return errors.New("the logs show a violation, see above")
	case logs.Insufficient:
		return &exitError{code: exitInsufficient, err: errors.New("the logs do not suffice for a verdict, see above")}
	}
	return nil
}

// writeVerdicts writes one line for each requirement, or all details of one that does not
// hold.
func writeVerdicts(out io.Writer, report *logs.Report) error {
	if report.Verdict() != logs.Holds {
		return report.WriteTable(out)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, q := range report.Requirements {
		fmt.Fprintf(table, "%s\t%s\t%s\n", strings.ToUpper(q.Verdict.String()), q.ID, q.Name)
	}
	return table.Flush()
}

// hear judges the witness file of the critical sections.
func hear(report *logs.Report, run *logs.Run, witnessFile string) error {
	witness, err := os.Open(witnessFile)
	if err != nil {
		return err
	}
	defer witness.Close()
	return report.CheckCriticalSectionFile(run, witnessFile, witness)
}
