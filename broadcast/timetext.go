package broadcast

import "time"

// timeFormat is RFC 3339 with all nine digits, so that lines sort by it as text. Its first
// secondLength bytes are of the second.
const (
	timeFormat   = "2006-01-02T15:04:05.000000000Z07:00"
	secondLength = len("2006-01-02T15:04:05.")
)

// timeText writes times in UTC as timeFormat has them. It keeps the text of the latest
// second: most lines of a busy node share theirs with the line before.
type timeText struct {
	second int64
	text   []byte // of the second, with the point; empty before the first
}

func (x *timeText) append(b []byte, t time.Time) []byte {
	if second := t.Unix(); len(x.text) == 0 || second != x.second {
		x.second = second
		x.text = t.UTC().AppendFormat(x.text[:0], timeFormat[:secondLength])
	}
	b = append(b, x.text...)
	var digits [9]byte
	for i, rest := len(digits)-1, t.Nanosecond(); i >= 0; i, rest = i-1, rest/10 {
		digits[i] = byte('0' + rest%10)
	}
	b = append(b, digits[:]...)
	return append(b, 'Z')
}
