package stepper

var readers = Ready{
	ID:       "readers",
	Title:    "Readers and a writer",
	About:    "Three nodes, and the token at A. Clients of A and B will read: they hold the lock beside each other. Then C wants it alone.",
	Settings: "n=3",
	Stages: []Stage{
		{"read.A", "A client of A reads. The token is here, and nobody has the lock alone: it enters at once, with fence 1:2. The token carries A's share from now on. A's turn is over, though its client is in."},
		{"read.B;deliver.B-C;deliver.B-A", "B asks by REQUEST, as ever: the line in the token knows no readers and writers. The token is not in use, so A sends it to B, with A's share in it."},
		{"deliver.A-B", "B's client reads as well. Two are in the critical section, at two nodes, each under its node's share."},
		{"read.A", "Another client of A reads. The token is elsewhere, but A has a share: it lets the client in with the share's fence, 1:2, and sends no message."},
		{"ask.C;deliver.C-A;deliver.C-B", "C wants the lock alone. B has the token and is done with it, so it sends it to C, with both shares."},
		{"deliver.B-C", "The token is at C, but C's client cannot enter: the token carries shares of others. C keeps it, and sends RECALL to A and B."},
		{"deliver.C-A;read.A;deliver.A-B", "A hears RECALL, and lets in nobody more under its share. Its next reader waits, and A asks by REQUEST: readers do not keep a writer waiting for ever."},
		{"leave.A*2", "A's two readers leave. With the last of them A sends DONE."},
		{"deliver.A-C*2", "C hears A's request, and DONE: A's share is struck from the token. B's is still there."},
		{"deliver.C-B;leave.B;deliver.B-C", "B hears RECALL, its reader leaves, and its DONE comes to C. The token carries no share any more: C's client enters, alone, one message after the last reader has left. Its fence, 1:4, is above those of all readers before."},
		{"leave.C;deliver.C-A", "C leaves. A stood in Q like anybody: the token comes, and A's reader enters under a new share, with a fence above the writer's."},
	},
}

var threePermits = Ready{
	ID:       "permits",
	Title:    "Three permits",
	About:    "Three nodes, and the token at A. The lock is a semaphore: three clients may have a permit at once, wherever they are.",
	Settings: "n=3",
	Stages: []Stage{
		{"permit.A*2", "Two clients of A ask for a permit. The token is here, and both enter. A's share says two permits. It has grown with the second client, so the fence was raised, to 1:3: an answer about the smaller share must not count for this one."},
		{"permit.B;deliver.B-C;deliver.B-A;deliver.A-B", "B asks, and gets the token with A's share in it. Two permits are used; B's client has the third."},
		{"permit.C;deliver.C-A;deliver.C-B", "C asks, and gets the token, with shares of three permits in all."},
		{"deliver.B-C", "No permit is free. C keeps the token, and sends RECALL to A and B."},
		{"deliver.C-A", "A hears RECALL, and lets in nobody more under its share. Both of its permits are used still, so it says nothing."},
		{"leave.A", "One of A's clients leaves, and A sends DONE: one permit is still used."},
		{"deliver.A-C", "A's share in the token has one permit now. So one is free, and C's client enters. Never were there more than three."},
		{"permit.A;deliver.A-B;deliver.A-C;deliver.C-A", "Another client of A wants a permit. A's share was recalled, so A asks, and C sends it the token. Again no permit is free: A waits with the token, and sends RECALL."},
		{"leave.A", "A's other client leaves. The permit is free right here: A's waiting client enters, and no message was needed."},
		{"deliver.C-B;leave.C", "C's client leaves. Without a RECALL at C yet, C says nothing: the token finds out when somebody waits for a permit."},
		{"read.B;deliver.B-C;deliver.B-A;deliver.A-B*2", "A client of B wants to read the same lock. It gets its turn, and is refused: a lock has permits or readers, as the first to share it has said."},
	},
}
