// Package report makes a document out of the logs of a run: what the algorithm is,
// told by the run's own lines; diagrams; figures; a verdict on each requirement;
// and the logs themselves, numbered, as an appendix that the text refers to.
//
// Build makes the content once; Markdown, HTML and PDF set it.
//
// # Reading order
//
// build.go makes the document of document.go: algorithm.go, cases.go, death.go, figures.go,
// verdicts.go and assignment.go write a section each, hints.go what is missing. markdown.go,
// html.go and pdf.go set it; pdfflow.go, pdftable.go and pdfappendix.go are parts of the last.
//
// # What is not promised
//
// The document claims what logs.Check found, and no more: where files are missing,
// cut, or of different runs, it says so on its first page, and leaves out what they
// do not show. What it says about the program beside its logs, how it is started and
// how the algorithm goes, is the same for every run.
//
// The lines of a run are kept in memory, as package logs has them, and so is a PDF
// until it is written: some kilobytes for each line of the logs.
package report
