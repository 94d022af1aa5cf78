package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"conch/logs"
	"conch/logs/draw"
	"conch/logs/report"
)

// reportFlags are the flags of conch report.
type reportFlags struct {
	out, repository string
	authors, crash  []string
}

func newReportCommand() *cobra.Command {
	var flags reportFlags
	cmd := &cobra.Command{
		Use:   "report FILE... --out REPORT",
		Short: "Make a report out of the logs of nodes",
		Long: `Makes one document of the logs of a run: the algorithm, told by the run's own lines;
diagrams; RN, LN and Q at the moments that matter; figures, beside those of other
algorithms; a verdict on each requirement; and, as an appendix, all lines, numbered.

The ending of --out says the format: .pdf, .md (its diagrams beside it, as .svg) or
.html. What happens when a node dies is told from the logs of the run itself if one died
there, or from those of a second run, whose folder --crash names; 'conch demo --kill'
makes such logs.

The exit codes are those of 'conch logs check'. A report is written in any case, and its
first page says what is wrong with the files.`,
		Example: `  conch report node*.log --out report.pdf
  conch report run/node*.log --crash kill --out report.html
  conch report node*.log --out report.pdf --repository https://example.org/conch --author "A. Student"`,
		Args:              logFiles,
		ValidArgsFunction: completeLogFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			if reportFormat(flags.out) == "" {
				return misuse(cmd, "--out: got %q, want a file that ends in .pdf, .md or .html", flags.out)
			}
			if err := checkShellPattern(cmd, files, flags.crash); err != nil {
				return err
			}
			return writeReport(cmd.ErrOrStderr(), files, flags)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&flags.out, "out", "", "write the report to `FILE`, which ends in .pdf, .md or .html")
	cmd.Flags().StringSliceVar(&flags.crash, "crash", nil, "`FOLDER` with the logs of a second run, in which a node died; or its files, with commas between them")
	flags.addIdentity(cmd)
	return cmd
}

// addIdentity adds the flags that say whose report it is.
func (f *reportFlags) addIdentity(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.authors, "author", nil, "`NAME` of an author, for the report's first page; may be given several times")
	cmd.Flags().StringVar(&f.repository, "repository", "", "`URL` of the program's source, for the report's first page")
}

// reportFormat is the format by a file's name: pdf, md, html, or none.
func reportFormat(name string) string {
	switch ending := strings.ToLower(filepath.Ext(name)); ending {
	case ".pdf", ".md", ".html":
		return ending[1:]
	}
	return ""
}

// writeReport makes the report. Its error also gives the verdict.
func writeReport(progress io.Writer, files []string, flags reportFlags) error {
	in := report.Input{Repository: flags.repository, Authors: flags.authors, Command: commandLine(os.Args)}
	crash, err := crashFiles(flags.crash)
	if err != nil {
		return err
	}
	if in.Run, err = openForReport(files, &in); err != nil {
		return err
	}
	if len(crash) > 0 {
		if in.Crash, err = openForReport(crash, &in); err != nil {
			return err
		}
	}
	document, verdict := report.Build(in)
	tell := func(done, total int) { fmt.Fprintf(progress, "report: %d of %d lines\n", done, total) }
	err = writeFile(flags.out, func(w io.Writer) error {
		switch reportFormat(flags.out) {
		case "md":
			return document.Markdown(w, beside(flags.out), tell)
		case "html":
			return document.HTML(w, tell)
		}
		return document.PDF(w, tell)
	})
	if err != nil {
		return err
	}
	for _, run := range []*logs.Run{in.Run, in.Crash} {
		if mixed(run) {
			fmt.Fprintf(progress, "%s: these logs do not belong together; give those of one run, and the folder of a second one, in which a node died, with --crash\n", flags.out)
		}
	}
	for _, lacks := range document.Missing {
		fmt.Fprintf(progress, "%s: %s\n", flags.out, lacks)
	}
	if codes := document.Undrawable(); len(codes) > 0 && reportFormat(flags.out) == "pdf" {
		fmt.Fprintf(progress, "%s: the fonts of the PDF lack some characters, which are shown by their codes: %s\n", flags.out, strings.Join(codes[:min(len(codes), 10)], " "))
	}
	fmt.Fprintf(progress, "%s: the logs' verdict is: %s\n", flags.out, verdict)
	switch verdict {
	case logs.Violated:
		return fmt.Errorf("the logs show a violation, see %s", flags.out)
	case logs.Insufficient:
		return insufficient(fmt.Errorf("the logs do not suffice for a verdict, see %s", flags.out))
	}
	return nil
}

// mixed reports whether the files are of several runs.
func mixed(run *logs.Run) bool {
	return run != nil && slices.ContainsFunc(run.Findings, func(f logs.Finding) bool { return f.Kind == logs.Foreign })
}

// openForReport opens the logs of a run. If they have no line, the report says so.
func openForReport(files []string, in *report.Input) (*logs.Run, error) {
	run, err := logs.Open(files...)
	if errors.Is(err, logs.ErrNoEvents) {
		in.Problems = append(in.Problems, err.Error())
		return nil, nil
	}
	if err != nil {
		return nil, unread(err)
	}
	return run, nil
}

// beside saves a report's figures beside it as SVG.
func beside(out string) report.SaveFigure {
	return func(name string, picture *draw.Picture) (string, error) {
		path := strings.TrimSuffix(out, filepath.Ext(out)) + "-" + name + ".svg"
		err := writeFile(path, func(w io.Writer) error { return picture.Write(w, "svg") })
		return filepath.Base(path), err
	}
}
