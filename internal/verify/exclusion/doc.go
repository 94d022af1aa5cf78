// Package exclusion judges who held a lock when. Holders report from when until when they
// certainly held it, all by one clock; Check says whether two held one lock at a time,
// whether a fence came twice, and whether fences rose with time.
//
// A holder must look at its hold before it reports a moment: the judge takes a report
// for the truth about what the holder believed. A holder that reports less than it
// believed hides violations, and never makes one up.
package exclusion
