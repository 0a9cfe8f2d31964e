package customertoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/identity"
)

// keyring is one key of each kind, by its kid. Tokens are signed by hand, so that the library does not judge itself.
type keyring struct {
	secret []byte
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
	keys   map[string]identity.IdentityKey
}

func newKeyring(t *testing.T) *keyring {
	t.Helper()
	k := &keyring{secret: []byte("pis_0123456789012345678901234567890123456789012")}
	var err error
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	var public ed25519.PublicKey
	if public, k.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	der := func(public any) []byte {
		b, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	k.keys = map[string]identity.IdentityKey{
		"hs": {ID: "hs", Algorithm: identity.HS256, Material: k.secret},
		"rs": {ID: "rs", Algorithm: identity.RS256, Material: der(&k.rsa.PublicKey)},
		"es": {ID: "es", Algorithm: identity.ES256, Material: der(&k.ec.PublicKey)},
		"ed": {ID: "ed", Algorithm: identity.EdDSA, Material: der(public)},
	}
	return k
}

var errNoKey = identity.RefuseToken(identity.ReasonIdentityKey, "no such key")

func (k *keyring) find(kid string) (identity.IdentityKey, error) {
	key, ok := k.keys[kid]
	if !ok {
		return key, errNoKey
	}
	return key, nil
}

func segment(v any) string {
	raw, isText := v.(string)
	if !isText {
		b, _ := json.Marshal(v)
		raw = string(b)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(raw))
}

// sign makes a token whose signature is of the kind that is named.
func (k *keyring) sign(how string, header, claims any) string {
	text := segment(header) + "." + segment(claims)
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	switch how {
	case "hs":
		sig = mac(k.secret, text)
	case "rs":
		sig, _ = rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA256, sum[:])
	case "ed":
		sig = ed25519.Sign(k.ed, []byte(text))
	case "es":
		r, s, _ := ecdsa.Sign(rand.Reader, k.ec, sum[:])
		sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func mac(secret []byte, text string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(text))
	return m.Sum(nil)
}

type object = map[string]any

func header(alg, kid string) object { return object{"alg": alg, "kid": kid, "typ": "JWT"} }

func good() object {
	return object{
		"sub": "42", "aud": "w_1", "exp": 1_790_000_300, "iat": 1_790_000_000, "jti": "j1", "name": "Ada", "email": "ada@shop.example",
		"email_verified": true, "phone_number": "+41 44 000 00 00", "locale": "de-CH", "zoneinfo": "Europe/Zurich",
		"fields": object{"plan": "gold", "seats": 12, "vip": true, "gone": nil}, "unknown": []int{1},
	}
}

func reason(t *testing.T, what string, err error, want identity.Reason) {
	t.Helper()
	var refusal *identity.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	want := identity.CheckedToken{
		ID: "j1", Audience: []string{"w_1"}, Expires: time.Unix(1_790_000_300, 0), IssuedAt: time.Unix(1_790_000_000, 0),
		CustomerClaims: identity.CustomerClaims{
			External: "42", Name: "Ada", Email: "ada@shop.example", EmailVerified: true, Phone: "+41 44 000 00 00", Locale: "de-CH", Zone: "Europe/Zurich",
			Fields: map[string]string{"plan": "gold", "seats": "12", "vip": "true", "gone": ""},
		},
	}
	for how, alg := range map[string]string{"hs": "HS256", "rs": "RS256", "es": "ES256", "ed": "EdDSA"} {
		got, err := Checker{}.Check(k.sign(how, header(alg, how), good()), k.find)
		if err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", alg, d)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	with := func(name string, v any) object {
		c := good()
		c[name] = v
		return c
	}
	confused := func(material []byte) string {
		text := segment(header("HS256", "rs")) + "." + segment(good())
		return text + "." + base64.RawURLEncoding.EncodeToString(mac(material, text))
	}
	whole := k.sign("hs", header("HS256", "hs"), good())
	part := strings.Split(whole, ".")
	crit := header("HS256", "hs")
	crit["crit"] = []string{"exp"}
	own := k.keys["ed"].Material // an attacker's own key, offered with the token
	offered := func(name string, v any) string {
		h := header("HS256", "hs")
		h[name] = v
		text := segment(h) + "." + segment(good())
		return text + "." + base64.RawURLEncoding.EncodeToString(mac(own, text))
	}
	pemOf := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}) }
	for _, c := range []struct {
		what, token string
		want        identity.Reason
	}{
		{"nOnE", segment(header("nOnE", "hs")) + "." + part[1] + ".", identity.ReasonIdentityAlgorithm},
		{"NONE, signed", k.sign("hs", header("NONE", "hs"), good()), identity.ReasonIdentityAlgorithm},
		{"hs256", k.sign("hs", header("hs256", "hs"), good()), identity.ReasonIdentityAlgorithm},
		{"public key as HMAC secret, PEM", confused(pemOf(k.keys["rs"].Material)), identity.ReasonIdentityAlgorithm},
		{"a key in the header", offered("jwk", object{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString(own)}), identity.ReasonIdentitySignature},
		{"the address of a key", offered("jku", "https://evil.example/keys"), identity.ReasonIdentitySignature},
		{"the address of a certificate", offered("x5u", "https://evil.example/c.pem"), identity.ReasonIdentitySignature},
		{"a certificate", offered("x5c", []string{base64.StdEncoding.EncodeToString(own)}), identity.ReasonIdentitySignature},
		{"claims that are not base64", offered("b64", false), identity.ReasonIdentitySignature},
		{"kid that is a path", k.sign("hs", header("HS256", "../../dev/null"), good()), identity.ReasonIdentityKey},
		{"kid that is a query", k.sign("hs", header("HS256", "hs' OR '1'='1"), good()), identity.ReasonIdentityKey},
		{"kid that is a list", k.sign("hs", object{"alg": "HS256", "kid": []string{"hs"}}, good()), identity.ReasonIdentityKey},
		{"alg that is a list", k.sign("hs", object{"alg": []string{"HS256"}, "kid": "hs"}, good()), identity.ReasonIdentityAlgorithm},
		{"encrypted", whole + ".x.y", identity.ReasonIdentityMalformed},
		{"nothing", "", identity.ReasonIdentityMalformed},
		{"two parts", part[0] + "." + part[1], identity.ReasonIdentityMalformed},
		{"four parts", whole + ".x", identity.ReasonIdentityMalformed},
		{"padding", part[0] + "." + part[1] + "." + part[2] + "==", identity.ReasonIdentityMalformed},
		{"no JSON", k.sign("hs", "{", good()), identity.ReasonIdentityMalformed},
		{"claims that are a list", k.sign("hs", header("HS256", "hs"), []int{1}), identity.ReasonIdentityClaims},
		{"crit", k.sign("hs", crit, good()), identity.ReasonIdentityMalformed},
		{"none, without a signature", segment(header("none", "hs")) + "." + part[1] + ".", identity.ReasonIdentityAlgorithm},
		{"None", segment(header("None", "hs")) + "." + part[1] + ".", identity.ReasonIdentityAlgorithm},
		{"no alg", k.sign("hs", object{"kid": "hs"}, good()), identity.ReasonIdentityAlgorithm},
		{"HS512", k.sign("hs", header("HS512", "hs"), good()), identity.ReasonIdentityAlgorithm},
		{"RS256 for the key of an HMAC", k.sign("rs", header("RS256", "hs"), good()), identity.ReasonIdentityAlgorithm},
		{"public key as HMAC secret, DER", confused(k.keys["rs"].Material), identity.ReasonIdentityAlgorithm},
		{"EdDSA for a key of a curve", k.sign("ed", header("EdDSA", "es"), good()), identity.ReasonIdentityAlgorithm},
		{"another's EdDSA", k.sign("es", header("EdDSA", "ed"), good()), identity.ReasonIdentitySignature},
		{"HS256 under an EdDSA key", k.sign("hs", header("HS256", "ed"), good()), identity.ReasonIdentityAlgorithm},
		{"ES256 for an RSA key", k.sign("es", header("ES256", "rs"), good()), identity.ReasonIdentityAlgorithm},
		{"unknown kid", k.sign("hs", header("HS256", "other"), good()), identity.ReasonIdentityKey},
		{"no kid", k.sign("hs", object{"alg": "HS256"}, good()), identity.ReasonIdentityKey},
		{"kid that is a number", k.sign("hs", object{"alg": "HS256", "kid": 1}, good()), identity.ReasonIdentityKey},
		{"another HMAC", part[0] + "." + part[1] + "." + segment("x"), identity.ReasonIdentitySignature},
		{"an empty signature", part[0] + "." + part[1] + ".", identity.ReasonIdentitySignature},
		{"other claims", part[0] + "." + segment(with("sub", "43")) + "." + part[2], identity.ReasonIdentitySignature},
		{"another's RSA", k.sign("es", header("RS256", "rs"), good()), identity.ReasonIdentitySignature},
		{"another's ECDSA", k.sign("rs", header("ES256", "es"), good()), identity.ReasonIdentitySignature},
		{"sub that is a number", k.sign("hs", header("HS256", "hs"), with("sub", 42)), identity.ReasonIdentityClaims},
		{"a field that is an object", k.sign("hs", header("HS256", "hs"), with("fields", object{"a": object{}})), identity.ReasonIdentityMalformed},
		{"exp before 1970", k.sign("hs", header("HS256", "hs"), with("exp", -5)), identity.ReasonIdentityClaims},
		{"exp beyond everything", k.sign("hs", header("HS256", "hs"), with("exp", 1e15)), identity.ReasonIdentityClaims},
	} {
		_, err := Checker{}.Check(c.token, k.find)
		reason(t, c.what, err, c.want)
	}
}

