package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	clientv1 "conch/proto/conch/client/v1"
)

// JSON returns a Printer for scripts: one object a line, with the keys of JSON.md.
func JSON(out io.Writer) Printer { return &jsonPrinter{out: out} }

type jsonPrinter struct {
	out   io.Writer
	named int // how many missing members the latest lock's object in a list named
}

// Status writes one object.
func (p *jsonPrinter) Status(answer *clientv1.StatusResponse, kept []*clientv1.LockStatus) error {
	return p.write(toStatus(answer, kept))
}

// Who writes the lock's object.
func (p *jsonPrinter) Who(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
	return p.write(toLock(lock, missing))
}

// Why writes the lock's object.
func (p *jsonPrinter) Why(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
	return p.write(toLock(lock, missing))
}

// Listed writes the lock's object.
func (p *jsonPrinter) Listed(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
	p.named = len(missing)
	return p.write(toLock(lock, missing))
}

// ListEnd names the missing members if no lock's object did, because there were no locks or
// a member broke off in the middle.
func (p *jsonPrinter) ListEnd(missing []*clientv1.Missing) error {
	if len(missing) == p.named {
		return nil
	}
	return p.write(noLock{Missing: toMissing(missing)})
}

// Changed writes the lock's object with the time and the changed parts.
func (p *jsonPrinter) Changed(at time.Time, change *Change) error {
	when := toMoment(at, change)
	if change.Lock == nil {
		return p.write(struct {
			moment
			noLock
		}{when, noLock{Missing: toMissing(change.Missing)}})
	}
	return p.write(struct {
		moment
		lockStatus
	}{when, toLock(change.Lock, change.Missing)})
}

// Broken writes the broken holds.
func (p *jsonPrinter) Broken(lock string, held []*clientv1.Holder) error {
	first := (*clientv1.Holder)(nil)
	if len(held) > 0 {
		first = held[0]
	}
	return p.write(broken{Lock: lock, Holder: toHolder(first), Holders: each(held, toHolder)})
}

// write writes a value as a line.
func (p *jsonPrinter) write(value any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := p.out.Write(escape(line.Bytes()))
	return err
}

// escape escapes characters that a terminal may obey although JSON allows them: DEL, the
// control characters above it, and characters that turn the direction of writing. In JSON
// all these are inside strings.
func escape(line []byte) []byte {
	var b []byte // nil until there is something to escape
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if r == '\n' || strconv.IsPrint(r) {
			if b != nil {
				b = append(b, line[i:i+size]...)
			}
			i += size
			continue
		}
		if b == nil {
			b = append(make([]byte, 0, len(line)+64), line[:i]...)
		}
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		} else {
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		i += size
	}
	if b == nil {
		return line
	}
	return b
}
