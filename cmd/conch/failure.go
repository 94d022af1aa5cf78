package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// failure converts the error of a call to the error that ends the program, with the node's
// own words and the exit code for its code.
func (a *asked) failure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return a.exit(exitUnreachable, cause)
	}
	answer := status.Convert(err)
	for _, detail := range answer.Details() {
		if told, ok := detail.(*clientv1.Error); ok {
			return a.exit(codeExit(told.GetCode()), errors.New(render.Plain(told.GetMessage())))
		}
	}
	switch answer.Code() {
	case codes.Unimplemented:
		return a.exit(exitUnreachable, errors.New("whatever listens there does not serve clients of conch, or is of another version"))
	case codes.Unavailable, codes.DeadlineExceeded:
		return a.exit(exitUnreachable, errors.New(render.Plain(answer.Message())))
	default:
		return a.exit(exitFailure, fmt.Errorf("%v: %s", answer.Code(), render.Plain(answer.Message())))
	}
}

// prior is gRPC's text for a node that gave a reason and then hung up.
var prior = regexp.MustCompile(`(rpc error: code = Unavailable desc = )?closing transport due to: connection error: desc = "[^"]*", received prior goaway: code: [A-Z_]+, debug data: "([^"]*)"`)

// toldLast replaces gRPC's text by the reason that a node gave before it hung up.
func toldLast(text string) string { return prior.ReplaceAllString(text, "$2") }

// exit makes an error that names the node it came from.
func (a *asked) exit(code int, err error) error {
	return &exitError{code: code, err: fmt.Errorf("the node at %s: %w", a.target, err)}
}

// codeExit is the exit code for a code of the client service.
func codeExit(code clientv1.Code) int {
	switch code {
	case clientv1.Code_CODE_INVALID_NAME, clientv1.Code_CODE_INVALID_ID, clientv1.Code_CODE_INVALID_FIELD, clientv1.Code_CODE_OTHER_LIMIT, clientv1.Code_CODE_INVALID_TICK, clientv1.Code_CODE_NO_NOTES:
		return exitUsage
	case clientv1.Code_CODE_NOT_HELD:
		return exitNotHeld
	case clientv1.Code_CODE_WRONG_FENCE:
		return exitWrongFence
	case clientv1.Code_CODE_FORBIDDEN:
		return exitForbidden
	case clientv1.Code_CODE_UNREACHABLE, clientv1.Code_CODE_NODE_LEAVING, clientv1.Code_CODE_NO_SESSION:
		return exitUnreachable
	default:
		return exitFailure
	}
}
