package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	clientv1 "conch/proto/conch/client/v1"
)

// fakeNode is a node whose answers a test sets.
type fakeNode struct {
	clientv1.UnimplementedLockServiceServer
	socket string

	status  *clientv1.StatusResponse
	locks   []*clientv1.ListLocksResponse
	listed  chan struct{} // if not nil, lists end only when it is closed
	changes []*clientv1.WatchResponse
	broken  *clientv1.BreakResponse
	err     error // ends each call, after the answers if there are any

	mu    sync.Mutex
	asked []proto.Message
}

// serve starts the node; it ends with the test.
func (f *fakeNode) serve(t *testing.T) *fakeNode {
	t.Helper()
	f.socket = filepath.Join(t.TempDir(), "conch.sock")
	listener, err := net.Listen("unix", f.socket)
	check(t, err)
	server := grpc.NewServer()
	clientv1.RegisterLockServiceServer(server, f)
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); check(t, <-served) })
	return f
}

func (f *fakeNode) note(request proto.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, request)
}

func (f *fakeNode) Status(_ context.Context, request *clientv1.StatusRequest) (*clientv1.StatusResponse, error) {
	f.note(request)
	return f.status, f.err
}

func (f *fakeNode) ListLocks(request *clientv1.ListLocksRequest, stream grpc.ServerStreamingServer[clientv1.ListLocksResponse]) error {
	f.note(request)
	for _, lock := range f.locks {
		if err := stream.Send(lock); err != nil {
			return err
		}
	}
	if f.listed != nil {
		<-f.listed
	}
	return f.err
}

// Watch goes on for as long as the client watches, unless it is to fail.
func (f *fakeNode) Watch(request *clientv1.WatchRequest, stream grpc.ServerStreamingServer[clientv1.WatchResponse]) error {
	f.note(request)
	for _, change := range f.changes {
		if err := stream.Send(change); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(f.err, io.EOF):
		return nil
	case f.err != nil:
		return f.err
	}
	<-stream.Context().Done()
	return nil
}

func (f *fakeNode) Break(_ context.Context, request *clientv1.BreakRequest) (*clientv1.BreakResponse, error) {
	f.note(request)
	return f.broken, f.err
}

// refusal returns an error in a node's form.
func refusal(t *testing.T, code codes.Code, is clientv1.Code, message string) error {
	t.Helper()
	s, err := status.New(code, message).WithDetails(&clientv1.Error{Code: is, Message: message})
	check(t, err)
	return s.Err()
}

// conchCommand prepares the real program, which knows only the nodes that its arguments
// name.
func conchCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Env = append(os.Environ(), "CONCH_NODE=", "XDG_RUNTIME_DIR="+t.TempDir())
	return cmd
}

// conchRun runs the program to its end.
func conchRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return finish(t, conchCommand(t, args...))
}

func finish(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaints.String()
}

// expect compares an exit code, and the beginnings of both outputs, with the wanted ones.
func expect(t *testing.T, code int, stdout, stderr string, wantCode int, wantStdout, wantStderr string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d", code, wantCode)
	}
	if !strings.HasPrefix(stdout, wantStdout) || wantStdout == "" && stdout != "" {
		t.Errorf("standard output:\n%s\nwant it to begin with\n%s", stdout, wantStdout)
	}
	if !strings.HasPrefix(stderr, wantStderr) || wantStderr == "" && stderr != "" {
		t.Errorf("standard error:\n%s\nwant it to begin with\n%s", stderr, wantStderr)
	}
}

