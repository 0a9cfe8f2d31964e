package lambda

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"
)

// newRequestID returns a random UUID (version 4), the form of Lambda's request ids.
func newRequestID() string {
	var b [16]byte
	fill(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// newTrace returns a trace header that is not sampled (AWS X-Ray: "Tracing header").
func newTrace(now time.Time) string {
	var b [20]byte
	fill(b[:])
	seconds := now.Unix()
	epoch := [4]byte{byte(seconds >> 24), byte(seconds >> 16), byte(seconds >> 8), byte(seconds)}
	return "Root=1-" + hex.EncodeToString(epoch[:]) + "-" + hex.EncodeToString(b[:12]) +
		";Parent=" + hex.EncodeToString(b[12:]) + ";Sampled=0"
}

// withRoot completes a trace header that has no root: a new trace, or a bare lineage.
func withRoot(trace string, now time.Time) string {
	switch {
	case trace == "":
		return newTrace(now)
	case strings.HasPrefix(trace, "Root="):
		return trace
	default:
		return newTrace(now) + ";" + trace
	}
}

func newToken(bytes int) string {
	b := make([]byte, bytes)
	fill(b)
	return hex.EncodeToString(b)
}

// fill never fails: crypto/rand ends the program rather than return an error.
func fill(b []byte) { _, _ = rand.Read(b) }
