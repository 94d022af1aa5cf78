// Package rules says who may lock, break or look at which locks: it reads the file
// of conch node --allow, and answers for each caller.
//
// # The file
//
// A rule a line, of three words with blanks between them: who, may do what, to which
// locks. A # begins a comment; empty lines are passed over.
//
//	# who         may         which locks
//	@local        lock,break  *
//	ops           operate     *
//	alice         lock        deploy/*
//	alice         break       deploy/staging
//	"Ann Example" lock        "nightly backup"
//	*             look        *
//
// Who is one of
//
//   - a name: the client whose certificate has that name;
//   - * : every client with a certificate;
//   - @local: every user of this machine who can open the node's unix socket;
//     @local:alice or @local:1000 is one of them, by name or number;
//   - @page: whoever reaches the page of the node (conch node --http), which asks nobody
//     who he is;
//   - @anonymous: whoever connects over TCP to a node that runs without TLS.
//
// May do what is one or more of look, lock, break and operate, joined by commas. To look
// is to see a lock, who holds it and who waits. To operate is to have the node take no more
// requests, or take them again (conch drain); that is about the whole node, so such a line
// has * for the locks. Who may do one of these may look as well; nobody may do another of
// them for that.
//
// Which locks is a lock's whole name, or the beginning of names with a * behind it, or
// * alone for all. So deploy is one lock, and deploy/* are those in it.
//
// A word that has a blank, a #, a comma, a * or a " in it, or begins with an @, is
// written in double quotes, as Go writes strings; between quotes nothing has a special
// meaning. A * for the rest of a lock's name stands behind the closing quote:
// "my locks/"*.
//
// # What it means
//
// A caller may do what some line grants. Lines only grant; no line takes away what
// another grants, so their order means nothing, and a line can be understood without
// the others.
//
// A file is the whole truth: what it does not grant is refused, the local socket
// and the page included. Without a file, [Default] holds: the local socket and the page
// everything, and other clients lock and look.
//
// Members may do everything, always, and cannot stand in a file: a member passes
// tokens on and makes them anew, so a rule against it would be a sign on an open door.
//
// # What is not promised
//
// A rule is as good as what tells callers apart: certificates, and the kernel's word for
// the user at the other end of a unix socket. Without TLS, whoever can connect can
// also claim to be a member, and no rule holds.
//
// Rules are looked at when something is asked for. A lock that is held stays held when
// the rule that granted it goes.
//
// What a node counts for Prometheus names locks, and is for whoever reaches its page's
// port: no rule is asked.
package rules
