package conch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"conch"
)

// A client changes the members, and another one, which knew one of them only, goes on to the
// member that has taken its place.
func TestAClientChangesTheMembers(t *testing.T) {
	const ttl = time.Second
	addresses, path := freeAddresses(t, 2), socketPath(t)
	first := startNode(t, conch.Config{Listen: addresses[0], Socket: path, DataDir: t.TempDir(), SessionTTL: ttl})
	local, far := dial(t, "unix:"+path), dial(t, addresses[0])
	if err := far.Do(t.Context(), "cs", func(context.Context, uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	m, err := local.Members(t.Context())
	if err != nil || len(m.Members) != 1 || m.Members[0].Address != addresses[0] || m.Members[0].Session == 0 || !m.Members[0].Heard ||
		m.Members[0].Standing != conch.StandingMember || m.Fixed != "" || m.Cluster == "" {
		t.Fatalf("Members = %+v, %v", m, err)
	}

	// What cannot be, and who may not.
	for says, change := range map[string]conch.Change{
		"is not a member":              {Remove: []string{addresses[1]}},
		"nobody would be left":         {Remove: addresses[:1]},
		"is a member already":          {Add: addresses[:1]},
		"does not answer":              {Add: addresses[1:]},
		"nothing to replace":           {Add: addresses[:1], Remove: addresses[:1]},
		"calls itself " + addresses[0]: {Add: []string{strings.Replace(addresses[0], "127.0.0.1", "localhost", 1)}},
	} {
		if _, err := local.PlanChange(t.Context(), change); !errors.Is(err, conch.ErrCannotChange) || !strings.Contains(err.Error(), says) {
			t.Errorf("PlanChange(%v): %v; want %q", change, err, says)
		}
	}
	if _, err := far.ChangeMembers(t.Context(), conch.Change{Remove: addresses[:1]}); !errors.Is(err, conch.ErrForbidden) {
		t.Errorf("over TCP: %v; want ErrForbidden", err)
	}

	// Another takes its place.
	joining := begin(t, conch.Config{Listen: addresses[1], Join: addresses[:1], DataDir: t.TempDir(), SessionTTL: ttl})
	joining.awaitWaiting(t, "conch members add")
	change := conch.Change{Add: addresses[1:], Remove: addresses[:1]}
	plan, err := local.PlanChange(t.Context(), change)
	if err != nil || !slices.Equal(plan.Before, addresses[:1]) || !slices.Equal(plan.After, addresses[1:]) || plan.QuorumAfter != 1 || plan.HeardAfter != 1 ||
		!slices.ContainsFunc(plan.Warnings, func(w string) bool { return strings.Contains(w, "removes the member that answers") }) {
		t.Errorf("PlanChange = %+v, %v", plan, err)
	}
	var stages []conch.ChangeStage
	change.OnProgress = func(p conch.ChangeProgress) {
		if len(stages) == 0 || stages[len(stages)-1] != p.Stage {
			stages = append(stages, p.Stage)
		}
	}
	members, err := local.ChangeMembers(t.Context(), change)
	if err != nil || !slices.Equal(members, addresses[1:]) ||
		!slices.Equal(stages, []conch.ChangeStage{conch.ChangeChoosing, conch.ChangeJoint, conch.ChangeComplete}) {
		t.Errorf("ChangeMembers = %v, %v, through %v", members, err, stages)
	}
	awaitRemoval(t, first)
	second := joining.running(t)
	defer stopNode(t, second)
	if got := second.Members(); !slices.Equal(got, addresses[1:]) {
		t.Errorf("Node.Members = %v; want %v", got, addresses[1:])
	}
	if err := far.Do(t.Context(), "cs", func(context.Context, uint64) error { return nil }); err != nil {
		t.Errorf("a client of the node that was removed: %v", err)
	}
	if got := far.Node(); got != addresses[1] {
		t.Errorf("it speaks to %s; want %s", got, addresses[1])
	}
}
