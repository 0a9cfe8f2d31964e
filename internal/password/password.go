// Package password hashes passwords with Argon2id.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Parameters of new hashes: 19 MiB, 2 passes, 1 lane, the first choice for Argon2id in OWASP's Password Storage
// Cheat Sheet. Salt and key sizes are those of RFC 9106 section 4.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	lanes     = 1
	saltSize  = 16
	keySize   = 32
)

// Bounds on what a stored hash may demand, so that no row can stall or kill a function.
const (
	maxMemoryKiB = 64 * 1024
	maxPasses    = 10
	maxLanes     = 4
)

// Argon2id implements identity.Passwords. Hashes are PHC strings: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type Argon2id struct{}

type hash struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// Hash returns a salted hash.
func (Argon2id) Hash(password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails: crypto/rand crashes the program instead (Go 1.24)
	h := hash{memoryKiB, passes, lanes, salt, nil}
	h.key = h.derive(password, keySize)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.key)), nil
}

// Verify says whether encoded was made from password. For what is not a hash, "" included, it derives a key all
// the same, so that its time does not tell whether an account exists.
func (Argon2id) Verify(encoded, password string) bool {
	h, ok := parse(encoded)
	if !ok {
		h = hash{memoryKiB, passes, lanes, make([]byte, saltSize), make([]byte, keySize)}
	}
	key := h.derive(password, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1 && ok
}

func (h hash) derive(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, size)
}

func parse(encoded string) (h hash, ok bool) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, false
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes)
	if n != 3 || err != nil || fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.passes, h.lanes) != parts[3] {
		return h, false
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, keyErr = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	return h, saltErr == nil && keyErr == nil && h.bounded()
}

func (h hash) bounded() bool {
	return h.passes >= 1 && h.passes <= maxPasses && h.lanes >= 1 && h.lanes <= maxLanes && h.memory <= maxMemoryKiB &&
		len(h.salt) >= 8 && len(h.salt) <= 64 && len(h.key) >= 16 && len(h.key) <= 64
}
