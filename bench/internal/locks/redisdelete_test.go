package locks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// fakeRedis answers as a server that knows some commands, and has one key.
type fakeRedis struct {
	knows string // of DELEX and DELIFEQ
	value string
}

// serve answers commands of one connection, each an array of strings, until it ends.
func (f *fakeRedis) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var n int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
			return
		}
		words := make([]string, n)
		for i := range words {
			var length int
			if _, err := fmt.Fscanf(in, "$%d\r\n", &length); err != nil {
				return
			}
			text := make([]byte, length+len("\r\n"))
			if _, err := io.ReadFull(in, text); err != nil {
				return
			}
			words[i] = string(text[:length])
		}
		if _, err := io.WriteString(conn, f.answer(words)); err != nil {
			return
		}
	}
}

func (f *fakeRedis) answer(words []string) string {
	remove := func(value string) string {
		if f.value != value {
			return ":0\r\n"
		}
		f.value = ""
		return ":1\r\n"
	}
	switch command := strings.ToUpper(words[0]); {
	case command == "COMMAND":
		answer := fmt.Sprintf("*%d\r\n", len(words)-2)
		for _, word := range words[2:] {
			if word == f.knows {
				answer += "*1\r\n$3\r\nyes\r\n"
			} else {
				answer += "*-1\r\n"
			}
		}
		return answer
	case command == "SET" && f.value != "":
		return "$-1\r\n"
	case command == "SET":
		f.value = words[2]
		return "+OK\r\n"
	case command == "DELEX" && f.knows == command && words[2] == "IFEQ":
		return remove(words[3])
	case command == "DELIFEQ" && f.knows == command:
		return remove(words[2])
	case command == "PEXPIRE" && f.value != "":
		return ":1\r\n"
	}
	return "-ERR unknown command\r\n"
}

func TestRedisDelete(t *testing.T) {
	for _, command := range []string{"DELEX", "DELIFEQ", ""} {
		t.Run(command, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				fake := &fakeRedis{knows: command}
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					fake.serve(conn) // one after the other
				}
			}()
			defer func() {
				_ = listener.Close()
				<-served
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			lock, err := Open(ctx, Spec{Kind: RedisDelete, Endpoints: []string{listener.Addr().String()}, TTL: time.Minute}, nil)
			if command == "" {
				if !errors.Is(err, ErrNoConditionalDelete) {
					t.Errorf("got %v, want %v", err, ErrNoConditionalDelete)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := lock.Lock(ctx); err != nil {
					t.Fatal(err)
				}
				if err := lock.(Renewed).Renew(ctx); err != nil {
					t.Error(err)
				}
				if err := lock.Unlock(ctx); err != nil {
					t.Error(err)
				}
			}
			if err := lock.Unlock(ctx); !errors.Is(err, errLost) {
				t.Errorf("an unlock without a lock: got %v, want %v", err, errLost)
			}
			if err := lock.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
