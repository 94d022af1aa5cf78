package metrics

import (
	"testing"
	"time"

	"conch/token"
)

// BenchmarkGrant: what the metrics add to the driver's work for one grant that needs the
// token from elsewhere. A grant over loopback takes some 100 µs.
func BenchmarkGrant(b *testing.B) {
	m := New([]string{"a:1", "b:1", "c:1"}, 0, "v1")
	m.Waited("cs", time.Millisecond)
	effects := []token.Effect{
		{Kind: token.Asked},
		{Kind: token.Send, Message: token.Message{Kind: token.Request}},
		{Kind: token.Send, Message: token.Message{Kind: token.Request}},
		{Kind: token.Received, Message: token.Message{Kind: token.TokenMessage}},
		{Kind: token.Grant},
		{Kind: token.Left},
		{Kind: token.Send, Message: token.Message{Kind: token.TokenMessage}},
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range effects {
			m.Effect(&effects[i])
		}
		m.Waited("cs", time.Millisecond)
		m.Held("cs", time.Millisecond)
	}
}
