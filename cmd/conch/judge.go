package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"conch/internal/verify/processes"
	"conch/logs"
)

// judgeDemo shows what the logs of a demonstration prove, and one entry, and says
// where the files are. It fails unless the logs show all that is promised. The file that
// witnesses the critical sections counts too, unless its name is empty.
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
	if err := report.WriteTable(out); err != nil {
		return err
	}
	fmt.Fprint(out, "\nHow one of them got in, by the same logs\n\n")
	if err := logs.Explain(run, "", 0, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe files are in %s:\n", dir)
	fmt.Fprint(out, "  node*.log  what each node did, one JSON object a line\n")
	fmt.Fprint(out, "  cs.txt     who entered and left the critical section, by a file that all share\n")
	fmt.Fprint(out, "  state      what each node keeps from one start to the next\n\n")
	fmt.Fprint(out, "Look closer:\n")
	files := filepath.Join(dir, "node*.log")
	fmt.Fprintf(out, "  %s logs check %s --cs-file %s\n", os.Args[0], files, nodes.WitnessFile())
	fmt.Fprintf(out, "  %s logs merge %s\n", os.Args[0], files)
	fmt.Fprintf(out, "  %s logs explain %s --fence FENCE\n", os.Args[0], files)
	switch report.Verdict() {
	case logs.Violated:
		return errors.New("the logs show a violation, see above")
	case logs.Insufficient:
		return &exitError{code: exitInsufficient, err: errors.New("the logs do not suffice for a verdict, see above")}
	}
	return nil
}

// hear judges the file that witnesses the critical sections.
func hear(report *logs.Report, run *logs.Run, witnessFile string) error {
	witness, err := os.Open(witnessFile)
	if err != nil {
		return err
	}
	defer witness.Close()
	return report.CheckCriticalSectionFile(run, witnessFile, witness)
}
