package lambda

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"
)

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
