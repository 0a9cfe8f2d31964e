package contact_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/identity"
)

func (w *world) pem(public any) string {
	w.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	w.must(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// A business that signs with a key of its own gives us the public half, of a kind and size that is safe today.
func TestPublicKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	w.must(err)
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	weak := &rsa.PublicKey{N: new(big.Int).Rsh(strong.N, 1024), E: strong.E} // nobody needs the other half
	for what, c := range map[string]struct {
		algorithm identity.Algorithm
		key       any
	}{
		"another curve": {identity.ES256, &p384.PublicKey}, "RSA for ES256": {identity.ES256, &strong.PublicKey}, "a curve for RS256": {identity.RS256, &p256.PublicKey},
		"a key for HS256": {identity.HS256, &p256.PublicKey}, "a short key": {identity.RS256, weak},
	} {
		_, _, err := w.tokens.Make(t.Context(), w.admin, "", c.algorithm, w.pem(c.key))
		w.refused(what, err, chat.CodeInvalid, "")
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	for want, public := range map[identity.Algorithm]any{identity.RS256: &strong.PublicKey, identity.ES256: &p256.PublicKey, identity.EdDSA: edwards} {
		for _, named := range []identity.Algorithm{want, ""} { // what a key is for follows from its kind
			key, secret, err := w.tokens.Make(t.Context(), w.admin, "", named, w.pem(public))
			w.must(err)
			w.same("algorithm and no secret", [2]string{string(key.Algorithm), secret}, [2]string{string(want), ""})
		}
	}
	for what, c := range map[string]struct {
		named identity.Algorithm
		key   any
	}{
		"nothing": {"", nil}, "EdDSA with a curve": {identity.EdDSA, &p256.PublicKey}, "a short key of no name": {"", weak}, "Ed25519 for HS256": {identity.HS256, edwards},
	} {
		text := ""
		if c.key != nil {
			text = w.pem(c.key)
		}
		_, secret, err := w.tokens.Make(t.Context(), w.admin, "", c.named, text)
		w.refused(what, err, chat.CodeInvalid, "")
		w.same(what+": a secret that nobody asked for by name", secret, "")
	}
	key, secret, err := w.tokens.Make(t.Context(), w.admin, "", identity.ES256, w.pem(&p256.PublicKey))
	w.must(err)
	w.same("secret", secret, "")
	part := func(v any) string {
		b, err := json.Marshal(v)
		w.must(err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(object{"alg": "ES256", "kid": key.ID}) + "." + part(w.claims("42", nil))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p256, sum[:])
	w.must(err)
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	opened, _, err := w.visit("", text+"."+base64.RawURLEncoding.EncodeToString(sig))
	w.must(err)
	w.same("the same customer as by a secret", w.identified("42", nil).Session.User, opened.Session.User)
}
