package pki

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

const (
	// http2Preface is the beginning of HTTP/2 without TLS (RFC 9113, section 3.4).
	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// peekBytes are enough to recognise it: TLS begins with the byte 0x16.
	peekBytes = 5

	// wantTLS is the answer to HTTP/2 without TLS.
	wantTLS = "this node wants TLS: give --tls-cert, --tls-key and --tls-ca"

	// Of HTTP/2 (RFC 9113, sections 4.1, 6 and 7).
	frameHeaderBytes   = 9
	frameHeaders       = 0x1
	frameSettings      = 0x4
	frameGoAway        = 0x7
	inadequateSecurity = 0xc
	lastStream         = 1<<31 - 1

	// refusedPatience and refusedBytes bound what is read from a refused connection.
	refusedPatience = time.Second
	refusedBytes    = 64 << 10
)

// peekedConn is a connection that recognises HTTP/2 without TLS by its first bytes, before
// more is read.
type peekedConn struct {
	net.Conn
	begun bool
	plain bool
}

func (c *peekedConn) Read(p []byte) (int, error) {
	if c.begun || len(p) < peekBytes {
		return c.Conn.Read(p)
	}
	c.begun = true
	n, err := io.ReadFull(c.Conn, p[:peekBytes])
	c.plain = n == peekBytes && string(p[:n]) == http2Preface[:n]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// tellPlainText tells a gRPC client without TLS what is wrong, by a GOAWAY whose debug data
// the client shows to its user. Otherwise the client would see an end without a reason. The
// client shows the text for a call that has begun, so tellPlainText waits for the first
// call.
func tellPlainText(raw net.Conn) {
	_ = raw.SetDeadline(time.Now().Add(refusedPatience))
	if _, err := raw.Write(frame(frameSettings, nil)); err != nil {
		return
	}
	in := io.LimitReader(raw, refusedBytes)
	_, err := io.CopyN(io.Discard, in, int64(len(http2Preface)-peekBytes))
	for kind := byte(0); err == nil && kind != frameHeaders; {
		kind, err = skipFrame(in)
	}
	_ = raw.SetDeadline(time.Now().Add(refusedPatience))
	goAway := binary.BigEndian.AppendUint32(nil, lastStream)
	goAway = binary.BigEndian.AppendUint32(goAway, inadequateSecurity)
	_, _ = raw.Write(frame(frameGoAway, append(goAway, wantTLS...)))
}

// hangUp closes a refused connection. If it were closed at once, with bytes unread, it
// would be reset, and the reason would be lost.
func hangUp(raw net.Conn) {
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(refusedPatience))
	if half, ok := raw.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(raw, refusedBytes))
	}
}

// skipFrame reads a frame and returns its kind.
func skipFrame(in io.Reader) (byte, error) {
	var header [frameHeaderBytes]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return 0, err
	}
	length := int64(header[0])<<16 | int64(header[1])<<8 | int64(header[2])
	_, err := io.CopyN(io.Discard, in, length)
	return header[3], err
}

// frame makes a frame for stream 0, without flags.
func frame(kind byte, payload []byte) []byte {
	length := len(payload)
	return append([]byte{byte(length >> 16), byte(length >> 8), byte(length), kind, 0, 0, 0, 0, 0}, payload...)
}
