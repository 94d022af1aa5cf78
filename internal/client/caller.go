package client

import (
	"os"
	"os/user"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// The lengths in bytes of what a node takes of a description.
const (
	maxNameBytes    = 255
	maxCommandBytes = 4096
)

// Describe describes this process to people. What cannot be found out is left empty.
func Describe(command string) *clientv1.Client {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return &clientv1.Client{
		Host:    shorten(host, maxNameBytes),
		Pid:     int64(os.Getpid()),
		User:    shorten(name, maxNameBytes),
		Command: shorten(command, maxCommandBytes),
	}
}

// shorten makes a text fit for the wire: UTF-8, and not above most bytes.
func shorten(text string, most int) string {
	const mark = "…"
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(mark)], "") + mark
}
