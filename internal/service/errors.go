package service

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

// statusCodes are the gRPC codes that calls end with.
var statusCodes = map[clientv1.Code]codes.Code{
	clientv1.Code_CODE_INVALID_NAME:   codes.InvalidArgument,
	clientv1.Code_CODE_INVALID_ID:     codes.InvalidArgument,
	clientv1.Code_CODE_INVALID_FIELD:  codes.InvalidArgument,
	clientv1.Code_CODE_BUSY:           codes.ResourceExhausted,
	clientv1.Code_CODE_NO_SESSION:     codes.Unavailable,
	clientv1.Code_CODE_NODE_LEAVING:   codes.Unavailable,
	clientv1.Code_CODE_TOO_MANY_WAITS: codes.ResourceExhausted,
	clientv1.Code_CODE_NOT_HELD:       codes.NotFound,
	clientv1.Code_CODE_WRONG_FENCE:    codes.FailedPrecondition,
	clientv1.Code_CODE_UNREACHABLE:    codes.Unavailable,
	clientv1.Code_CODE_WRONG_VERSION:  codes.FailedPrecondition,
	clientv1.Code_CODE_FORBIDDEN:      codes.PermissionDenied,
	clientv1.Code_CODE_TOO_MANY_NAMES: codes.ResourceExhausted,
	clientv1.Code_CODE_TOO_MANY_CALLS: codes.ResourceExhausted,
	clientv1.Code_CODE_NOT_READ:       codes.ResourceExhausted,
	clientv1.Code_CODE_OTHER_LIMIT:    codes.FailedPrecondition,

	clientv1.Code_CODE_TOO_MANY_VALUES: codes.ResourceExhausted,
	clientv1.Code_CODE_RAN:             codes.FailedPrecondition,
	clientv1.Code_CODE_INVALID_TICK:    codes.InvalidArgument,
	clientv1.Code_CODE_NOTES_FULL:      codes.ResourceExhausted,
	clientv1.Code_CODE_NO_NOTES:        codes.FailedPrecondition,

	clientv1.Code_CODE_CANNOT_CHANGE: codes.FailedPrecondition,
	clientv1.Code_CODE_CHANGING:      codes.Aborted,
}

// fault is an error for a client.
func fault(code clientv1.Code, format string, args ...any) *clientv1.Error {
	return &clientv1.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// asStatus is what a call ends with for a fault.
func asStatus(f *clientv1.Error) error {
	s := status.New(statusCodes[f.GetCode()], f.GetMessage())
	if detailed, err := s.WithDetails(f); err == nil {
		s = detailed
	}
	return s.Err()
}

// faultIn returns the fault that a call to another node ended with, if it did.
func faultIn(err error) (*clientv1.Error, bool) {
	for _, detail := range status.Convert(err).Details() {
		if f, ok := detail.(*clientv1.Error); ok {
			return f, true
		}
	}
	return nil, false
}

// claimFault says to a client why the driver refused what it wants.
func claimFault(err error) *clientv1.Error {
	switch {
	case errors.Is(err, broadcast.ErrName):
		return fault(clientv1.Code_CODE_INVALID_NAME, "%v", err)
	case errors.Is(err, broadcast.ErrBusy):
		return fault(clientv1.Code_CODE_BUSY, "%v", err)
	case errors.Is(err, broadcast.ErrLimit):
		return fault(clientv1.Code_CODE_OTHER_LIMIT, "%v", err)
	case errors.Is(err, broadcast.ErrPermits):
		return fault(clientv1.Code_CODE_INVALID_FIELD, "%v", err)
	case errors.Is(err, broadcast.ErrNoNotes):
		return fault(clientv1.Code_CODE_NO_NOTES, "%v", err)
	case errors.Is(err, broadcast.ErrTooManyLocks):
		return fault(clientv1.Code_CODE_TOO_MANY_NAMES, "%v", err)
	}
	return fault(clientv1.Code_CODE_NODE_LEAVING, "%v", err)
}
