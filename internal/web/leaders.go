package web

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// leaderPatience bounds the wait for the node's word on who leads.
const leaderPatience = 5 * time.Second

// leadersPath is the path before a name.
const leadersPath = "/v1/leaders/"

// exactLeaders refuses paths that a ServeMux would clean, since it would send whoever asks to
// another name's leader.
func exactLeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.EscapedPath()
		if strings.HasPrefix(asked, leadersPath) && strings.TrimSuffix(asked, "/") != path.Clean(asked) {
			refuse(w, http.StatusBadRequest, "in a name with empty parts, or with . or .. as a part, write %2F for each /")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// leader tells scripts who leads, as this node has heard: the object of conch leader --json.
func (s *Server) leader(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	ctx, cancel := context.WithTimeout(r.Context(), leaderPatience)
	defer cancel()
	answers := make(chan *clientv1.ObserveResponse, 1)
	err := s.config.Node.Observe(&clientv1.ObserveRequest{Lock: name}, sink[clientv1.ObserveResponse]{
		ctx: ctx, send: func(answer *clientv1.ObserveResponse) error {
			select {
			case answers <- answer:
				cancel() // one is enough
			default:
			}
			return nil
		},
	})
	select {
	case answer := <-answers:
		if answer.GetLeader() == nil {
			refuse(w, http.StatusNotFound, fmt.Sprintf("nobody leads %q", name))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = render.JSON(w).Leader(name, answer.GetLeader()) // a reader that is gone is nobody to tell
	default:
		refuse(w, httpStatus(err), textOf(err))
	}
}

// httpStatus says by HTTP why the node did not do what it was asked.
func httpStatus(err error) int {
	if code, known := httpStatuses[status.Code(err)]; known {
		return code
	}
	return http.StatusBadGateway
}

var httpStatuses = map[codes.Code]int{
	codes.InvalidArgument:    http.StatusBadRequest,
	codes.PermissionDenied:   http.StatusForbidden,
	codes.NotFound:           http.StatusNotFound,
	codes.FailedPrecondition: http.StatusConflict,
	codes.ResourceExhausted:  http.StatusTooManyRequests,
	codes.Unavailable:        http.StatusServiceUnavailable,
	codes.DeadlineExceeded:   http.StatusGatewayTimeout,
}
