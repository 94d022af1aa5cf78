package service

import (
	"conch/broadcast"
	"conch/internal/rules"
	clientv1 "conch/proto/conch/client/v1"
)

// The bounds on what a client says of itself, in bytes.
const (
	maxNameBytes    = 255
	maxCommandBytes = 4096
)

// asCaller takes what a client says of itself.
func asCaller(c *clientv1.Client) (broadcast.Caller, *clientv1.Error) {
	for _, field := range []struct {
		name, value string
		most        int
	}{
		{"host", c.GetHost(), maxNameBytes},
		{"user", c.GetUser(), maxNameBytes},
		{"command", c.GetCommand(), maxCommandBytes},
		{"identity", c.GetIdentity(), maxNameBytes + 32}, // a member's word
	} {
		if len(field.value) > field.most {
			return broadcast.Caller{}, fault(clientv1.Code_CODE_INVALID_FIELD,
				"Client.%s has %d bytes, want at most %d", field.name, len(field.value), field.most)
		}
	}
	return broadcast.Caller{Host: c.GetHost(), PID: c.GetPid(), User: c.GetUser(), Command: c.GetCommand()}, nil
}

// known is what an identity adds to what a client says of itself.
func known(id rules.Identity) string {
	if id.Kind == rules.Anonymous {
		return ""
	}
	return id.String()
}
