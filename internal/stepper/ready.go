package stepper

import "strings"

// Ready is a scenario that comes with the page.
type Ready struct {
	ID    string
	Title string
	About string // what is to be seen before the first step
	// Settings is how its text begins, and Stages what follows.
	Settings string
	Stages   []Stage
	// Planted: it breaks the rules on purpose, and an invariant turns red.
	Planted bool
}

// Stage is a part of a scenario, with what there is to understand about it.
type Stage struct {
	Ops     string
	Caption string
}

// Text is the scenario's text.
func (r Ready) Text() string {
	parts := []string{r.Settings}
	for _, stage := range r.Stages {
		parts = append(parts, stage.Ops)
	}
	return strings.Join(parts, ";")
}

// Ends tells after which step each stage is over.
func (r Ready) Ends() []int {
	var ends []int
	text := r.Settings
	for _, stage := range r.Stages {
		text += ";" + stage.Ops
		s, err := Decode(text)
		if err != nil {
			panic("stepper: scenario " + r.ID + ": " + err.Error())
		}
		ends = append(ends, len(s.Ops))
	}
	return ends
}

// ReadyMade are the lessons: the scenarios that come with the page, in the order in which
// they are best read.
func ReadyMade() []Ready {
	return []Ready{walkThrough, riding, death, minority, burst, late, coldStart, readers, threePermits, planted}
}

var walkThrough = Ready{
	ID:       "paper",
	Title:    "The paper's walk-through",
	About:    "Three nodes. The token lies idle at A, which has used it once: RN[A] and LN[A] are 1.1, session 1 and count 1. Nobody else has asked for anything yet.",
	Settings: "n=3",
	Stages: []Stage{
		{"ask.B", "B wants to enter and has not the token. It raises RN[B] and sends REQUEST(B, 1.1) to all others: N−1 messages."},
		{"deliver.B-C", "C hears the request and notes RN[B] = 1.1. It has no token, so that is all."},
		{"deliver.B-A", "A has the token, idle, and RN[B] is above LN[B]: it sends the token to B. One message, one way; nobody is asked for permission."},
		{"deliver.A-B", "The token has come: B enters the critical section. The fence goes up by one."},
		{"ask.C;deliver.C-A;deliver.C-B", "C asks. B has the token but uses it, so it only notes RN[C] = 1.1. LN[C] in the token is still below it: C is owed a turn."},
		{"ask.A;deliver.A-C;deliver.A-B", "A asks again, with 1.2. B notes it as well. A and C ask, and both are owed a turn."},
		{"leave.B", "B leaves: LN[B] becomes RN[B]. It appends to Q whoever is owed a turn, from the next member around: C, then A. The head, C, gets the token, and Q = A travels along."},
		{"deliver.B-C", "C enters."},
		{"leave.C;deliver.C-A", "C leaves. A stands at the head of Q, and gets the token in one message. Under load, a critical section costs no more than that."},
		{"leave.A", "A leaves. Every RN equals its LN, Q is empty: the token stays where it is."},
		{"ask.A", "A asks while the token is here: it enters at once, and sends no message at all."},
	},
}

var riding = Ready{
	ID:       "riding",
	Title:    "Requests that ride on the token",
	About:    "Three nodes, and the token at A. Two clients of B will want the lock. Only the first of them costs a request: the second one's number travels with the token.",
	Settings: "n=3",
	Stages: []Stage{
		{"ask.A;ask.B;deliver.B-A;deliver.B-C", "A has the token and enters at once. B asks: REQUEST(B, 1.1) goes to both others, who note it."},
		{"ask.B", "A second client of B asks. B has a request out already, so it sends nothing: its client waits at B."},
		{"leave.A;deliver.A-B", "A leaves, and B stands alone in Q. The token goes to B, and B's first client enters."},
		{"ask.C;deliver.C-A;deliver.C-B", "C asks, with REQUEST(C, 1.1). B uses the token, so it only notes the number."},
		{"leave.B", "B's first client leaves, and its second still waits. B raises RN[B] to 1.2 and puts itself into Q, behind C. It sends no REQUEST: the number rides on the token, which goes to C with Q = B."},
		{"deliver.B-C", "C enters. It never received REQUEST(B, 1.2), and need not: Q says that B is next."},
		{"leave.C;deliver.C-B", "C leaves and sends the token to the head of Q. B's second client enters. Its turn cost one message, the token, where the paper's rule would send two requests first."},
		{"leave.B", "B leaves. LN[B] is 1.2, the request that no message ever announced. Nobody waits, and the token stays."},
	},
}

