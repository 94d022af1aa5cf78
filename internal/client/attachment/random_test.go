package attachment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

// world is a client, a model node and the network between them. One seed draws all.
type world struct {
	rng   *rand.Rand
	node  *modelNode
	rate  token.Time // the client's clock gains now/rate
	all   []*side    // the latest is the one that is asked
	held  int        // how often a lock was held
	ended int        // how often a run was ended in time, and the client heard of that
	wrong error      // what is wrong with an answer
	// planted has the client take all holds for confirmed when a stream opens, as it
	// once did.
	planted bool
	quiet   bool // faults have stopped
}

// side is one attachment, with its place at the node and its stream.
type side struct {
	a        *Attachment
	client   *modelClient
	stream   int
	isUp     bool
	cutAt    token.Time // the stream breaks; token.Never
	told     token.Time // when the client hears of it
	toNode   []flight[[]frames.ClientMessage]
	toClient []flight[[]frames.NodeMessage]
	wants    map[Claim]string // asked for, and not answered
	holds    map[Claim]hold
	runs     map[Claim]bool // those that were asked for for a run
	ends     map[Claim]hold // whose runs were ended, and that is not answered
	frozen   token.Time     // until when the client stands still
}

type hold struct {
	lock  string
	fence token.Fence
}

type flight[F any] struct {
	at     token.Time
	stream int
	frame  F
}

func (w *world) clientNow() token.Time { return w.node.now + w.node.now/w.rate }

func (w *world) draw(most token.Time) token.Time { return token.Time(w.rng.Int64N(int64(most) + 1)) }

// delay is for how long a frame is on its way; some stall.
func (w *world) delay() token.Time {
	if !w.quiet && w.rng.IntN(20) == 0 {
		return w.draw(ttl)
	}
	return w.draw(ttl / 50)
}

func (w *world) newSide() *side {
	s := &side{
		a: New(w.clientNow(), Config{TTL: ttl}), client: &modelClient{node: w.node},
		wants: map[Claim]string{}, holds: map[Claim]hold{}, runs: map[Claim]bool{}, ends: map[Claim]hold{},
	}
	w.node.clients = append(w.node.clients, s.client)
	w.all = append(w.all, s)
	w.open(s)
	return s
}

func (w *world) open(s *side) {
	s.stream++
	s.isUp, s.cutAt, s.told = true, token.Never, token.Never
	s.toNode, s.toClient = nil, nil
	s.client.open(s.stream)
	s.a.Up(w.clientNow())
	if w.planted {
		for _, e := range s.a.claims.entries {
			if e.claim != nil {
				e.claim.confirmed = s.a.streams
			}
		}
	}
}

// ask asks the latest side, or a new one if that may not be asked.
func (w *world) ask(lock string) {
	s := w.all[len(w.all)-1]
	if !s.a.Admits() {
		s = w.newSide()
	}
	if w.rng.IntN(3) == 0 {
		id := s.a.AskRun(w.clientNow(), lock, aRun, false)
		s.wants[id], s.runs[id] = lock, true
	} else {
		s.wants[s.a.Ask(w.clientNow(), lock, token.Exclusive, false)] = lock
	}
	w.perform(s)
}

func (w *world) perform(s *side) {
	var again []string
	for _, e := range slices.Clone(s.a.Effects()) {
		switch e.Kind {
		case Held:
			w.held++
			s.holds[e.Claim] = hold{s.wants[e.Claim], e.Fence}
			delete(s.wants, e.Claim)
		case Moved:
			again = append(again, s.wants[e.Claim])
			delete(s.wants, e.Claim)
		case Lost:
			delete(s.holds, e.Claim)
		case RunEnded:
			w.runEnded(s, e)
		case EndStream:
			w.down(s, Silent)
		}
	}
	for _, lock := range again {
		w.ask(lock)
	}
}

// runEnded takes an answer: one to each end of a run, and never that the hold was lost if the
// node took it in time.
func (w *world) runEnded(s *side, e Effect) {
	h, ended := s.ends[e.Claim]
	delete(s.ends, e.Claim)
	switch {
	case !ended:
		w.wrong = fmt.Errorf("an answer to the end of a run that was not ended, or twice: %+v", e)
	case e.Unanswered:
	case (e.RunOutcome == frames.RunNoted) != w.node.ended[h.fence]:
		w.wrong = fmt.Errorf("the end of the run with fence %d is answered by the outcome %d; in time: %v", h.fence, e.RunOutcome, w.node.ended[h.fence])
	case e.RunOutcome == frames.RunNoted:
		w.ended++
	}
}

