package wire

import (
	"strings"
	"testing"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

func rightRun() *peerv1.Run {
	return &peerv1.Run{Tick: 1, Fence: 1 << token.FenceBits, State: peerv1.RunState_RUN_STATE_DONE, Until: 7, About: "{}"}
}

func rightKept() *peerv1.KeptHold {
	return &peerv1.KeptHold{Fence: 1 << token.FenceBits, Owner: "job", About: "{}"}
}

func TestDecodeRefusesNonsenseAboutNotes(t *testing.T) {
	tok := func(change func(*peerv1.Token)) *peerv1.Message {
		right := func() *peerv1.Token {
			t := rightToken()
			t.Run, t.Kept = &peerv1.RunMark{Tick: 1, Fence: 1, State: peerv1.RunState_RUN_STATE_BEGUN}, rightKept()
			return t
		}
		return &peerv1.Message{Kind: &peerv1.Message_Token{Token: wrong(right, change)}}
	}
	vote := func(change func(*peerv1.BallotAnswer)) *peerv1.Message {
		right := func() *peerv1.BallotAnswer {
			v := rightBallotAnswer()
			v.Run, v.Kept = rightRun(), rightKept()
			return v
		}
		return &peerv1.Message{Kind: &peerv1.Message_BallotAnswer{BallotAnswer: wrong(right, change)}}
	}
	run := func(change func(*peerv1.Witness)) *peerv1.Message {
		right := func() *peerv1.Witness {
			return &peerv1.Witness{Lock: "cs", Epoch: &peerv1.BallotNumber{Number: 1, Proposer: 2}, Run: rightRun()}
		}
		return &peerv1.Message{Kind: &peerv1.Message_Witness{Witness: wrong(right, change)}}
	}
	kept := func(change func(*peerv1.KeptHold)) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Witness{Witness: &peerv1.Witness{Lock: "cs", Kept: wrong(rightKept, change)}}}
	}
	answer := func(change func(*peerv1.WitnessAnswer)) *peerv1.Message {
		right := func() *peerv1.WitnessAnswer {
			return &peerv1.WitnessAnswer{
				Lock: "cs", Epoch: &peerv1.BallotNumber{Number: 2}, Kind: peerv1.WitnessAnswer_KIND_NACK_BALLOT,
				Highest: &peerv1.BallotNumber{Number: 3}, AboutKept: 1, AboutOver: true, Run: rightRun(), Kept: rightKept(),
			}
		}
		return &peerv1.Message{Kind: &peerv1.Message_WitnessAnswer{WitnessAnswer: wrong(right, change)}}
	}
	d := testDecoder(3, 0, 1)
	for _, test := range []struct {
		says string
		wire *peerv1.Message
	}{
		{"a run of tick 0; want from 1", tok(func(t *peerv1.Token) { t.Run.Tick = 0 })},
		{"a run of tick -1; want from 1", tok(func(t *peerv1.Token) { t.Run.Tick = -1 })},
		{"a run without a fence", tok(func(t *peerv1.Token) { t.Run.Fence = 0 })},
		{"ballot 549755813888; want at most", tok(func(t *peerv1.Token) { t.Run.Fence = 1 << 63 })},
		{"a run in state RUN_STATE_UNSPECIFIED", tok(func(t *peerv1.Token) { t.Run.State = 0 })},
		{"a run in state 4", tok(func(t *peerv1.Token) { t.Run.State = 4 })},
		{"a run in state 257", tok(func(t *peerv1.Token) { t.Run.State = 257 })},
		{"a kept hold without a fence", tok(func(t *peerv1.Token) { t.Kept.Fence = 0 })},
		{"a kept hold that is over", tok(func(t *peerv1.Token) { t.Kept.Over = true })},
		{"notes without a promise", vote(func(v *peerv1.BallotAnswer) { v.Kind = peerv1.BallotAnswer_KIND_HOLD })},
		{"a run of tick 0", vote(func(v *peerv1.BallotAnswer) { v.Run.Tick = 0 })},
		{"a kept hold without a fence", vote(func(v *peerv1.BallotAnswer) { v.Kept.Fence = 0 })},
		{"WITNESS: bad lock name", run(func(w *peerv1.Witness) { w.Lock = "" })},
		{"want a run or a kept hold, and not both", run(func(w *peerv1.Witness) { w.Run = nil })},
		{"want a run or a kept hold, and not both", run(func(w *peerv1.Witness) { w.Kept = rightKept() })},
		{"proposer of the epoch: member 3", run(func(w *peerv1.Witness) { w.Epoch.Proposer = 3 })},
		{"epoch 0; want from 1", run(func(w *peerv1.Witness) { w.Epoch.Number = 0 })},
		{"ballot 549755813888; want at most", run(func(w *peerv1.Witness) { w.Epoch.Number = 1 << 39 })},
		{"about a run: 513 bytes; want at most 512", run(func(w *peerv1.Witness) { w.Run.About = strings.Repeat("x", 513) })},
		{"about a run: not UTF-8", run(func(w *peerv1.Witness) { w.Run.About = "\xff" })},
		{"about a kept hold: 513 bytes", kept(func(k *peerv1.KeptHold) { k.About = strings.Repeat("x", 513) })},
		{"about a kept hold: not UTF-8", kept(func(k *peerv1.KeptHold) { k.About = "\xff" })},
		{"owner of a kept hold: 129 bytes; want at most 128", kept(func(k *peerv1.KeptHold) { k.Owner = strings.Repeat("x", 129) })},
		{"owner of a kept hold: not UTF-8", kept(func(k *peerv1.KeptHold) { k.Owner = "\xff" })},
		{"ballot 549755813888; want at most", kept(func(k *peerv1.KeptHold) { k.Fence = 1 << 63 })},
		{"WITNESS-ANSWER: bad lock name", answer(func(w *peerv1.WitnessAnswer) { w.Lock = "" })},
		{"answer KIND_UNSPECIFIED", answer(func(w *peerv1.WitnessAnswer) { w.Kind = 0 })},
		{"about a run or a kept hold, and not both", answer(func(w *peerv1.WitnessAnswer) { w.AboutKept = 0 })},
		{"about a run or a kept hold, and not both", answer(func(w *peerv1.WitnessAnswer) { w.AboutRun = &peerv1.RunMark{Tick: 1} })},
		{"about a run, as a kept hold that is over", answer(func(w *peerv1.WitnessAnswer) {
			w.AboutKept, w.AboutRun = 0, &peerv1.RunMark{Tick: 1, Fence: 1, State: 1}
		})},
		{"a run of tick 0", answer(func(w *peerv1.WitnessAnswer) {
			w.AboutKept, w.AboutOver, w.AboutRun = 0, false, &peerv1.RunMark{Fence: 1, State: 1}
		})},
		{"ballot 549755813888; want at most", answer(func(w *peerv1.WitnessAnswer) { w.AboutKept = 1 << 63 })},
		{"ballot 1 stands against epoch 2", answer(func(w *peerv1.WitnessAnswer) { w.Highest.Number = 1 })},
		{"a ballot that stands against nothing", answer(func(w *peerv1.WitnessAnswer) { w.Kind = peerv1.WitnessAnswer_KIND_NOTED })},
		{"proposer of the epoch: member 7", answer(func(w *peerv1.WitnessAnswer) { w.Highest.Proposer = 7 })},
		{"a run of tick 0", answer(func(w *peerv1.WitnessAnswer) { w.Run.Tick = 0 })},
		{"a kept hold without a fence", answer(func(w *peerv1.WitnessAnswer) { w.Kept.Fence = 0 })},
	} {
		m, err := d.message(test.wire)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("decode %v = %+v, %v; want an error of one line with %q", test.wire, m, err, test.says)
		}
	}
	for _, right := range []*peerv1.Message{
		tok(func(*peerv1.Token) {}), vote(func(*peerv1.BallotAnswer) {}), run(func(*peerv1.Witness) {}), kept(func(*peerv1.KeptHold) {}),
		run(func(w *peerv1.Witness) { w.Epoch = nil }), answer(func(*peerv1.WitnessAnswer) {}),
		answer(func(w *peerv1.WitnessAnswer) { w.Kind, w.Highest = peerv1.WitnessAnswer_KIND_FULL, nil }),
	} {
		if _, err := d.message(right); err != nil {
			t.Errorf("decode %v: %v; want no error", right, err)
		}
	}
}