var burst = Ready{
	ID:       "burst",
	Title:    "A burst",
	About:    "Five nodes, and the token at A. In a moment everybody wants it, and at C two clients do.",
	Settings: "n=5;seed=4",
	Stages: []Stage{
		{"ask.A;ask.B;ask.C;ask.C;ask.D;ask.E", "A has the token and enters at once. B, C, D and E broadcast one request each; the second client of C waits at C, and costs nothing."},
		{"auto*16", "The requests arrive in any order. Everybody notes everybody's number; nobody answers."},
		{"auto", "A leaves. Q is filled from the next member around: B, C, D, E, whoever came first. So nobody waits for more than N−1 others."},
		{"auto*3", "B has its turn, and then C. Each critical section costs one message: the token."},
		{"auto", "C leaves with another client waiting. It appends itself to Q and sends no request: its next request, 1.2, rides on the token."},
		{"auto*6", "D, E, and then C once more. Six grants in all; besides the first requests, every message was the token."},
	},
}

var death = Ready{
	ID:       "death",
	Title:    "A holder's death, and the round that follows",
	About:    "Three nodes. B will die in the critical section, with the only token. The paper has no answer to this; sessions and rounds are the answer.",
	Settings: "n=3;seed=2",
	Stages: []Stage{
		{"ask.B;auto*3;ask.C;auto*2", "B enters, and C asks. C waits for B to leave."},
		{"crash.B", "B dies, and the token with it. A and C notice that their streams to B are over, but a broken stream is no proof of death."},
		{"auto*5", "C has no sign of the token, and asks everybody where it is. A has not seen it, but cannot bury B: it still guards B's session. B might live, cut off, and be in the critical section."},
		{"auto*6", "A asks as well, on C's behalf, in case it reaches somebody that C does not. Meanwhile nobody has guarded B for T: B's lease, which is shorter than any guard, must be over by its own clock."},
		{"auto", "A quorum, A and C, could bury B now. A buries it and begins ballot 2.A: take no token below this number any more."},
		{"auto", "C promises, and buries B too. For T, neither answers any heartbeat of B."},
		{"auto", "All have promised, or are buried by a quorum. A makes the token anew: LN and Q from what the members told. It only asked on another's behalf, so the token goes on to C."},
		{"auto", "C enters. The fence is 2:1, far above all of B's: a resource would refuse what B still had under way."},
		{"restart.B;tick.600", "B comes back, with a higher session. It remembers nothing, and so begins no session for a while: it cannot know whom it had promised to guard."},
		{"ask.B;tick.2000", "A client of B asks. Once B is inside a session its request goes out, as 2.1. C still holds."},
		{"leave.C;deliver.C-B", "C leaves, and B has its turn. All is as before."},
	},
}

