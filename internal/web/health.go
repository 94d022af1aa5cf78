package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// healthPatience bounds the wait for the node's answer.
const healthPatience = time.Second

// self returns the node's own state.
func (s *Server) self(ctx context.Context) (*clientv1.MemberStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	r, err := s.config.Health(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
	switch {
	case err != nil:
		return nil, err
	case len(r.GetStatuses()) != 1:
		return nil, fmt.Errorf("the node told of %d members; want itself", len(r.GetStatuses()))
	}
	return r.GetStatuses()[0], nil
}

// health tells whether the node answers.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if _, err := s.self(r.Context()); err != nil {
		http.Error(w, "the node does not answer: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "the node answers")
}

// ready tells whether the node has a session with a quorum.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	switch status, err := s.self(r.Context()); {
	case err != nil:
		http.Error(w, "the node does not answer: "+err.Error(), http.StatusServiceUnavailable)
	case status.GetSession() == 0:
		http.Error(w, "the node has no session with a quorum", http.StatusServiceUnavailable)
	default:
		fmt.Fprintf(w, "session %d\n", status.GetSession())
	}
}

// Waiting answers supervisors for a node that waits to start, for what text tells: it is
// alive, and not ready.
func Waiting(text func() string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "the node waits for members")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the node waits for members: "+text(), http.StatusServiceUnavailable)
	})
	return mux
}
