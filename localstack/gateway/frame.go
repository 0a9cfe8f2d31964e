package gateway

import (
	"encoding/binary"
	"unicode/utf8"
)

// Limits of the service (developer guide, quotas for WebSocket APIs).
const (
	maxFrame   = 32 << 10  // payload of one frame, either way
	maxMessage = 128 << 10 // payload of one message, either way
)

// Opcodes of RFC 6455, section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

const maxControl = 125 // payload of a control frame (RFC 6455, 5.5)

// maxFrameHeader is the longest header: two bytes, eight of length, four of mask.
const maxFrameHeader = 14

// frameHeader is the head of one frame from a client.
type frameHeader struct {
	fin, masked bool
	rsv         byte
	opcode      byte
	mask        [4]byte
	length      uint64
	// minimal is false when the length is written in more bytes than it needs, or has its top bit set.
	minimal bool
}

func (h *frameHeader) control() bool { return h.opcode&0x8 != 0 }

// parseFrameHeader reads a header from the start of b and returns its size, or 0 when b holds too little.
func parseFrameHeader(b []byte) (h frameHeader, size int) {
	if len(b) < 2 {
		return h, 0
	}
	h = frameHeader{fin: b[0]&0x80 != 0, rsv: b[0] & 0x70, opcode: b[0] & 0x0f, masked: b[1]&0x80 != 0, minimal: true}
	size = 2
	switch n := b[1] & 0x7f; n {
	case 126:
		if len(b) < 4 {
			return h, 0
		}
		h.length, size = uint64(binary.BigEndian.Uint16(b[2:])), 4
		h.minimal = h.length > 125
	case 127:
		if len(b) < 10 {
			return h, 0
		}
		h.length, size = binary.BigEndian.Uint64(b[2:]), 10
		h.minimal = h.length > 0xffff && h.length < 1<<63
	default:
		h.length = uint64(n)
	}
	if h.masked {
		if len(b) < size+4 {
			return h, 0
		}
		copy(h.mask[:], b[size:])
		size += 4
	}
	return h, size
}

// violation is a frame or message that ends the connection: the close code and its reason.
type violation struct {
	code   int
	reason string
}

// check returns what is wrong with a frame, given whether a fragmented message is open and how many bytes it
// has; code 0 is nothing.
func (h *frameHeader) check(open bool, have int) violation {
	switch {
	case !h.masked:
		return violation{1002, "Frames must be masked"} // RFC 6455, 5.1
	case h.rsv != 0 || !h.minimal:
		return violation{1002, "Malformed frame"} // no extension is ever negotiated
	case h.control():
		return h.checkControl()
	case h.opcode == opBinary:
		return violation{1003, "Binary is not supported"}
	case h.opcode > opBinary:
		return violation{1002, "Unknown opcode"}
	case (h.opcode == opContinuation) != open:
		return violation{1002, "Unexpected fragment"}
	case h.length > maxFrame || uint64(have)+h.length > maxMessage:
		return violation{1009, "Message too long"}
	}
	return violation{}
}

func (h *frameHeader) checkControl() violation {
	switch {
	case h.opcode > opPong:
		return violation{1002, "Unknown opcode"}
	case !h.fin || h.length > maxControl:
		return violation{1002, "Malformed control frame"}
	}
	return violation{}
}

// unmask undoes a client's mask in place. p is the start of the payload.
func unmask(p []byte, mask [4]byte) {
	word := uint64(binary.LittleEndian.Uint32(mask[:]))
	word |= word << 32
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^word)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= mask[i&3]
	}
}

// appendFrame appends one unmasked frame, as a server sends it.
func appendFrame(b []byte, fin bool, opcode byte, payload []byte) []byte {
	if fin {
		opcode |= 0x80
	}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, opcode, byte(n))
	case n <= 0xffff:
		b = append(b, opcode, 126, byte(n>>8), byte(n))
	default:
		b = append(b, opcode, 127)
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(b, payload...)
}

// appendMessage appends a text message. One over 32 KB is cut into frames of that size: the frame limit
// holds in both directions.
func appendMessage(b, payload []byte) []byte {
	opcode := byte(opText)
	for len(payload) > maxFrame {
		b = appendFrame(b, false, opcode, payload[:maxFrame])
		payload, opcode = payload[maxFrame:], opContinuation
	}
	return appendFrame(b, true, opcode, payload)
}

// appendClose appends a close frame; code 1005, which may not be sent, stands for a frame without a code.
func appendClose(b []byte, code int, reason string) []byte {
	if code == 1005 {
		return appendFrame(b, true, opClose, nil)
	}
	p := make([]byte, 0, maxControl)
	p = binary.BigEndian.AppendUint16(p, uint16(code))
	p = append(p, reason[:min(len(reason), maxControl-2)]...)
	return appendFrame(b, true, opClose, p)
}

// parseClose reads the payload of a client's close frame. A code that may not be on the wire is answered
// with 1002 and a reason that is not UTF-8 with 1007.
func parseClose(p []byte) (code int, reason string, bad violation) {
	if len(p) == 0 {
		return 1005, "Client-side close frame status not set", violation{}
	}
	if len(p) == 1 {
		return 0, "", violation{1002, "Malformed close frame"}
	}
	code = int(binary.BigEndian.Uint16(p))
	switch {
	case !sendableCode(code):
		return 0, "", violation{1002, "Malformed close frame"}
	case !utf8.Valid(p[2:]):
		return 0, "", violation{1007, "Invalid UTF-8"}
	}
	return code, string(p[2:]), violation{}
}

// sendableCode follows RFC 6455, 7.4: 1004 to 1006 and 1015 are never sent, 1016 to 2999 are unassigned.
func sendableCode(code int) bool {
	switch {
	case code >= 3000:
		return code < 5000
	case code >= 1000:
		return code <= 1014 && (code < 1004 || code > 1006)
	}
	return false
}
