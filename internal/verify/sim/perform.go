package sim

import "conch/token"

// performed performs the effects of a node's last input, or of its table of claims.
func (w *World) performed(i int) {
	m := &w.members[i]
	for more := true; more; more = w.tell(i) {
		for {
			m.noteLease()
			effects := m.node.Effects()
			if len(effects) == 0 {
				break
			}
			for k := range effects {
				e := &effects[k]
				if w.diesBefore(m, e) {
					w.count(CrashBetween)
					if m.process%2 == 0 { // a line is written before its event happens
						w.log.effect(w, i, e)
					}
					w.crashNow(i, m.crashFor)
					return
				}
				w.log.effect(w, i, e)
				w.perform(i, m, e)
				if w.failure != nil {
					return
				}
				m.table.Take(m.clock.read(w.now), e)
			}
			m.table.Return(m.clock.read(w.now))
			if m.turns {
				w.turnAway(i, m)
			}
		}
	}
	if m.gone {
		w.exit(i)
		return
	}
	w.planTick(m, i)
	w.judge(i)
}

// diesBefore counts down to a crash planned between two effects.
func (w *World) diesBefore(m *member, e *token.Effect) bool {
	if m.crashSave >= 0 && e.Kind == m.crashAt && w.now <= m.crashSaveUntil {
		m.crash, m.crashSave = m.crashSave, -1
	}
	if m.crash < 0 {
		return false
	}
	m.crash--
	return m.crash < 0
}

func (w *World) perform(i int, m *member, e *token.Effect) {
	w.effect(e)
	w.mark(uint64(e.Kind)<<8|uint64(i), uint64(e.Peer), uint64(e.Fence)+uint64(e.Waiter)<<32)
	if w.trace != nil {
		w.traceEffect(i, e)
	}
	switch e.Kind {
	case token.Send:
		if e.Message.Kind == token.BallotAnswer && e.Message.Answer == token.Promise {
			m.promised = max(m.promised, e.Message.Ballot.Number)
		}
		if e.Message.Kind == token.TokenMessage {
			w.hadTurn(w.machineOf(e.Peer), e.Lock)
		}
		if about := &e.Message; about.Kind == token.Recall && about.Recaller != m.id || about.Kind == token.Done && about.Share.Member != m.id {
			w.count(Relayed)
		}
		w.noteChanging(i, &e.Message)
		w.noteLimit(e.Lock, &e.Message)
		w.judgeWitness(i, &e.Message)
		w.send(i, e.Peer, e.Message)
	case token.Refuse:
		if e.Limit != token.Exclusive {
			w.count(OtherLimit)
		}
	case token.Save:
		w.noteSave(m, e.Session)
		m.disk.session, m.disk.promised = e.Session, e.Promised
		m.disk.hasPromised = m.disk.hasPromised || e.Promised > m.floor
		w.judgeSession(i, m, e.Session)
	case token.Grant:
		w.judgeGrant(i, e)
		w.served(i, w.lockOf(e.Lock))
	case token.PassedOver:
		w.hadTurn(w.machineOf(e.Peer), e.Lock)
	case token.Revoke:
		w.sharerLeft(i, e)
	case token.Left:
		w.sharerLeft(i, e)
		w.keeperLeft(e)
		if q := e.State.Queue; len(q) > 1 && q[0] == m.id {
			w.count(WentAhead)
		}
	case token.Buried:
		if w.judgeBurials(w.machineOf(e.Peer)); joint(m.membership) {
			w.count(JointBurial)
		}
	case token.Began:
		if w.judgeListed(i); joint(m.membership) {
			w.count(JointLease)
		}
		w.judgeBurials(i)
		w.judgeBegun(i, m, e.Session)
	case token.Made:
		w.judgeMade(i, e)
		if e.Message.Token.Kept != nil {
			w.count(KeptAgain)
		}
	case token.Balloted:
		m.promised = max(m.promised, e.Message.Ballot.Number)
		w.ballots++
	case token.Lapsed:
		m.lapsed = true
		w.judgeUsed(i, m, e)
	case token.Led:
		w.judgeLed(i, e)
	case token.Store:
		w.store(i, m, e)
	case token.Witnessing:
		w.noteWitnessing(e)
	case token.Unkept:
		w.noteUnkept(e)
	case token.Freed:
		w.freed(i, e)
	case token.Forgot:
		w.marks[i][w.lockOf(e.Lock)] = mark{}
	case token.SaveMembership:
		w.saveMembership(i, m, e)
	case token.Adopted:
		w.adopted(i, m, e)
	case token.Changed:
		w.changed(i, e)
	case token.Departed:
		m.departed = true
	case token.Gone:
		w.judgeGone(i)
		m.gone = true
		w.gone(m, e)
	}
}