var minority = Ready{
	ID:       "minority",
	Title:    "A minority is cut off",
	About:    "Five nodes. A is in the critical section when A and B are cut off from the other three. A is alive, and does not know.",
	Settings: "n=5;seed=1",
	Stages: []Stage{
		{"ask.A", "A has the token and enters."},
		{"cut.A-C;cut.A-D;cut.A-E;cut.B-C;cut.B-D;cut.B-E", "The network falls apart: A and B here, C, D and E there. Nobody has died."},
		{"ask.D;tick.1000", "D asks. Its probe finds no token, but C, D and E still guard A and B: they must not make a second token yet."},
		{"tick.600", "Only B answers A's heartbeats, two of five. A's lease runs out by its own clock: A drops the token and tells its client that the lock is lost. This comes before the guards end, whatever the clocks read, since a lease is shorter than a guard."},
		{"tick.200;auto*6", "D asks again where the token is. Now the guards are over: C, D and E could each bury A and B."},
		{"auto", "D begins ballot 2.D, and buries A and B."},
		{"auto*6", "C and E promise, and bury A and B as well."},
		{"auto", "All others have promised, and A and B are buried by a quorum: D makes the token anew, and enters. At no moment were there two."},
		{"ask.B;tick.1000", "In the minority B asks in vain: outside a session nobody asks, and nobody enters."},
		{"heal.A-C;heal.A-D;heal.A-E;heal.B-C;heal.B-D;heal.B-E;tick.2500", "The cut heals. A and B begin new sessions, and B's request goes out. D still holds."},
		{"leave.D;deliver.D-E;deliver.E-B", "D leaves. The token comes to E, which had asked on D's behalf and passes it on at once, and to B, which has its turn."},
	},
}

var late = Ready{
	ID:       "late",
	Title:    "A token that comes too late",
	About:    "Three nodes. Nobody dies here: the network only holds the token back, for longer than anyone can wait.",
	Settings: "n=3;seed=3",
	Stages: []Stage{
		{"ask.B;deliver.B-A;delay.A-B", "A sends the token to B, and at that moment what A sends to B begins to creep."},
		{"tick.1500", "B has no sign of the token and asks. C has none; A's answers creep as well."},
		{"tick.500", "B hears nothing of A, so its next probe names a helper: C asks for the lock on B's behalf. C reaches everybody."},
		{"tick.700", "Everybody tells C that the token is not there. All promise to take no older one, and C makes the token anew, number 2.C. It passes to A, which cannot address B: it has no answers of B's to its heartbeats."},
		{"auto*8", "B asks again, and C helps again: A sends the token to C, and C sends it to B."},
		{"auto", "B enters. The first token is still under way from A to B, but it does not count: B has promised not to take it."},
		{"resume.A-B;deliver.A-B", "The first token arrives at last. B drops it."},
		{"leave.B", "B leaves. There is one token, as there always was one that counted."},
	},
}

var coldStart = Ready{
	ID:       "cold",
	Title:    "A cold start",
	About:    "Three nodes have just been started. No stream is open, nobody has a session, and there is no token.",
	Settings: "n=3;from=cold",
	Stages: []Stage{
		{"ask.C", "A client of C asks. Outside a session C asks nobody; its client waits."},
		{"auto", "Streams open. Each node tells the others that it has no session, so nobody need wait for sessions of before. Heartbeats are answered: B is the first to be guarded by a quorum, and begins its session."},
		{"auto", "C begins its session, and its request goes out. Since C never heard of this lock, it asks at once where the token is."},
		{"auto*8", "Nobody has seen a token, because there is none. C begins ballot 1.C."},
		{"auto*5", "All promise, and C makes the first token: number 1.C, fence 1:0. C enters with 1:1."},
		{"leave.C;deliver.C-A", "C leaves. A had asked on C's behalf while C could not reach everybody; it gets the token, and since nobody waits there, it keeps it, idle."},
	},
}

var planted = Ready{
	ID:       "planted",
	Title:    "Against the rules: the token twice",
	About:    "Are the checks awake? Here the network does what no network may: it delivers the token twice.",
	Settings: "n=3",
	Planted:  true,
	Stages: []Stage{
		{"ask.B;deliver.B-A", "A sends the token to B."},
		{"duplicate.A-B", "The network makes a second copy. At once there are two live tokens, and a check turns red."},
		{"deliver.A-B", "B takes the first copy and enters. While it has a token it would not take another, so for a moment the second is harmless."},
		{"ask.C;deliver.C-B;leave.B;deliver.B-C*2", "B passes the first copy on to C, which enters. The second copy would be taken again."},
		{"ask.B;deliver.A-B", "B asks once more, and takes the second copy. Two nodes are in the critical section, and B's fence is not above the last."},
	},
}
