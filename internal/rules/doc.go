// Package rules says who may lock, break or look at which locks: it reads the file of conch
// node --allow, and answers for each caller.
//
// # The file
//
// One rule a line, of three words with blanks between them: who, may do what, to which locks.
// A # begins a comment; empty lines are skipped.
//
//	# who         may         which locks
//	@local        lock,break  *
//	ops           operate     *
//	ops           members     *
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
//   - @page: whoever reaches the page of the node (conch node --http), which has no
//     login;
//   - @anonymous: whoever connects over TCP to a node that runs without TLS.
//
// May do what is one or more of look, lock, share, break, operate and members, joined by commas.
// To // look is to see a lock, its holders, its waiters, its runs, and who leads. To lock is to hold
// it in any mode: alone, as one of several readers, or with one of so many permits; to change
// how many permits there are; to say a leader's value; to hold it for a run, and to say that
// the run is done; and to keep a hold. To share is to hold it as a reader only. To break is to
// take it from its holder, and to say that a kept hold is over. To operate is to make the node
// take no more requests, or take them again (conch drain); that concerns the whole node, so
// such a line has * for the locks. Whoever may do one of these may also look, and whoever may
// lock may also share; none of the others implies another.
//
// Which locks is a lock's whole name, or the beginning of names with a * after it, or * alone
// for all. So deploy is one lock, and deploy/* are those in it.
//
// A word that contains a blank, a #, a comma, a * or a ", or begins with an @, is written in
// double quotes, as Go writes strings; between quotes no character has a special meaning. A *
// for the rest of a lock's name follows the closing quote: "my locks/"*.
//
// # What it means
//
// A caller may do what some line grants. Lines only grant; none takes away what another
// grants, so their order does not matter, and each line can be understood without the others.
//
// A file is complete: what it does not grant is refused, to the local socket and the page
// too. Without a file, [Default] holds: the local socket may do everything, the page everything
// but change the members, and other clients may lock and look.
//
// Members may always do everything, and cannot be named in a file: a member passes tokens on
// and makes them anew, so no rule could stop it.
//
// # What is not promised
//
// A rule is as good as what identifies callers: certificates, and the kernel's word for the
// user at the other end of a unix socket. Without TLS, whoever can connect can also claim to
// be a member, and no rule holds.
//
// Rules are checked when something is asked for. A held lock stays held when the rule that
// granted it goes.
//
// The metrics for Prometheus name locks, and are for whoever reaches the page's port: no rule
// is asked.
package rules
