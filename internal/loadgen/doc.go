// Package loadgen puts clients to work on the locks of a cluster, and measures what that
// costs: grants and hand-offs per second, how long it takes from asking until the lock
// is held, how evenly the clients are served, messages and processor time per grant.
//
// A run has rounds, and each round has every workload once, one after the other, so
// that what slows the machine for a while slows all of them, and the spread over the
// rounds shows it. Clients warm up before they are measured.
//
// Every grant is judged: nobody else may be in the critical section, and the fence must
// be above all before it. The first violation ends the run, with [ErrOverlap] or
// [ErrFence]: what a lock costs that does not exclude is of no interest.
//
// # What is measured
//
// It is a closed loop: a client asks again when it has been served (and after its time
// to think), not at a fixed rate. So the latencies are those of these clients under
// their own load, and a pause of the machine shows as one long wait for each client,
// not as the many that callers who come at a fixed rate would have had (coordinated
// omission). A wait that is not over at the end of a round stands in no percentile.
//
// Messages and processor time are counted from before the warm-up until the last client
// has left, and divided by all grants of that time.
//
// # Reading order
//
// plan.go and workload.go say what is measured, run.go and round.go measure it with worker.go
// and section.go. meter.go and metrics.go ask the nodes, result.go and figure.go add up, and
// report.go, text.go and json.go show it.
//
// # What is not promised
//
// That figures of different machines, or of different runs, can be compared. Clients
// are goroutines of one process, each with a connection of its own: they share its
// scheduler, and their processor time has that of measuring in it, about a microsecond
// a grant.
package loadgen
