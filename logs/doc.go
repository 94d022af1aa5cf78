// Package logs reads what the nodes logged: it puts the files of several nodes
// into one causal order, judges from them whether the requirements were met, and
// tells how a node got the lock.
//
// The nodes write one JSON object a line. schema.go has the events and their keys,
// and SCHEMA.md shows them as a table. The package imports none of the packages
// that it judges, and believes the lines alone: what it says does not depend on the
// code that it is said about.
//
// # Order
//
// One line happened before another if it stands before it in the lines of one
// process, or if it is the sending and the other the receipt of one message, or by
// a chain of these; a member's process happened after the member's process before
// it. A line is written before its message leaves. Times are only shown, never
// compared across nodes; the one use of a clock is to find a node that sat on an
// idle token for more than a second by its own clock, and that never makes a
// verdict worse than insufficient.
//
// # What Check proves, and by what
//
// R1: at least two nodes entered.
//
// R2, mutual exclusion: of any two entries alone by one token, the second happened after
// the first had ended, by program order within a visit of the token, and between
// visits by the chain of hops, each of which was sent where the one before came
// in. Where the token was made anew, the round's messages order the entries, except
// those of a member that had crashed or that the round buried: for these the proof
// rests on the end of that member's lease, which logs do not show, and the report
// says how many there are.
//
// R2, locks that are shared: those with a mode may be in beside each other. Of each pair of
// entries of which one is alone, the second happened after the first had ended, by program
// order and messages, RECALL and DONE among them, or the first was over with its session: it
// lapsed, its process crashed, a round buried its node, or the second's node had heard BYE or
// of a later session. What one process shows is judged line by line: it lets in nobody under
// a share that it does not have, or that was recalled, nor more than the share's permits; it
// tells of no fewer than are in, by DONE, in a promise and in the token; nobody enters alone
// with a token that carries a share of another member. The permits of a token's shares are
// never more than the limit where somebody enters; along its way, a share of another member
// gets smaller by DONE alone, or since its session is over.
//
// R2, one token: an epoch is made once; a hop is sent once and received at most
// once; nobody enters, or sends the token, where it is not; nobody enters by an old
// token after a grant by a newer one.
//
// R2, fences: each entry's is above all before it, across epochs too; but those under one
// share have the same. Under a share it is the share's.
//
// R2, sessions, if the logs have any: each entry lies inside a session.
//
// Runs of ticks, if the logs have any: nobody enters for a tick after a run of that tick or a
// later one was noted as done, or after the node had heard that one is done; of entries of
// one lock in the order of their fences, none follows one for a later tick that was to take
// place once at most, nor, if it is to itself, one for the same tick.
//
// Kept holds, if the logs have any: from the entry of one whose hold is kept until some line
// says that it is over, nobody enters but one who adopts it: with a kept hold of the same
// owner. Which policy an entry has is told by the lines witnessing before it. Nor does a
// node answer that a note is on disk before it is.
//
// Members, if they change: a membership has one content wherever it is adopted; a joint one
// leaves the list of the one below it, and leads to that of the one above; IDs are given once.
// Each member adopts them in rising order, over its restarts too. Nobody enters while its own
// membership does not list it, after it has departed, nor after some node had gone over to a
// list without it. That every member had gone by both lists before the second counted alone, and
// that no quorum was one of the old list alone, rests on messages and leases that have no lines.
// Where a step of a proof says N or "every member", it is those of the writer's membership then.
//
// R3, every request is granted: each request has its entry, unless its waiter gave
// up, its session lapsed, its node stopped or crashed first, or it was made to help
// another node find the token. A node that was named as helper while it had no session
// asks when its session begins. A holder that knew of a request and did not send it
// an idle token violates this as well.
//
// R3, the bound on overtaking: let a request of node j have reached the token, that
// is, j stands in Q, or the node where the token is has received it. Then each of the
// N-1 others begins at most one entry before j's own; or as many as its local batch
// says, which stands in its node_started if it is not 1. For nobody stands in Q
// twice, so at most N-1 others stand before j; if j is not in Q yet, the next leave
// puts it there, behind at most N-1 others, of whom the one that leaves is one if its
// next request rides; and nobody comes to stand before j later but the one that
// leaves, which goes ahead of all while its batch lasts. The count begins anew where
// the token is made anew and where a holder that does not reach j passes it over. Readers
// that enter together are one entry here, and those under a share none: the token is not
// with them.
//
// The paper's cost: no message where the token is here; N-1 REQUEST and 1 TOKEN
// otherwise; fewer where a request rides or a stream is down. Repeats on new streams
// and the messages of rounds, RECALL and DONE are counted apart.
//
// A verdict is Violated only where no line that may be missing could make it right;
// it is Insufficient where lines are missing, and says which. Where it is certain that
// lines are missing (log_gap, a line that cannot be read, a log without its beginning, a
// node without --evidence), any number may be, and nothing is concluded across that place.
//
// Logs in the minimal form (docs/LOGFORMAT.md) may lack what some of this rests on. A
// requirement of which no line tells is then left out of the report.
//
// # Reading order
//
// schema.go and event.go have the lines; content.go, read.go and parse.go read them from
// files, life.go and run.go put them together, and clock.go, pair.go and merge.go find what
// caused what.
// membership.go has who the members were. check.go judges the requirements, along
// journey.go, which follows the token; of shared locks sharers.go and sharing.go do, of members
// that change changes.go. report.go has the verdicts. story.go and explain.go tell how one entry came about.
//
// # What is not promised
//
// Logs prove what the nodes wrote, not what they did: a node that enters and does
// not log it is not caught, unless a second witness is held against the logs
// (Report.CheckCriticalSectionFile). Of a line that was taken out of a file the absence is
// noticed wherever another line depends on it; some lines nothing depends on.
// That an open request would have been granted had the nodes not stopped is not
// shown. The package keeps all lines in memory.
package logs
