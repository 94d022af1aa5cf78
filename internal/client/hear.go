package client

import (
	"context"
	"errors"
	"io"
	"time"

	"conch/internal/clientwire"
	"conch/internal/frames"
	clientv1 "conch/proto/conch/client/v1"
)

// One goroutine at a time hears the node: it receives a frame and takes what that says.
// Over gRPC that is always the listener. On a unix socket, a caller whose claim is the
// only one that waits hears the answer itself, which saves a wake-up; the listener stands
// back once callers come quickly one after the other, and for as long as they do.

const (
	// quiet is how long nobody has to hear the node before the listener does. What the
	// node says without being asked may lie for so long, and so may a release that is left
	// to a request which does not come.
	quiet = 10 * time.Millisecond
	// quickly is within how long an answer comes if nobody competes for the lock.
	quickly = 200 * time.Microsecond
)

// listen hears the node until the stream ends, and returns why. From then on nobody hears
// it.
func (n *node) listen(st *stream) error {
	st.hearing <- struct{}{}
	_, err := n.takeFrom(st, &clientv1.NodeFrame{Messages: st.behind})
	var last time.Time // when a caller was answered
	for err == nil {
		var answered bool
		if answered, err = n.hear(st); !answered || err != nil || !st.link.CanInterrupt() {
			continue
		}
		now := time.Now()
		if now.Sub(last) < quiet {
			n.standBack(st)
		}
		last = now
	}
	return err
}

// standBack lets callers hear the node, until none has done so for a while, or some wait
// whom nobody hears for, or the stream ends. Meanwhile it has releases sent that no
// request has taken along.
func (n *node) standBack(st *stream) {
	<-st.hearing
	defer func() { st.hearing <- struct{}{} }()
	n.setRiding(true)
	defer n.setRiding(false)
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for turns := st.turns.Load(); ; {
		select {
		case <-timer.C:
		case <-st.needed:
			return
		case <-st.ctx.Done():
			return
		}
		now := st.turns.Load()
		if now == turns {
			return
		}
		turns = now
		n.setRiding(true)
		timer.Reset(quiet)
	}
}

// setRiding notes whether releases may be left to the next request, since the listener
// looks after them, and has those sent that were left so far.
func (n *node) setRiding(riding bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.riding = riding
	if n.core.Due() {
		signal(n.wake)
	}
}

// performRelease is performAll for a release. Where a request has taken a release along,
// the next one will, too, and the sender is not woken, which takes longer than all else;
// unless others seem to compete for the lock, whom that would hold up.
func (n *node) performRelease() {
	if !n.riding || !n.rode || !n.cameQuickly {
		n.performAll()
		return
	}
	n.rode = false
	n.perform(nil)
}

// hearFor has a caller hear the node itself, until its claim is answered, or its context
// or the stream ends; or not at all if somebody hears it already. The stream is nil if
// there is none.
func (n *node) hearFor(ctx context.Context, st *stream, c *claim) {
	if st == nil || !st.link.CanInterrupt() {
		return
	}
	select {
	case st.hearing <- struct{}{}:
	default:
		return
	}
	began := time.Now()
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, st.link.Interrupt)
	}
	for len(c.answer) == 0 && ctx.Err() == nil {
		if _, err := n.hear(st); err != nil {
			st.cancel(err)
			break
		}
	}
	stop() // if it is late, whoever is interrupted goes on
	st.turns.Add(1)
	<-st.hearing
	// Whoever has found the node heard, and so waits for its answer, has asked before.
	if n.noteTurn(time.Since(began) < quickly) {
		signal(st.needed)
	}
}

// noteTurn notes whether a caller's answer came quickly, and reports whether any caller
// waits for one.
func (n *node) noteTurn(cameQuickly bool) (anyWaits bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cameQuickly = cameQuickly
	return n.waits > 0
}

// hear receives a frame and takes what it says. It reports whether that has answered the
// last who waited. An interrupt is no error. The caller is the one who hears.
func (n *node) hear(st *stream) (answered bool, err error) {
	frame, err := st.link.Recv()
	switch {
	case isInterrupt(err):
		st.link.Resume()
		return false, nil
	case errors.Is(err, io.EOF):
		return false, errEnded
	case err != nil:
		return false, err
	}
	return n.takeFrom(st, frame)
}

// takeFrom takes the messages of a frame. It reports whether they have answered the last
// who waited. An error means that the node does not keep to the protocol. The caller is
// the one who hears.
func (n *node) takeFrom(st *stream, frame *clientv1.NodeFrame) (answered bool, err error) {
	n.client.learn(frame.GetMembers())
	messages, err := clientwire.NodeMessages(st.messages[:0], frame)
	st.messages = messages
	answered, wrong := n.receive(messages)
	if wrong != nil {
		err = wrong
	}
	clear(messages) // which have texts
	if err != nil {
		return answered, nonsense("%w", err)
	}
	return answered, nil
}

// receive takes the messages of a frame, until one is wrong. It reports whether they have
// answered the last who waited, and more may come.
func (n *node) receive(messages []frames.NodeMessage) (answered bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(messages) > 0 {
		n.unheard = 0
	}
	waited := n.waits
	n.receiving = true
	for i := range messages {
		if err = n.core.Receive(n.client.clock(), messages[i]); err != nil {
			break
		}
		n.perform(nil)
	}
	n.performAll()
	n.receiving = false
	return waited > 0 && n.waits == 0 && n.core.Admits(), err
}
