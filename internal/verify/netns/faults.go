//go:build linux

package netns

import (
	"errors"
	"syscall"
)

// do performs an event.
func (o *trial) do(e event) error {
	t := e.of
	if t.kind == resetAll && !o.network.resets {
		return nil
	}
	h := o.hosts[t.host]
	if t.kind == freeze && h.holder != "" && h.number == len(o.hosts)-1 {
		return nil // see doc.go
	}
	switch e.phase {
	case begins:
		o.Log("%v", t)
		o.figures[t.kind]++
		return o.begin(h, t)
	case downAgain:
		return o.network.setLink(t.host, false)
	case upAgain:
		return o.network.setLink(t.host, true)
	}
	return o.finish(h, t)
}

// begin brings a host into trouble.
func (o *trial) begin(h *host, t trouble) error {
	switch t.kind {
	case killQuick:
		if err := o.end(h, syscall.SIGKILL); err != nil {
			return err
		}
		return o.start(h)
	case killLate:
		return o.end(h, syscall.SIGKILL)
	case freeze:
		return h.process.Signal(syscall.SIGSTOP)
	case stop:
		if h.holder != "" {
			return o.end(h, syscall.SIGKILL) // a client does not stop before the end
		}
		h.wanted = false
		return h.process.Signal(syscall.SIGTERM)
	case unplug, flap:
		return o.network.setLink(t.host, false)
	case resetAll:
		return o.network.reset(t.host, true)
	}
	return o.cut(t, true)
}

// finish ends all faults.
func (o *trial) finish(h *host, t trouble) error {
	switch t.kind {
	case killQuick:
		return nil
	case killLate:
		return o.start(h)
	case freeze:
		return h.process.Signal(syscall.SIGCONT)
	case stop:
		if h.holder == "" {
			if err := o.awaitEnd(h, syscall.SIGTERM); err != nil { // a second signal would end it at once
				return err
			}
		}
		return o.start(h)
	case unplug, flap:
		return o.network.setLink(t.host, true)
	case resetAll:
		return o.network.reset(t.host, false)
	}
	return o.cut(t, false)
}

// cut cuts the ways that a trouble affects, or restores them.
func (o *trial) cut(t trouble, isCut bool) error {
	var errs []error
	for other := range o.hosts {
		if other == t.host || t.kind == cutPair && other != t.other {
			continue
		}
		if t.kind != cutIn {
			errs = append(errs, o.network.cut(t.host, other, isCut))
		}
		if t.kind == cutIn || t.kind == cutBoth {
			errs = append(errs, o.network.cut(other, t.host, isCut))
		}
	}
	return errors.Join(errs...)
}
