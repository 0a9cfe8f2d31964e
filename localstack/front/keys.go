package front

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"sync"

	"github.com/parley-chat/parley/localstack/seam"
)

// Keys knows which access key belongs to whom. It is safe for concurrent use. Keys are random, so that a process of an
// earlier start of the stack, which may still be writing, is refused.
type Keys struct {
	mu       sync.RWMutex
	callers  map[string]seam.Caller // by access key id
	adminID  string
	adminKey string
}

// NewKeys returns a registry that holds only the admin key, which may do everything. Empty strings make a random one.
func NewKeys(adminID, adminSecret string) *Keys {
	if adminID == "" {
		adminID = newAccessKeyID()
	}
	if adminSecret == "" {
		adminSecret = rand.Text()
	}
	return &Keys{callers: map[string]seam.Caller{adminID: {}}, adminID: adminID, adminKey: adminSecret}
}

// newAccessKeyID makes an id in the form of temporary credentials: ASIA and 16 characters.
func newAccessKeyID() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return "ASIA" + base32.StdEncoding.EncodeToString(b)
}

// Admin returns the key of tools and of the stack itself.
func (k *Keys) Admin() (accessKeyID, secret string) { return k.adminID, k.adminKey }

// Issue makes a key for a caller. A caller with an empty Function may do everything.
func (k *Keys) Issue(caller seam.Caller) (accessKeyID, secret string) {
	id := newAccessKeyID()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.callers[id] = caller
	return id, rand.Text()
}

// Revoke ends all keys of a caller: what it sends from now on is refused. Calls that have entered go on.
func (k *Keys) Revoke(caller seam.Caller) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, c := range k.callers {
		if c == caller && id != k.adminID {
			delete(k.callers, id)
		}
	}
}

// caller finds who signed a request. known is false for an unknown key, signed is false without a signature.
func (k *Keys) caller(authorization string) (c seam.Caller, known, signed bool) {
	const scheme = "AWS4-HMAC-SHA256 Credential="
	rest, ok := strings.CutPrefix(authorization, scheme)
	if !ok {
		return seam.Caller{}, false, false
	}
	id, _, ok := strings.Cut(rest, "/")
	if !ok {
		return seam.Caller{}, false, false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	c, known = k.callers[id]
	return c, known, true
}
