package conch_test

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"conch"
)

func TestNodeCountsForAsLongAsItRuns(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	address := freeAddresses(t, 1)[0]
	cfg := conch.Config{Listen: address, SessionTTL: conch.MinSessionTTL, Metrics: registry}
	node := startNode(t, cfg)
	hold, err := node.Lock(t.Context(), "cs")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"conch_grants_total", "conch_held"} {
		if n, err := testutil.GatherAndCount(registry, name); err != nil || n == 0 {
			t.Errorf("%s has %d series (%v); want some", name, n, err)
		}
	}
	twin := cfg
	twin.Listen = freeAddresses(t, 1)[0]
	if _, err := conch.Start(t.Context(), twin); !errors.Is(err, conch.ErrConfig) {
		t.Errorf("a second node at one registry: %v; want ErrConfig", err)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	stopNode(t, node)
	if families, err := registry.Gather(); err != nil || len(families) > 0 {
		t.Errorf("%d metrics after the node's end (%v); want none", len(families), err)
	}
}
