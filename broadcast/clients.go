package broadcast

import (
	"errors"

	"conch/internal/claims"
	"conch/internal/frames"
)

// Clients are processes that are not members and speak to this node over streams. The table
// of claims decides about them; this file connects their streams to it.

// ClientStream is a stream of a client. The worker calls its methods: they must return at
// once, and must not call the driver.
type ClientStream interface {
	// Tell queues a message to be sent. The message is valid until the call returns. Tell
	// reports whether the worker is to call Send or Wake for it, once, before it rests.
	Tell(m *frames.NodeMessage) (unsent bool)
	// Send sends what is queued, as far as it can without waiting for the client, and has
	// the rest sent. It is called when others may work already.
	Send()
	// Wake has another goroutine send what is queued.
	Wake()
	// End makes the stream end soon, for a reason.
	End(why claims.End)
}

// ErrOtherCaller says that another caller's client has the incarnation.
var ErrOtherCaller = errors.New("another caller's client has this incarnation")

// Attach makes a stream the present one of a client, and ends an earlier one. Call
// [Driver.Detach] when the stream is over. The errors are [ErrOtherCaller], or wrap
// [ErrStopped]; then the stream is not attached.
func (d *Driver) Attach(st ClientStream, id frames.Incarnation, caller Caller) error {
	attached := make(chan bool, 1)
	ok := d.post(input{kind: inputInspect, inspect: func(o *owner) {
		attached <- o.table.Attach(o.now, st, id, caller)
	}})
	if !ok {
		return d.stopped()
	}
	select {
	case ok = <-attached:
	case <-d.dead:
		return d.stopped()
	}
	if !ok {
		return ErrOtherCaller
	}
	return nil
}

// FromClient takes the messages of a frame that came on a stream, in order. They must not
// be changed afterwards. It reports false if the driver has ended.
func (d *Driver) FromClient(st ClientStream, messages []frames.ClientMessage) bool {
	return d.post(input{kind: inputClient, stream: st, frame: messages})
}

// Detach says that a stream is over.
func (d *Driver) Detach(st ClientStream) {
	d.post(input{kind: inputInspect, inspect: func(o *owner) { o.table.Detach(o.now, st) }})
}

// takeClient takes a frame of a client.
func (o *owner) takeClient(in *input) {
	for i := range in.frame {
		o.table.Receive(o.now, in.stream, &in.frame[i])
		o.perform()
		if o.ended {
			return
		}
		o.now = o.clock()
	}
}

// performClaims performs the effects of the table of claims. It reports whether a grant was
// declined, whose effects are then to be performed.
func (o *owner) performClaims() (declined bool) {
	effects := o.table.Effects()
	if len(effects) == 0 {
		return false
	}
	o.log.flush() // before anybody can see what the lines tell of
	var back []*claims.Effect
	for i := range effects {
		e := &effects[i]
		switch e.Kind {
		case claims.Tell:
			if st := e.Stream.(ClientStream); st.Tell(e.Message) {
				o.told = append(o.told, st)
			}
		case claims.EndStream:
			e.Stream.(ClientStream).End(e.End)
		case claims.Answer:
			o.observer.Waited(e.Lock, duration(e.Lasted))
			o.changed(e.Lock)
			if !e.Local.(*localClaim).reply(e.ID, answer{fence: e.Fence}, e.Session) {
				back = append(back, e)
			}
		case claims.Refuse:
			e.Local.(*localClaim).reply(e.ID, answer{err: o.refusalError(e)}, 0)
		case claims.Warn:
			e.Local.(*localClaim).warn(e)
		case claims.Lose:
			e.Local.(*localClaim).lose(e)
		case claims.RunEnded:
			e.Local.(chan frames.RunOutcome) <- e.RunOutcome // there is room for it
		default:
			o.note(e)
		}
	}
	for _, e := range back {
		o.table.Decline(o.now, e.ID)
	}
	return len(back) > 0
}

// note tells the log, the metrics and the subscribers what became of a claim.
func (o *owner) note(e *claims.Effect) {
	switch e.Kind {
	case claims.Expired:
		o.log.expired(e.Lock, e.Fence, *e.Caller, e.Text, o.describeTimes())
		o.log.flush()
		return
	case claims.Entered:
		o.observer.Waited(e.Lock, duration(e.Lasted))
	case claims.Ended:
		if e.Fence != 0 {
			o.observer.Held(e.Lock, duration(e.Lasted))
		}
	case claims.Began, claims.Settled:
	}
	o.changed(e.Lock)
}
