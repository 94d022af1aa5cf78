package broadcast

import (
	"testing"
	"time"
)

func TestTimeText(t *testing.T) {
	var x timeText
	zone := time.FixedZone("", 5*60*60)
	for _, at := range []time.Time{
		time.Unix(0, 0),
		time.Unix(1_796_033_953, 494_315_185),
		time.Unix(1_796_033_953, 7).In(zone),
		time.Unix(1_796_033_953, 999_999_999),
		time.Unix(1_796_033_954, 0),
		time.Unix(1_796_033_953, 100), // a clock may be set back
		time.Date(2028, 2, 29, 23, 59, 59, 1, zone),
	} {
		if got, want := string(x.append(nil, at)), at.UTC().Format(timeFormat); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func BenchmarkTimeText(b *testing.B) {
	var x timeText
	var text []byte
	at := time.Now()
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			text = x.append(text[:0], at)
		}
	})
	b.Run("formatted", func(b *testing.B) {
		for b.Loop() {
			text = at.UTC().AppendFormat(text[:0], timeFormat)
		}
	})
}
