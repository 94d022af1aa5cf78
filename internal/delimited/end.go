package delimited

import (
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// endOf is the End for what gRPC would make a status of.
func endOf(err error) *clientv1.End {
	s := status.Convert(err)
	if s.Code() == codes.OK {
		return new(clientv1.End)
	}
	end := &clientv1.End{Status: uint32(s.Code()), Error: &clientv1.Error{Message: s.Message()}}
	for _, detail := range s.Details() {
		if e, ok := detail.(*clientv1.Error); ok {
			end.Error = e
		}
	}
	return end
}

// endError is what an End stands for, as gRPC would tell it: io.EOF in peace.
func endError(end *clientv1.End) error {
	if end.GetStatus() == uint32(codes.OK) {
		return io.EOF
	}
	s := status.New(codes.Code(end.GetStatus()), end.GetError().GetMessage())
	if end.GetError().GetCode() != clientv1.Code_CODE_UNSPECIFIED {
		if detailed, err := s.WithDetails(end.GetError()); err == nil {
			s = detailed
		}
	}
	return s.Err()
}

// asStatus gives a connection's error the code that gRPC has for it. io.EOF, and the error
// of an interrupt, stay what they are.
func asStatus(err error) error {
	var code codes.Code
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, ErrTooLong):
		code = codes.ResourceExhausted
	case errors.Is(err, ErrLength), errors.Is(err, ErrMessage), errors.Is(err, io.ErrUnexpectedEOF):
		code = codes.Internal
	default:
		code = codes.Unavailable
	}
	return status.Error(code, fmt.Sprintf("the stream of frames: %v", err))
}
