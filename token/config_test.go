package token

import (
	"errors"
	"strings"
	"testing"
)

// New refuses a configuration that cannot work, and names the field.
func TestNewNamesOffendingField(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"Members":        func(c *Config) { c.Members = 0 },
		"Self":           func(c *Config) { c.Self = 3 },
		"Session":        func(c *Config) { c.Session = 0 },
		"TTL":            func(c *Config) { c.TTL = MinTTL - 1 },
		"IdleToken":      func(c *Config) { c.IdleToken = 0 },
		"IdleLock":       func(c *Config) { c.IdleLock = c.IdleToken },
		"FencesPerEpoch": func(c *Config) { c.FencesPerEpoch = MaxFencesPerEpoch + 1 },
		"LocalBatch":     func(c *Config) { c.LocalBatch = MaxLocalBatch + 1 },
		"MaxNotes":       func(c *Config) { c.Remembers = true },
	} {
		cfg := testConfig(0, 3)
		change(&cfg)
		_, err := New(0, cfg)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "Config."+field+":") {
			t.Errorf("%s: %v, want ErrConfig that names the field", field, err)
		}
	}
	none := testConfig(0, 3)
	none.FencesPerEpoch = 0
	for _, cfg := range []Config{testConfig(-1, 3), none} {
		if _, err := New(0, cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v, want ErrConfig", cfg, err)
		}
	}
	least := testConfig(0, 3)
	least.TTL, least.FencesPerEpoch, least.IdleToken, least.IdleLock = MinTTL, 1, 1, 2
	if _, err := New(0, least); err != nil {
		t.Errorf("the least of all: %v", err)
	}
}

// A message of no known kind is the driver's fault, not a peer's.
func TestUnknownKindPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	inSession(t, 2).receive(1, Message{Kind: 99})
}

// Every kind of message has a name of its own.
func TestMessageKindsHaveNames(t *testing.T) {
	seen := map[string]MessageKind{}
	for k := Request; k <= WitnessAnswer; k++ {
		name := k.String()
		if other, twice := seen[name]; twice || strings.Contains(name, "-1") {
			t.Errorf("kind %d is called %s, as is %d", k, name, other)
		}
		seen[name] = k
	}
	if got := MessageKind(99).String(); got != "MESSAGE-99" {
		t.Errorf("kind 99 is called %s, want MESSAGE-99", got)
	}
}

// The queue of waiters takes no more memory than the most that wait at one time.
func TestWaitersReuseMemory(t *testing.T) {
	var q waiters
	next, first := Waiter(1), Waiter(1)
	for range 10_000 {
		for range 3 {
			q.push(request{waiter: next})
			next++
		}
		for range 3 {
			if got := q.pop().waiter; got != first {
				t.Fatalf("popped %d, want %d", got, first)
			}
			first++
		}
		if next == 4 {
			q.push(request{waiter: next}) // one always stays
			next++
		}
	}
	if cap(q.entries) > 64 {
		t.Errorf("room for %d waiters, of whom at most 4 ever waited", cap(q.entries))
	}
}
