package wire

import (
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto" // which also registers it
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// codec is gRPC's own for protobuf, but converts some messages of the algorithm directly,
// without the generated types, where that pays; see compact.go. The bytes on the wire are
// the same.
type codec struct{ encoding.CodecV2 }

// Codec encodes and decodes the streams between members.
var Codec encoding.CodecV2 = codec{encoding.GetCodecV2(protocodec.Name)}

// SentFrame is a frame to be sent. It is encoded before the call that sends it returns.
type SentFrame struct{ Messages []token.Message }

// ReceivedFrame is where a frame is decoded to.
type ReceivedFrame struct {
	Decoder  Decoder
	Messages []token.Message
	Err      error // why the frame makes no sense, or nil
	scratch  scratch
}

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	frame, ok := v.(*SentFrame)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	b, err := AppendFrame(make([]byte, 0, typicalFrameBytes), frame.Messages)
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

// Unmarshal implements encoding.CodecV2. An error means that the bytes are no frame at all.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	frame, ok := v.(*ReceivedFrame)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	return frame.Decode(buf.ReadOnlyData())
}

// typicalFrameBytes is room for a token of a small cluster.
const typicalFrameBytes = 192

// AppendFrame appends a frame of messages. Any frame serves as a KeepAlive, so a KeepAlive
// takes no bytes.
func AppendFrame(b []byte, messages []token.Message) (_ []byte, err error) {
	for i := range messages {
		switch m := &messages[i]; m.Kind {
		case token.KeepAlive:
		case token.Request:
			b = appendRequest(b, m)
		case token.TokenMessage:
			b = appendToken(b, m)
		default:
			one := peerv1.Frame{Messages: []*peerv1.Message{encode(m)}}
			if b, err = (proto.MarshalOptions{}).MarshalAppend(b, &one); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

// Decode takes a frame apart. It returns an error if the bytes are no frame. If the frame
// makes no sense, it sets Err.
func (f *ReceivedFrame) Decode(data []byte) error {
	f.Messages, f.Err = nil, nil
	if messages, ok := f.decodeCompact(data); ok {
		f.Messages = messages
		return nil
	}
	var frame peerv1.Frame
	if err := proto.Unmarshal(data, &frame); err != nil {
		return err
	}
	f.Messages, f.Err = f.Decoder.Messages(frame.GetMessages())
	return nil
}