func (w *world) down(s *side, why Why) {
	s.isUp = false
	s.client.closed()
	s.a.Down(w.clientNow(), why)
	w.perform(s)
}

// step does what one instant brings. It returns what is wrong.
func (w *world) step() error {
	n := w.node
	n.tick()
	for _, s := range slices.Clone(w.all) {
		if err := w.stepSide(s); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) stepSide(s *side) error {
	n := w.node
	if s.a.finished && len(s.client.claims) == 0 {
		return nil
	}
	for len(s.toNode) > 0 && s.toNode[0].at <= n.now && n.now < s.cutAt {
		if s.toNode[0].stream == s.client.stream {
			for _, m := range s.toNode[0].frame {
				s.client.receive(m)
			}
		}
		s.toNode = s.toNode[1:]
	}
	n.tick()
	if len(s.client.out) > 0 && s.isUp {
		s.toClient = append(s.toClient, flight[[]frames.NodeMessage]{max(n.now+w.delay(), last(s.toClient)), s.stream, s.client.out})
		s.client.out = nil
	}
	if s.frozen > n.now {
		return nil
	}
	tickFirst := w.rng.IntN(2) == 0
	if tickFirst && s.a.NextTick() <= w.clientNow() {
		s.a.Tick(w.clientNow())
		w.perform(s)
	}
	for s.isUp && len(s.toClient) > 0 && s.toClient[0].at <= n.now && s.toClient[0].at < s.cutAt {
		for _, m := range s.toClient[0].frame {
			if err := s.a.Receive(w.clientNow(), m); err != nil {
				return fmt.Errorf("%+v: %w", m, err)
			}
			w.perform(s)
		}
		s.toClient = s.toClient[1:]
	}
	if s.a.NextTick() <= w.clientNow() {
		s.a.Tick(w.clientNow())
		w.perform(s)
	}
	switch {
	case s.isUp && s.told <= n.now:
		w.down(s, Other)
	case !s.isUp:
		if _, wanted := s.a.Reopen(w.clientNow()); wanted && w.rng.IntN(3) == 0 {
			w.open(s)
		}
		w.perform(s)
	}
	for s.isUp && s.a.Due() {
		if frame := s.a.Take(w.clientNow()); len(frame) > 0 {
			s.toNode = append(s.toNode, flight[[]frames.ClientMessage]{max(n.now+w.delay(), last(s.toNode)), s.stream, slices.Clone(frame)})
		}
		w.perform(s)
	}
	return w.judge(s)
}

func last[F any](all []flight[F]) token.Time {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].at
}

// judge: what the client takes for held was granted to nobody since.
func (w *world) judge(s *side) error {
	s.a.Expire(w.clientNow())
	w.perform(s)
	if w.wrong != nil {
		return w.wrong
	}
	for id, h := range s.holds {
		if latest := w.node.lock(h.lock).last; latest != h.fence {
			return fmt.Errorf("at %d: claim %d takes %s for held with fence %d, and fence %d was granted since", w.node.now, id, h.lock, h.fence, latest)
		}
	}
	return nil
}

// disturb does one random thing.
func (w *world) disturb() {
	n, s := w.node, w.all[len(w.all)-1]
	lock := fmt.Sprint(w.rng.IntN(90))
	switch w.rng.IntN(14) {
	case 0, 1, 2, 3, 4:
		w.ask(lock)
	case 5:
		if id, ok := pick(w.rng, s.holds); ok && s.frozen <= n.now {
			w.release(s, id)
		}
	case 6:
		if id, ok := pick(w.rng, s.wants); ok && s.frozen <= n.now {
			s.a.GiveUp(w.clientNow(), id)
			same := s.wants[id]
			delete(s.wants, id)
			if w.rng.IntN(2) == 0 {
				w.ask(same) // before the node is told
			}
			w.perform(s)
		}
	case 7, 8:
		n.intrude(lock, n.now+w.draw(ttl))
	case 9:
		n.breakOne(lock)
	case 10:
		if s.isUp && s.told == token.Never && w.rng.IntN(4) == 0 {
			s.cutAt = n.now + w.draw(ttl/20)
			s.told = s.cutAt + w.draw(ttl/4)
		}
	case 11:
		if w.rng.IntN(10) == 0 {
			s.frozen = n.now + w.draw(2*ttl)
		}
	case 12:
		if w.rng.IntN(20) == 0 {
			n.cut = true
		}
	case 13:
		w.mend()
	}
}

