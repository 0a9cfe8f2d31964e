package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"
)

// idBytes is the size of AWS's connection, request and message ids: 11 bytes, so 16 base64 characters of
// which the last is '='. Recorded ids hold '-' and '_', the URL-safe alphabet.
const idBytes = 11

func randomID() string {
	var raw [idBytes]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand crashes the program instead
	return base64.URLEncoding.EncodeToString(raw[:])
}

// wellFormedID tells an id that a gateway may once have issued (unknown: 410) from one it never could have
// (400).
func wellFormedID(id string) bool {
	if len(id) != 16 || id[15] != '=' {
		return false
	}
	for i := range 15 {
		if !isIDChar(id[i]) {
			return false
		}
	}
	return true
}

func isIDChar(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// newTrace makes an X-Amzn-Trace-Id header: "Root=1-65d2ff2e-718990494fd688f062bf1571".
func newTrace(now time.Time) string {
	var raw [12]byte
	_, _ = rand.Read(raw[:])
	b := make([]byte, 0, 48)
	b = append(b, "Root=1-"...)
	b = strconv.AppendInt(b, now.Unix(), 16)
	b = append(b, '-')
	return string(hex.AppendEncode(b, raw[:]))
}

// newUUID makes the x-amzn-requestid of an AWS answer.
func newUUID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	b := make([]byte, 0, 36)
	for i, cut := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, raw[[...]int{0, 4, 6, 8, 10}[i]:cut])
	}
	return string(b)
}
