package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// maxBodyBytes bounds a request's body: two texts and a number.
const maxBodyBytes = 16 << 10

// request is what the page sends with an action.
type request struct {
	Page   string `json:"page"`
	Lock   string `json:"lock"`
	Fence  uint64 `json:"fence,string"`
	Reason string `json:"reason"`
	// PID and Host are the one process that is meant among the holders with that fence; 0
	// and empty mean all.
	PID  int64  `json:"pid"`
	Host string `json:"host"`
}

// action does what the page asks for. The text is the answer.
type action func(r *http.Request, asked request) (string, error)

// refusal is an error with the HTTP status that says so.
type refusal struct {
	code int
	error
}

// ServeHTTP is [http.Handler]'s.
func (act action) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "want application/json")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBodyBytes))
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
		return
	case !utf8.Valid(body): // which the decoder would make another name of
		refuse(w, http.StatusBadRequest, "the body is not UTF-8")
		return
	}
	asked := request{}
	if err := json.Unmarshal(body, &asked); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	text, err := act(r, asked)
	var known refusal
	switch {
	case errors.As(err, &known):
		refuse(w, known.code, known.Error())
	case err != nil:
		refuse(w, http.StatusConflict, err.Error())
	default:
		answer(w, http.StatusOK, map[string]string{"text": text})
	}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, code int, text string) {
	answer(w, code, map[string]string{"error": text})
}

func answer(w http.ResponseWriter, code int, content map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(content) // a reader that is gone is nobody to tell
}

// selectLock has a lock shown in full, if the node lets the page see it.
func (s *Server) selectLock(r *http.Request, asked request) (string, error) {
	if err := s.visits.selectLock(asked.Page, asked.Lock); err != nil || asked.Lock == "" {
		return "", err
	}
	request := &clientv1.ListLocksRequest{Scope: clientv1.Scope_SCOPE_NODE, Lock: asked.Lock}
	err := s.config.Node.ListLocks(request, sink[clientv1.ListLocksResponse]{
		ctx: r.Context(), send: func(*clientv1.ListLocksResponse) error { return nil },
	})
	if status.Code(err) == codes.PermissionDenied {
		return "", refusal{http.StatusForbidden, errors.New(textOf(err))}
	}
	return "", nil // the stream tells the rest
}

// lock begins to wait for a lock.
func (s *Server) lock(_ *http.Request, asked request) (string, error) {
	if err := broadcast.CheckName(asked.Lock); err != nil {
		return "", refusal{http.StatusBadRequest, err}
	}
	return "asked", s.visits.ask(asked.Page, asked.Lock)
}

// unlock gives a lock back, or gives up waiting for it.
func (s *Server) unlock(_ *http.Request, asked request) (string, error) {
	err := s.visits.release(asked.Page, asked.Lock)
	if errors.Is(err, broadcast.ErrLost) {
		return "it had been lost before: " + err.Error(), nil
	}
	return "given back", err
}

// breakLock takes a lock from its holder.
func (s *Server) breakLock(r *http.Request, asked request) (string, error) {
	response, err := s.config.Node.Break(r.Context(), &clientv1.BreakRequest{
		Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: asked.Lock, Fence: asked.Fence, Reason: asked.Reason, Caller: s.config.Caller,
		Pid: asked.PID, Host: asked.Host,
	})
	if err != nil {
		return "", refusal{httpStatus(err), errors.New(textOf(err))}
	}
	if k := response.GetFreed(); k != nil {
		return fmt.Sprintf("the kept hold with fence %d is over; the lock goes to the next", k.GetFence()), nil
	}
	h := response.GetHolder()
	if n := len(response.GetHolders()); n > 1 {
		return fmt.Sprintf("%d clients of %s have been told", n, h.GetMember()), nil
	}
	if h.GetLimit() != 0 {
		return fmt.Sprintf("%s has been told; the hold is over in %d ms at the latest", h.GetMember(), millis(h.GetLeaseRemainingNs())), nil
	}
	return fmt.Sprintf("%s has been told; the lock is free in %d ms at the latest", h.GetMember(), millis(h.GetLeaseRemainingNs())), nil
}
