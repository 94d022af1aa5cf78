// Package exclusion judges who held a lock when. Holders report the first and the last
// moment at which they certainly held it, all by one clock. Check says whether two held one
// lock at a time that did not share it, whether more shared it than may, whether a fence came
// twice, and whether fences rose with time.
//
// A holder must check its hold before it reports a moment: the judge believes what the
// holder reports. A holder that reports less than it believed hides violations, but never
// invents one.
package exclusion
