package conch_test

import (
	"testing"

	"conch"
)

// BenchmarkClient: a client of a cluster of one, by its unix socket, locks and unlocks
// repeatedly. Node and client are in one process.
func BenchmarkClient(b *testing.B) {
	path := socketPath(b)
	node := startNode(b, conch.Config{Listen: freeAddresses(b, 1)[0], Socket: path, DataDir: b.TempDir(), SessionTTL: calm})
	client := dial(b, "unix:"+path)
	lock := func() {
		hold, err := client.Lock(b.Context(), "cs")
		if err == nil {
			err = hold.Unlock()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	lock() // the token is made now
	b.ReportAllocs()
	for b.Loop() {
		lock()
	}
	b.StopTimer()
	if err := client.Close(); err != nil {
		b.Error(err)
	}
	stopNode(b, node)
}