// TestFailuresOfACall: each failure at the node has an exit code, and one line with the
// node's words.
func TestFailuresOfACall(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code int
		text string
	}{
		"name":        {refusal(t, codes.InvalidArgument, clientv1.Code_CODE_INVALID_NAME, "no such name"), exitUsage, "no such name"},
		"field":       {refusal(t, codes.InvalidArgument, clientv1.Code_CODE_INVALID_FIELD, "bad scope"), exitUsage, "bad scope"},
		"unreachable": {refusal(t, codes.Unavailable, clientv1.Code_CODE_UNREACHABLE, "b:2 is silent"), exitUnreachable, "b:2 is silent"},
		"leaving":     {refusal(t, codes.Unavailable, clientv1.Code_CODE_NODE_LEAVING, "it is stopping"), exitUnreachable, "it is stopping"},
		"no session":  {refusal(t, codes.Unavailable, clientv1.Code_CODE_NO_SESSION, "no quorum"), exitUnreachable, "no quorum"},
		"not held":    {refusal(t, codes.NotFound, clientv1.Code_CODE_NOT_HELD, "nobody holds it"), exitNotHeld, "nobody holds it"},
		"wrong fence": {refusal(t, codes.FailedPrecondition, clientv1.Code_CODE_WRONG_FENCE, "it is 6"), exitWrongFence, "it is 6"},
		"later code":  {refusal(t, codes.FailedPrecondition, 99, "the moon is full"), exitFailure, "the moon is full"},
		"hostile":     {refusal(t, codes.NotFound, clientv1.Code_CODE_NOT_HELD, "a\033[2J\nb"), exitNotHeld, `"a\x1b[2J\nb"`},
		"bare":        {status.Error(codes.Unavailable, "shutting down"), exitUnreachable, "shutting down"},
		"late":        {status.Error(codes.DeadlineExceeded, "too late"), exitUnreachable, "too late"},
		"forbidden":   {status.Error(codes.PermissionDenied, "you may not\033"), exitFailure, `PermissionDenied: "you may not\x1b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := (&fakeNode{err: c.err}).serve(t)
			want := "conch: the node at unix:" + node.socket + ": " + c.text + "\n"
			code, stdout, stderr := conchRun(t, "who", "deploy", "--node", node.socket)
			expect(t, code, stdout, stderr, c.code, "", want)
			code, stdout, stderr = conchRun(t, "break", "deploy", "--fence", "5", "--reason", "x", "--node", node.socket)
			expect(t, code, stdout, stderr, c.code, "", want)
		})
	}
}

// TestOtherServer: another program listens at the address.
func TestOtherServer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "other.sock")
	listener, err := net.Listen("unix", socket)
	check(t, err)
	server := grpc.NewServer()
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	defer func() { server.Stop(); check(t, <-served) }()
	code, stdout, stderr := conchRun(t, "status", "--node", socket)
	expect(t, code, stdout, stderr, exitUnreachable, "", "conch: the node at unix:"+socket+": whatever listens there does not serve clients of conch")
}

// TestWhichNodeIsAsked: the flag goes before the environment, and of a list the first node
// that answers is asked.
func TestWhichNodeIsAsked(t *testing.T) {
	node := (&fakeNode{}).serve(t)
	gone := filepath.Join(t.TempDir(), "gone.sock")

	code, stdout, stderr := conchRun(t, "who", "deploy", "--node", gone+",unix:"+node.socket)
	expect(t, code, stdout, stderr, exitNotHeld, "Nobody holds deploy.\n", "")

	cmd := conchCommand(t, "who", "deploy")
	cmd.Env = append(cmd.Env, "CONCH_NODE="+node.socket)
	code, stdout, stderr = finish(t, cmd)
	expect(t, code, stdout, stderr, exitNotHeld, "Nobody holds deploy.\n", "")

	code, stdout, stderr = conchRun(t, "who", "deploy", "--node", gone)
	expect(t, code, stdout, stderr, exitUnreachable, "", "conch: no node can be reached: unix:"+gone)

	cmd = conchCommand(t, "who", "deploy")
	cmd.Env = append(cmd.Env, "CONCH_NODE=nowhere")
	code, stdout, stderr = finish(t, cmd)
	expect(t, code, stdout, stderr, exitUsage, "", `conch: CONCH_NODE: `)
}

// TestSilentNode: the command gives up a node that does not answer.
func TestSilentNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancelCause(t.Context())
		_, err := within(end, func() (int, error) {
			<-ctx.Done()
			return 0, status.FromContextError(ctx.Err()).Err()
		})
		err = new(asked).failure(ctx, err)
		if !errors.Is(err, errSilent) || exitCode(err) != exitUnreachable {
			t.Errorf("%v, exit code %d, want %v and %d", err, exitCode(err), errSilent, exitUnreachable)
		}
	})
}