// release gives a hold back, and ends its run, if it is for one.
func (w *world) release(s *side, id Claim) {
	if s.runs[id] {
		h := s.holds[id]
		if s.a.EndRun(w.clientNow(), id, 5, anEnd) {
			s.ends[id] = h
		} else {
			s.a.Release(w.clientNow(), id)
		}
	} else {
		s.a.Release(w.clientNow(), id)
	}
	delete(s.holds, id)
	w.perform(s)
}

// mend lets the node reach its peers again.
func (w *world) mend() {
	n := w.node
	switch {
	case n.session == 0:
		n.fence += 100
		n.cut, n.session = false, token.Session(n.fence)
	case n.nodeEnd > n.now:
		n.cut = false
	}
}

// pick draws one of some claims.
func pick[V any](rng *rand.Rand, from map[Claim]V) (Claim, bool) {
	if len(from) == 0 {
		return 0, false
	}
	var ids []Claim
	for id := range from {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids[rng.IntN(len(ids))], true
}

// play runs one seed: disturbances, and then quiet, in which all that is wanted must be
// held, and in the end nothing is left anywhere.
func play(seed uint64, set func(*world)) (held int, err error) {
	_, held, err = playWorld(seed, set)
	return held, err
}

func playWorld(seed uint64, set func(*world)) (w *world, held int, err error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	w = &world{rng: rng, rate: []token.Time{200, -200, 1 << 40}[rng.IntN(3)]}
	w.node = &modelNode{rng: rng, now: began, session: 1, nodeEnd: began + ttl/2, locks: map[string]*modelLock{}, ended: map[token.Fence]bool{}}
	set(w)
	w.newSide()
	step := func() error {
		w.node.now += w.draw(ttl / 40)
		return w.step()
	}
	for range 600 {
		for range rng.IntN(4) {
			w.disturb()
		}
		if err := step(); err != nil {
			return w, w.held, err
		}
	}
	w.quiet = true
	for range 800 {
		w.mend()
		for _, s := range w.all {
			for id, ok := pick(rng, s.holds); ok; id, ok = pick(rng, s.holds) { // all that is held is given back
				w.release(s, id)
			}
		}
		if err := step(); err != nil {
			return w, w.held, err
		}
	}
	for i, s := range w.all {
		if len(s.wants)+len(s.holds)+len(s.ends)+s.a.live > 0 {
			return w, w.held, fmt.Errorf("attachment %d of %d: %d wait, %d hold, %d runs are ending, %d claims are left", i+1, len(w.all), len(s.wants), len(s.holds), len(s.ends), s.a.live)
		}
		if len(s.client.claims) > 0 {
			return w, w.held, fmt.Errorf("the node has %v of attachment %d, whom nobody knows", s.client.claims, i+1)
		}
	}
	return w, w.held, nil
}

// seeds is how many runs one test makes.
const seeds = 40

// TestRandom runs attachments against the model: streams that break at any point, frames
// that stall, a client that freezes and one that moves on, sessions that lapse, locks that
// are broken, and clocks of different rates.
func TestRandom(t *testing.T) {
	held, ended := 0, 0
	for seed := range uint64(seeds) {
		w, n, err := playWorld(seed, func(*world) {})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		held, ended = held+n, ended+w.ended
	}
	if ended < 5*seeds {
		t.Errorf("runs were ended %d times in %d runs; want more, for this to show anything", ended, seeds)
	}
	if held < 50*seeds {
		t.Errorf("locks were held %d times in %d runs; want more, for this to show anything", held, seeds)
	}
}

// TestRandomFindsWhatIsPlanted shows that the judge of TestRandom can fail.
func TestRandomFindsWhatIsPlanted(t *testing.T) {
	for name, set := range map[string]func(*world){
		"the client extends what the node has not confirmed": func(w *world) { w.planted = true },
		"the node says that runs were lost":                  func(w *world) { w.node.forgets = true },
		"the node ends leases early":                         func(w *world) { w.node.planted = ttl / 50 },
	} {
		found := false
		for seed := uint64(0); seed < 25*seeds && !found; seed++ {
			_, err := play(seed, set)
			found = err != nil
			if found {
				t.Logf("%s: seed %d: %v", name, seed, err)
			}
		}
		if !found {
			t.Errorf("%s: no run of %d shows it", name, 25*seeds)
		}
	}
}
