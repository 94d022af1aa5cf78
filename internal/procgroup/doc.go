// Package procgroup runs a command for as long as a lock is held: in a process group
// of its own, with signals passed on to it, and with an end that comes before somebody
// else can get the lock. It is what the program "conch lock" does between the grant and
// the release.
//
// # The end of the lock
//
// With [Kill] the command's group is sent SIGTERM some time (Config.Grace) ahead of the
// lease's end, or at once when the end is settled, and SIGKILL so long ahead of it
// (Config.Margin) that the last process is dead when the lease ends. The lease is looked
// at anew at short intervals, since it moves on as it is renewed, and since timers stand
// still while the machine is suspended. Whether the lock is held is what Lease.Err says,
// before the command starts and after it has ended.
//
// # The end of the command
//
// What the command started and left behind would run without the lock. So when it has
// ended, what is left gets SIGTERM, and SIGKILL after Config.Grace, and only then does
// [Run] return. On Linux that is every descendant, also one that has left the group: the
// process becomes what orphans fall to (PR_SET_CHILD_SUBREAPER). On macOS it is the
// group. A server that is to live on must be started by somebody else than the command.
//
// Nothing is ever sent to a process number that may have been given away anew: the
// command is waited for only at the very end, and on Linux other processes are killed by
// number only when they are children of this process.
//
// # The terminal
//
// If standard input and output are the controlling terminal and this process is in its
// foreground, the command's group is brought there, so that the command can read from it
// and Ctrl-C and Ctrl-Z reach it. If one of the two is something else, the rest of a
// pipeline may use the terminal: then the command's group is brought there when the
// terminal stops it for reading or changing the terminal (SIGTTIN, SIGTTOU), as less, ssh
// and sudo do by /dev/tty, and until then this process passes Ctrl-C and Ctrl-Z on.
//
// When the command is stopped by the terminal this process tells that and stops too, so
// that the shell sees it; the shell's fg and bg continue both. A lock goes on ending
// meanwhile: a command whose lock was lost while it was stopped is killed before it can
// go on.
//
// # The first process of a container
//
// All orphans of a container fall to its process 1. If that is this one, it waits for
// them: during [Run] for all, and before it with [ReapOrphans]. It passes signals on like
// anywhere else.
//
// # What is not promised
//
// Run is for a process that does nothing else: it takes all signals, and every child that
// comes to the process while it runs for the command's.
//
//   - When this process is killed with SIGKILL, the command gets SIGKILL too on Linux,
//     but what the command has started does not, and on macOS nothing does. They are
//     without the lock when the lease is over. The same goes for a command that sets its
//     own parent-death signal, or that is a set-user-ID program.
//   - When this process alone is frozen (SIGSTOP), it can kill nobody. What must not
//     happen after the lock is lost has to be kept out by the fence.
//   - A descendant that runs as another user may not be killed; a process that the
//     system cannot interrupt dies later. Run waits for both.
//   - A command that ignores SIGTTIN and whose standard input or output is not the
//     terminal gets an error when it reads /dev/tty, as in the background of a shell.
//   - On macOS a program in a pipeline with this process that reads the terminal, while
//     the command has it, stops this process too.
package procgroup
