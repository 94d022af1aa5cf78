// Package web is the HTTP server of a node: a page on which people see the cluster live,
// the stepper of package learn, metrics, and what a supervisor asks of a process.
//
//	/                        the page
//	/learn/                  the stepper
//	/events                  the state of the cluster, as server-sent events
//	/api/select, /api/lock, /api/unlock, /api/break
//	                         what the page does: POST, JSON
//	/v1/leaders/NAME         who leads under NAME, as JSON: see conch leader
//	/metrics                 for Prometheus
//	/healthz, /readyz        200 if the node answers; if it has a session with a quorum
//	/debug/pprof/            if it is wanted
//
// All that is needed is part of the program; nothing is loaded from elsewhere.
//
// # Safety
//
// There is no login: whoever reaches the port can do what the page can, which is what
// Config.Node and Config.Lock let it: a node judges the page by its rules, as @page. What is
// refused here is what other pages in a user's browser might try. A request for a host name
// that is not this server's is refused (DNS rebinding); so is what another origin sends; and
// an action needs a token that this process draws at its start, and that only the page can
// read. Headers forbid the page to load anything from elsewhere, to run what stands inside
// HTML, and to be framed.
//
// # Holds
//
// A page may ask for locks and hold them. Its event stream is its lease: what a page
// holds is released, and what it waits for withdrawn, when it has had no stream for one
// time to live.
//
// # Not promised
//
// The page shows samples, some ten a second at most: a token that moves faster is seen
// at some of its stops only. Of locks that nobody uses it shows those that members
// remember, and of all locks the first [MaxLocks] that it hears of. The /api and /events
// are for the page of the same program; they change with it. /v1 keeps to its keys.
package web