// What storage says is not taken for a refusal of the token.
func TestFailureOfTheKeyStore(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	away := errors.New("away")
	_, err := Checker{}.Check(k.sign("hs", header("HS256", "hs"), good()), func(string) (identity.IdentityKey, error) { return identity.IdentityKey{}, away })
	if !errors.Is(err, away) {
		t.Error(err)
	}
}

func FuzzCheck(f *testing.F) {
	secret := []byte("pis_0123456789012345678901234567890123456789012")
	signed := segment(header("HS256", "hs")) + "." + segment(good())
	f.Add(signed + "." + base64.RawURLEncoding.EncodeToString(mac(secret, signed)))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		got, err := Checker{}.Check(token, func(string) (identity.IdentityKey, error) {
			return identity.IdentityKey{ID: "hs", Algorithm: identity.HS256, Material: secret}, nil
		})
		if err != nil {
			var refusal *identity.Refusal
			if !errors.As(err, &refusal) {
				t.Errorf("%q: %v", token, err)
			}
			return
		}
		if part := strings.Split(token, "."); len(part) != 3 || !hmac.Equal([]byte(part[2]), []byte(base64.RawURLEncoding.EncodeToString(mac(secret, part[0]+"."+part[1])))) {
			t.Errorf("%q got through as %+v", token, got)
		}
	})
}
